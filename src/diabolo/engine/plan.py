"""A recorded list of operations made ready to run again with nothing around it.

Every operation gets its operands once. Results that are the same in every run are kept; the others
are written into buffers that are reused as soon as their last reader is done, element-wise ones in
place, gradients straight where they belong. What is left of a step is `for call in calls: call()`.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from diabolo.engine.speed import bare
from diabolo.engine.tape import Call, Spot, Tape

HANDED_ON = -1  # position of the last use of memory that another storage has taken over

# The number that leaves the other operand as it is. (x + 0 would turn −0 into 0.)
NEUTRAL = {"mul": 1, "div": 1, "pow": 1, "sub": 0}

# They leave their result empty: nothing to run, only memory to plan.
EMPTY = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}

# Their forms that write into given memory resize a 0-d result on the way.
UNSTEADY = {"mse_loss", "binary_cross_entropy"}


class Plan:
    """A tape bound to memory.

    tape    : the recorded operations; memory they found (parameters, buffers, inputs) is used
              where it lies, memory they made is planned anew.
    results : what the caller reads after a run, here as recorded; `plan.results` are the same
              tensors in planned memory.
    landing : pairs (recorded tensor, destination): a run leaves the one's value in the other.

    Building runs every operation once: restore buffers and generators afterwards. Run it inside
    `bare()`.
    """

    def __init__(
        self, tape: Tape, results: Sequence[Tensor], landing: Sequence[tuple[Tensor, Tensor]]
    ) -> None:
        calls, renamed = _without_neutral(tape.calls)
        wanted = [renamed(tape.spot(result)) for result in results]
        landed = [(renamed(tape.spot(source)), destination) for source, destination in landing]
        kept = [*wanted, *(spot for spot, _ in landed)]
        constant = _constants(calls)
        calls = _needed([call for call in calls if not _made_once(call, constant)], kept)
        memory = _Memory(tape, calls, constant, kept)
        with bare(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about results resized: such forms are not used
            left = [pair for pair in landed if not memory.land(*pair)]
            self.calls: list[Callable[[], Any]] = []
            for position, call in enumerate(calls):
                memory.make_room(position, call)
                if _name(call) not in EMPTY:
                    self.calls.append(_bound(call, memory.tensor))
                memory.release(position)
            for source, destination in left:
                self.calls.append(partial(destination.copy_, memory.tensor(source)))
                self.calls[-1]()
            self.results = [memory.tensor(spot) for spot in wanted]

    def run(self) -> None:
        """All operations, in order."""
        for call in self.calls:
            call()


def _name(call: Call) -> str:
    return call.function._schema.name.removeprefix("aten::")


def _without_neutral(calls: Sequence[Call]) -> tuple[list[Call], Callable[[Spot], Spot]]:
    """The calls but x · 1, x / 1, x − 0 and x¹, and what their results are called instead.

    Nobody writes them, but derivatives and standard deviations of 1 do: 8 of 59 µs on 64-16-2.
    """
    changed = {spot.storage for call in calls for spot in call.changes}
    names: dict[int, int] = {}

    def renamed(spot: Spot) -> Spot:
        return replace(spot, storage=names.get(spot.storage, spot.storage))

    kept = []
    for call in calls:
        args, kwargs = tree_map_only(Spot, renamed, (call.args, call.kwargs))
        call = replace(call, args=args, kwargs=kwargs)
        if _is_neutral(call) and not {args[0].storage, call.makes[0].storage} & changed:
            names[call.makes[0].storage] = args[0].storage
        else:
            kept.append(call)
    return kept, renamed


def _is_neutral(call: Call) -> bool:
    """Whether the result is the first operand, bit for bit and of the same form."""
    if _name(call) not in NEUTRAL or len(call.args) != 2 or call.kwargs:
        return False
    first, second = call.args
    number = isinstance(second, int | float) and second == NEUTRAL[_name(call)]
    return number and [replace(made, storage=first.storage) for made in call.makes] == [first]


def _constants(calls: Sequence[Call]) -> set[int]:
    """Storages that are the same in every run: made of constants or of shapes, never changed."""
    changed = {spot.storage for call in calls for spot in call.changes}
    constant: set[int] = set()
    for call in calls:
        if call.draws or call.changes:
            continue
        by_shape = _name(call).endswith("_like") or _name(call).startswith("new_")
        if by_shape or all(spot.storage in constant for spot in call.reads):
            constant |= {spot.storage for spot in call.makes} - changed
    return constant


def _made_once(call: Call, constant: set[int]) -> bool:
    return bool(call.makes) and all(spot.storage in constant for spot in call.makes)


def _needed(calls: Sequence[Call], kept: Iterable[Spot]) -> list[Call]:
    """Calls that matter: to a kept result, to memory that was found, to a generator's state."""
    made = {spot.storage for call in calls for spot in call.makes}
    wanted = {spot.storage for spot in kept}
    needed = []
    for call in reversed(calls):
        touched = {spot.storage for spot in (*call.makes, *call.changes)}
        if call.draws or touched & wanted or touched - made:
            wanted |= {spot.storage for spot in call.reads}
            needed.append(call)
    return needed[::-1]


class _Memory:
    """Where every storage of a tape lies in a plan: as found, or in a buffer for a while."""

    def __init__(
        self, tape: Tape, calls: Sequence[Call], constant: set[int], kept: Iterable[Spot]
    ) -> None:
        self.tape = tape
        self.own = {spot.storage for call in calls for spot in call.makes} - constant
        self.last: dict[int, int] = {}  # position of the last call that touches it
        for position, call in enumerate(calls):
            for spot in (*call.makes, *call.reads):
                self.last[spot.storage] = position
        self.last |= {spot.storage: len(calls) for spot in kept}
        self.ending: dict[int, list[int]] = {}  # the other way round: which storages end there
        for storage, position in self.last.items():
            self.ending.setdefault(position, []).append(storage)
        self.place: dict[int, tuple[torch.UntypedStorage, int]] = {}  # and its first byte
        self.free: list[torch.UntypedStorage] = []  # the smallest first

    def tensor(self, spot: Spot) -> Tensor:
        found = self.tape.storages[spot.storage], 0
        storage, start = self.place[spot.storage] if spot.storage in self.own else found
        return spot.on(storage, start // spot.dtype.itemsize)

    def land(self, source: Spot, destination: Tensor) -> bool:
        """Plan the source's storage at its destination, if it is just that tensor."""
        size = destination.numel() * destination.element_size()
        exact = self.tape.storages[source.storage].nbytes() == size and not source.offset
        alike = (source.stride, source.dtype) == (destination.stride(), destination.dtype)
        fresh = source.storage in self.own and source.storage not in self.place
        if not (exact and alike and fresh and destination.is_contiguous()):
            return False
        start = int(destination.storage_offset()) * destination.element_size()
        self.place[source.storage] = destination.untyped_storage(), start
        return True

    def make_room(self, position: int, call: Call) -> None:
        """Places for the results of a call."""
        for spot in call.makes:
            if spot.storage in self.own and spot.storage not in self.place:
                self.place[spot.storage] = self._taken_over(position, call, spot) or (
                    self._buffer(self.tape.storages[spot.storage].nbytes()),
                    0,
                )

    def release(self, position: int) -> None:
        """Free the buffers that this call was the last to need."""
        for storage in self.ending.get(position, ()):
            if storage in self.place and self.last[storage] == position:
                insort(self.free, self.place[storage][0], key=_size)
                self.last[storage] = HANDED_ON

    def _taken_over(
        self, position: int, call: Call, made: Spot
    ) -> tuple[torch.UntypedStorage, int] | None:
        """The place of an operand that ends here, for an element-wise result of its form."""
        if torch.Tag.pointwise not in call.function.tags or call.changes:
            return None
        for spot in call.reads:
            alike = all(
                (other.dtype, other.size, other.stride, other.offset)
                == (made.dtype, made.size, made.stride, made.offset)
                for other in call.reads
                if other.storage == spot.storage
            )
            if alike and spot.storage in self.place and self.last[spot.storage] == position:
                self.last[spot.storage] = HANDED_ON
                return self.place[spot.storage]
        return None

    def _buffer(self, size: int) -> torch.UntypedStorage:
        best = bisect_left(self.free, size, key=_size)
        if best < len(self.free) and _size(self.free[best]) <= max(2 * size, 4096):
            return self.free.pop(best)
        return torch.empty(size, dtype=torch.uint8).untyped_storage()


def _size(buffer: torch.UntypedStorage) -> int:
    return buffer.nbytes()


def _bound(call: Call, tensor: Callable[[Spot], Tensor]) -> Callable[[], Any]:
    """The call on planned memory, in the quickest form that leaves its results there; run once."""
    args, kwargs = tree_map_only(Spot, tensor, (call.args, call.kwargs))
    plain = partial(call.function._op, *args, **kwargs)
    results = [tensor(spot) for spot in call.makes]
    if results and len(results) == len(call.results) and not call.changes:
        for form in _forms(call.function, args, kwargs, results):
            if _stays_in_place(form, results):
                return form
    leaves = tree_leaves(call.results)
    places = [
        (leaves.index(spot), result) for spot, result in zip(call.makes, results, strict=True)
    ]
    bound = partial(_copied, plain, places) if results else plain
    bound()
    return bound


def _forms(
    function: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    results: list[Tensor],
) -> Iterable[Callable[[], Any]]:
    """Ways to run an operation into given memory, the quickest first."""
    name = function._schema.name.removeprefix("aten::")
    if name == "relu":  # has no such form, but is this
        name, args = "clamp_min", (*args, 0)
    # torch's own functions parse their arguments in half the time of torch.ops: 0.9 v 1.6 µs
    quick = getattr(torch._C._VariableFunctions, name, None)
    if quick is not None:
        out = results[0] if len(results) == 1 else tuple(results)
        yield partial(quick, *_numbers_as_tensors(name, args), **kwargs, out=out)
    native = _native_out(function)
    if native is not None and name not in UNSTEADY:
        names = [a.name for a in native._schema.arguments if a.is_out]
        yield partial(native._op, *args, **kwargs, **dict(zip(names, results, strict=True)))


def _numbers_as_tensors(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arithmetic makes a tensor of every Python number at every call: 2.6 v 0.9 µs."""
    if name not in {"add", "sub", "mul", "div"} or len(args) != 2:
        return args
    first, second = args
    if isinstance(second, float) and isinstance(first, Tensor) and first.is_floating_point():
        return first, torch.tensor(second, dtype=first.dtype)
    return args


def _native_out(function: torch._ops.OpOverload) -> torch._ops.OpOverload | None:
    """The form of an operation that writes into given tensors, if CPUs have one by nature."""
    wanted = [(a.name, str(a.type)) for a in function._schema.arguments]
    packet = function._overloadpacket
    for form in (getattr(packet, overload) for overload in packet.overloads()):
        given = [(a.name, str(a.type)) for a in form._schema.arguments if not a.is_out]
        writes = len(given) < len(form._schema.arguments)
        has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
        if writes and given == wanted and has_kernel(form.name(), "CPU"):
            return form
    return None


def _stays_in_place(form: Callable[[], Any], results: list[Tensor]) -> bool:
    """Whether a form runs, and leaves its results just where they were planned."""
    before = [(r.data_ptr(), r.shape, r.stride()) for r in results]
    try:
        form()
    except (TypeError, RuntimeError):
        return False
    return before == [(r.data_ptr(), r.shape, r.stride()) for r in results]


def _copied(function: Callable[[], Any], places: list[tuple[int, Tensor]]) -> None:
    values = tree_leaves(function())
    for position, result in places:
        result.copy_(values[position])

"""Many models of one architecture trained as one: seeds, folds, learning curves.

A small net keeps a processor busy for a hundredth of the time that Python needs to ask for it. K
nets with their own parameters, rows and random streams share the asking: one model's step is
written down, every operation of it is done for all K at once, and that is replayed. On 32 nets of
64-16-2 this takes 0.04 of the time of one eager step after another (bench/step.py), with the same
gradients, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.utils._pytree import tree_leaves, tree_map_only

from diabolo.engine.replay import Recording, ReplayedStep, better_eager, record, same
from diabolo.engine.speed import EagerStep, FlatParameters, room
from diabolo.engine.tape import Call, Spot, Tape

if TYPE_CHECKING:
    from diabolo.data.batches import Batch

Streams = Sequence[torch.Generator] | None


class StackedStep:
    """One step of K models at once.

    objectives : K modules of one architecture; their parameters and buffers become rows.
    names      : of the parameters to train, as in FlatParameters.
    expected_steps : how often it will be called; None: very often.
    precision  : of products with weights, as of an EagerStep.

    rows             : every model's own FlatParameters.
    vector, gradient : of all models together, (K · size,); give the stack to one FusedAdamW.
    matrix           : the vector as (K, size), a model a row.
    """

    def __init__(
        self,
        objectives: Sequence[nn.Module],
        names: Sequence[str] | None = None,
        expected_steps: int | None = None,
        precision: str = "float32",
    ) -> None:
        self.objectives = list(objectives)
        _require_alike(self.objectives)
        chosen = FlatParameters(self.objectives[0], names)
        size = room(chosen.parameters)
        self.vector = chosen.vector.new_zeros(len(self.objectives) * size)
        self.gradient = torch.zeros_like(self.vector)
        self.matrix, gradients = self.vector.view(-1, size), self.gradient.view(-1, size)
        self.rows = [
            FlatParameters(module, chosen.names, into=(vector, gradient))
            for module, vector, gradient in zip(
                self.objectives, self.matrix, gradients, strict=True
            )
        ]
        loose = [_untrained(module, chosen.names) for module in self.objectives]
        self._untrained = [_stacked([one[name] for one in loose]) for name in loose[0]]
        self._eager = [
            EagerStep(objective, row, precision)
            for objective, row in zip(self.objectives, self.rows, strict=True)
        ]
        self._step = ReplayedStep(self.one_by_one, self._record, self.gradient, self._untrained)
        # what is written down once is saved K times in every step
        calls = None if expected_steps is None else expected_steps * len(self.objectives)
        self._step.reason = better_eager(self.objectives[0], self.rows[0], calls)

    def __call__(
        self, batch: Batch, clock: Tensor, generators: Streams = None
    ) -> dict[str, Tensor]:
        """Fill all gradients; the terms by name, a model a row, (K, ...).

        batch      : x (K, b, d), and context (K, b, c) and y (K, b) where there are any.
        generators : K random streams, one a model; keep to the same ones.
        """
        return self._step(batch, clock, generators and tuple(generators))

    @property
    def reason(self) -> str | None:
        """Why the models are trained one by one; None while they are not."""
        return self._step.reason

    def release(self) -> None:
        """Give every model memory of its own (see FlatParameters.release)."""
        for row, module in zip(self.rows, self.objectives, strict=True):
            row.release()
            for tensor in _untrained(module, row.names).values():
                tensor.data = tensor.detach().clone()

    def one_by_one(self, batch: Batch, clock: Tensor, generators: Streams) -> dict[str, Tensor]:
        """The same step in its plain form, a model after the other."""
        terms = [
            step(_row(batch, k), clock, None if generators is None else generators[k])
            for k, step in enumerate(self._eager)
        ]
        return {name: torch.stack([each[name] for each in terms]) for name in terms[0]}

    def _record(self, batch: Batch, clock: Tensor, generators: Streams) -> Recording:
        """Write down the first model's step, then the same for all."""
        stream = None if generators is None else generators[0]
        one = record(self._eager[0], _row(batch, 0), clock, stream)
        stacks = [self.matrix, self.gradient.view_as(self.matrix), *self._untrained]
        stacks += [field for field in batch if field is not None]
        many = _Multiplied(one.tape, stacks, generators)
        with Tape() as tape, torch.no_grad(), _quiet_vmap():
            for call in one.tape.calls:
                many.run(call)
            terms = {name: many.every(one.tape.spot(term)) for name, term in one.terms.items()}
            landing = [
                (many.every(one.tape.spot(source)), many.every(one.tape.spot(destination)))
                for source, destination in one.landing
            ]
        return Recording(tape, terms, landing)


class _Multiplied:
    """The tape of one model carried out for K models, each on its own row of memory.

    tape       : of the first model, whose tensors are the first rows of
    stacks     : (K, ...) each; all other memory that the tape found is shared.
    generators : of the models' draws.
    """

    def __init__(self, tape: Tape, stacks: Sequence[Tensor], generators: Streams) -> None:
        self.tape, self.count, self.generators = tape, len(stacks[0]), generators
        self.changed = {spot.storage for call in tape.calls for spot in call.changes}
        # by storage of one model: that of all, and bytes from a model to the next, 0 if shared
        self.places = {key: (storage, 0) for key, storage in tape.storages.items()}
        self.places |= {tape.spot(stack).storage: _place(stack) for stack in stacks}

    def every(self, spot: Spot) -> Tensor:
        """The region in all models, (K, *size)."""
        storage, row = self.places[spot.storage]
        size, stride = (self.count, *spot.size), (row // spot.dtype.itemsize, *spot.stride)
        return replace(spot, size=size, stride=stride).on(storage)

    def of_model(self, k: int, spot: Spot) -> Tensor:
        """The region in model k, (*size)."""
        storage, row = self.places[spot.storage]
        return spot.on(storage, k * row // spot.dtype.itemsize)

    def run(self, call: Call) -> None:
        """Do for every model what the call did for one."""
        own = [spot for spot in dict.fromkeys(call.reads) if self.places[spot.storage][1]]
        if call.draws:
            made = self._one_by_one(call)
        elif own:
            made = self._at_once(call, own)
        else:  # the same for all, until a model changes its own
            made = self._made(call, partial(self.of_model, 0))
            if not self.changed & {spot.storage for spot in call.makes}:
                for spot, result in zip(call.makes, made, strict=True):
                    self.places[spot.storage] = result.untyped_storage(), 0
                return
            made = [result.expand(self.count, *result.shape) for result in made]
        for spot, result in zip(call.makes, made, strict=True):
            self.places[spot.storage] = _place(self._laid_out(spot, result))

    def _one_by_one(self, call: Call) -> list[Tensor]:
        each = [self._made(call, partial(self.of_model, k), k) for k in range(self.count)]
        return [torch.stack(results) for results in zip(*each, strict=True)]

    def _at_once(self, call: Call, own: list[Spot]) -> list[Tensor]:
        """One operation for all models, if it is the same in every bit (tiny products are not)."""
        if call.changes:
            return self._together(call, own)
        with torch._C._DisableTorchDispatch():  # only to compare
            pairs = zip(self._together(call, own), self._one_by_one(call), strict=True)
            alike = all(same(together, apart) for together, apart in pairs)
        return self._together(call, own) if alike else self._one_by_one(call)

    def _together(self, call: Call, own: list[Spot]) -> list[Tensor]:
        """One operation over all models, of which `own` operands differ between them."""
        operands = [self.every(spot) for spot in own]
        if call.function is torch.ops.aten.addmm.default and list(call.args) == own:
            bias, left, right = operands  # vmap multiplies first, then adds: not the same bits
            return [torch.baddbmm(bias.unsqueeze(1), left, right)]
        shared = {spot: self.of_model(0, spot) for spot in call.reads if spot not in own}

        def of_one(*rows: Tensor) -> list[Tensor]:
            return self._made(call, (shared | dict(zip(own, rows, strict=True))).__getitem__)

        return list(vmap(of_one)(*operands))

    def _made(
        self, call: Call, tensor: Callable[[Spot], Tensor], model: int | None = None
    ) -> list[Tensor]:
        """Run the call on these tensors; its results in memory of their own."""
        args, kwargs = tree_map_only(Spot, tensor, (call.args, call.kwargs))
        if "generator" in kwargs and self.generators is not None and model is not None:
            kwargs["generator"] = self.generators[model]
        values = tree_leaves(call.function(*args, **kwargs))
        pairs = zip(tree_leaves(call.results), values, strict=True)
        return [value for spot, value in pairs if spot in call.makes]

    def _laid_out(self, spot: Spot, result: Tensor) -> Tensor:
        """(K, *size), a model's part in memory just like the one model's."""
        span = self.tape.storages[spot.storage].nbytes() // spot.dtype.itemsize
        stride = (span, *spot.stride)
        if result.stride() == stride and result.storage_offset() == spot.offset:
            return result
        memory = result.new_empty(self.count * span)
        return memory.as_strided(result.shape, stride, spot.offset).copy_(result)


@contextmanager
def _quiet_vmap() -> Iterator[None]:
    """No word of a "performance drop" where vmap loops over the models: it does so once."""
    torch._C._functorch._set_vmap_fallback_warning_enabled(False)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch._C._functorch._set_vmap_fallback_warning_enabled(True)  # type: ignore[attr-defined]


def _place(stack: Tensor) -> tuple[torch.UntypedStorage, int]:
    return stack.untyped_storage(), stack.stride(0) * stack.element_size()


def _row(batch: Batch, k: int) -> Batch:
    return batch._replace(**{n: t[k] for n, t in batch._asdict().items() if t is not None})


def _untrained(module: nn.Module, trained: Sequence[str]) -> dict[str, Tensor]:
    """Buffers, and parameters that stay as they are, by name."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: tensor for name, tensor in tensors.items() if name not in trained}


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """(K, *shape), of which the given tensors become views."""
    stack = torch.stack([tensor.detach() for tensor in tensors])
    for tensor, row in zip(tensors, stack, strict=True):
        tensor.data = row
    return stack


def _require_alike(objectives: Sequence[nn.Module]) -> None:
    if not objectives:
        raise ValueError("There is no model to stack; give at least one.")
    shapes = [{n: tuple(t.shape) for n, t in _untrained(o, ()).items()} for o in objectives]
    for number, other in enumerate(shapes):
        if other != shapes[0]:
            different = sorted(name for name, _ in shapes[0].items() ^ other.items())[0]
            raise ValueError(
                f"Models to be stacked must have one architecture, but model {number} differs "
                f"from model 0 in {different!r}. Train it apart."
            )

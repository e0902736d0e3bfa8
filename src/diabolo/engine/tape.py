"""What a piece of torch code does, written down operation by operation while it runs.

Below autograd every training step, backward pass included, is a flat list of native operations on
memory. A `Tape` writes that list down while the operations run. Views are not operations: each
operand is written down as a `Spot`, a region of some storage, so `w.t()` is the same memory
read along other strides.

The list can be replayed (`diabolo.engine.plan`) if it does not depend on the values that went in.
What tells that it does raises `NotReplayable`. What a tape cannot see is Python state: numbers
that Python computed and branches that Python took are frozen in the list as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

# These move the memory of a tensor that other operands may point into.
MOVING = {"aten::resize_", "aten::resize_as_", "aten::set_"}


class NotReplayable(RuntimeError):
    """The recorded code may do something else on other values; says what it did."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a tensor lies: a region of a storage, seen in some shape."""

    storage: int  # key into `Tape.storages`
    dtype: torch.dtype
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int  # in elements

    def on(self, storage: torch.UntypedStorage, start: int = 0) -> Tensor:
        """This region of another storage, all of it moved by `start` elements."""
        with torch._C._DisableTorchDispatch():  # a tape need not know
            tensor = torch.empty(0, dtype=self.dtype, device=storage.device)
            return tensor.set_(storage, start + self.offset, self.size, self.stride)


@dataclass(frozen=True)
class Call:
    """One operation; every tensor among arguments and results is a Spot."""

    function: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[Any, ...]

    @cached_property
    def reads(self) -> list[Spot]:
        """Tensor arguments, those that are changed in place included."""
        return spots((self.args, self.kwargs))

    @cached_property
    def changes(self) -> list[Spot]:
        """Tensor arguments that are changed in place."""
        schema = self.function._schema.arguments
        given = [*zip(schema, self.args, strict=False)]
        given += [(a, self.kwargs[a.name]) for a in schema if a.name in self.kwargs]
        return spots([value for a, value in given if a.is_write])

    @cached_property
    def makes(self) -> list[Spot]:
        """Results in memory of their own."""
        old = {spot.storage for spot in self.reads}
        return [spot for spot in spots(self.results) if spot.storage not in old]

    @property
    def draws(self) -> bool:
        """Whether it takes random numbers."""
        return torch.Tag.nondeterministic_seeded in self.function.tags


def spots(tree: Any) -> list[Spot]:
    """All spots in nested tuples, lists and dicts."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Spot)]


class Tape(TorchDispatchMode):
    """Writes down the operations that run inside `with Tape() as tape:`.

    calls    : the operations in order, without views.
    storages : all memory they touched, kept alive, by the key that spots use.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.storages: dict[int, torch.UntypedStorage] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True, the default, imports torch._dynamo at the first operation: 2-4 s

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict | None = None
    ) -> Any:
        _refuse_what_values_decide(func, args)
        given = self.written(args), self.written(kwargs or {})  # before it moves its arguments
        result = func(*args, **(kwargs or {}))
        results = self.written(result)
        call = Call(func, *given, results if isinstance(results, tuple) else (results,))
        if call.makes or call.changes or call.draws:
            self.calls.append(call)
        return result

    def written(self, tree: Any) -> Any:
        """The same nested arguments with spots in place of tensors."""
        return tree_map_only(Tensor, self.spot, tree)

    def spot(self, tensor: Tensor) -> Spot:
        storage = tensor.untyped_storage()
        key = storage._cdata
        self.storages.setdefault(key, storage)
        size, stride = tuple(tensor.shape), tensor.stride()
        return Spot(key, tensor.dtype, size, stride, int(tensor.storage_offset()))


def _refuse_what_values_decide(function: Any, args: tuple[Any, ...]) -> None:
    tags, name = function.tags, function._schema.name
    if torch.Tag.data_dependent_output in tags:
        raise NotReplayable(f"{name} hands a tensor's value to Python")
    by_position = name == "aten::index" and not any(
        index.dtype in (torch.bool, torch.uint8) for index in args[1] if index is not None
    )
    if torch.Tag.dynamic_output_shape in tags and not by_position:
        raise NotReplayable(f"the shape of {name}'s result depends on values")
    if name in MOVING:
        raise NotReplayable(f"{name} moves a tensor's memory")

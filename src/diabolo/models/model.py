"""What a model is to the rest: a part that can be trained, stored as one file and built again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from torch import nn

from diabolo.parts.spec import Part


class Joint(NamedTuple):
    """Where two words meet: one is `width` numbers wide, the other asks for `wanted`."""

    name: str
    width: int
    wanted: int


class Model(Part, abstract=True):
    """A sentence of words, whole; what `diabolo.models.trained` writes and reads."""

    def joints(self) -> Iterator[Joint]:
        """Where its words meet, by what those of ours declare; a user's own declare nothing."""
        raise NotImplementedError


Kind = TypeVar("Kind", bound=Model)


class Objective(nn.Module, Generic[Kind]):
    """What a player minimises, over a model that is not its alone."""

    module: Kind

    def __init__(self, module: Kind) -> None:
        super().__init__()
        self.module = module


def parameters_under(prefix: str, module: Model) -> tuple[str, ...]:
    """Names, as an `Objective` over the model has them, of the parameters that begin so."""
    names = (name for name, _ in module.named_parameters())
    return tuple(f"module.{name}" for name in names if name.startswith(f"{prefix}."))


def is_ours(network: nn.Module) -> bool:
    """Whether a network is a part, which declares its widths."""
    return isinstance(network, Part)

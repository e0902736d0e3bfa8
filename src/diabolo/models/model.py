"""What a model is to the rest: a part that can be trained, stored as one file and built again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

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


def is_ours(network: nn.Module) -> bool:
    """Whether a network is a part, which declares its widths."""
    return isinstance(network, Part)

"""What every contestant is given: sizes, batch and rate of one net."""

from __future__ import annotations

from typing import NamedTuple


class Net(NamedTuple):
    """An encoder; the decoder is its mirror image. ReLU inside, linear code, sigmoid output.

    sizes : units of every level, input first, code last.
    """

    sizes: tuple[int, ...]
    batch: int
    lr: float = 1e-3

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.sizes[1:-1]

    @property
    def code(self) -> int:
        return self.sizes[-1]

    @property
    def all_sizes(self) -> tuple[int, ...]:
        """Of encoder and decoder, the code once."""
        return (*self.sizes, *self.sizes[-2::-1])


LARGE, SMALL = (784, 1000, 500, 250, 30), (64, 16, 2)

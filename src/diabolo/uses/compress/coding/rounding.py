"""Rounding on the way forward, as if nothing had been rounded on the way back.

Real numbers that are whole ones divided by a power of two: a float32 holds them exactly, so that
what is trained is, without another conversion, what codes. (Straight through: Bengio et al. 2013.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from diabolo.uses.compress.coding.network import HIGHEST

ACTIVE = 256.0  # what stands for 1 of an input, of a hidden unit
LARGEST = 2**15 - 1


_WHOLE = ContextVar("whole", default=True)


@contextmanager
def unrounded() -> Iterator[None]:
    """Networks as they would be without a single rounding, to tell what that costs."""
    token = _WHOLE.set(False)
    try:
        yield
    finally:
        _WHOLE.reset(token)


class _Through(torch.autograd.Function):
    """`exact + (rounded - exact).detach()` in no arithmetic: of a step, that was a tenth."""

    @staticmethod
    def forward(_: Any, rounded: Tensor, exact: Tensor) -> Tensor:
        return rounded.view_as(rounded)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


def through(rounded: Tensor, exact: Tensor) -> Tensor:
    """The one going forward, the other's gradient going back."""
    return cast(Tensor, _Through.apply(rounded.detach(), exact))


def whole(rounded: Tensor, exact: Tensor) -> Tensor:
    """What a network that counts in whole numbers works with; see `unrounded`."""
    return through(rounded, exact) if _WHOLE.get() else exact


def grained(exact: Tensor, grain: float, largest: int | None = None) -> Tensor:
    """A weight or a bias as a multiple of 1/grain, at most `largest` of them."""
    multiples = (exact * grain).round()
    if largest is not None:
        multiples = multiples.clamp(-largest, largest)
    return whole(multiples / grain, exact)


def floored(x: Tensor, grain: float = 1.0) -> Tensor:
    """⌊grain · x⌋ / grain"""
    return whole((x * grain).floor() / grain, x)


def activated(s: Tensor) -> Tensor:
    """⌊256 s⌋ / 256 between 0 and 1023/256."""
    return floored(within(s, 0.0, HIGHEST / ACTIVE), ACTIVE)


def within(x: Tensor, least: float, most: float) -> Tensor:
    """Clamped. Going back, `clamp` takes four passes over its rows, this one."""
    return F.hardtanh(x, least, most)

"""Where values go on a plot: scales, round numbers to name on them, labels that keep apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

LEAST = 1e-300  # on a logarithmic axis; below it floats lose their digits one by one


class Axis(NamedTuple):
    """From values to positions, and the values worth naming."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        a, b, v = (math.log(u) if self.log else u for u in (self.low, self.high, value))
        return self.start + (v - a) / (b - a) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        steps = _log_ticks if self.log else _ticks
        return steps(self.low, self.high)


def axis(values: Iterable[float], start: float, end: float, log: bool = False) -> Axis | None:
    """An axis that all finite values fit on; None where there are none."""
    array = np.asarray(list(values), dtype=np.float64)
    array = array[np.isfinite(array) & ((array >= LEAST) | (not log))]
    if not len(array):
        return None
    low, high = float(array.min()), float(array.max())
    if log:
        low, high = (low, high) if high > low * 1.001 else (low / 2, high * 2)
    elif high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        low, high = low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2
    return Axis(low, high, start, end, log)


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values within the range, by steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten; with 3, or 2 and 5, between them, or plain steps, where these are too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        values = [10.0**p * m for p in powers for m in digits]
        inside = [v for v in values if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]
        if len(inside) >= 3:
            return inside[:: math.ceil(len(inside) / 7)]
    return _ticks(low, high, 6)


def apart(heights: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Heights in rising order, moved as little as one sweep can so that all keep their distance.

    >>> apart([10, 11, 50], 5, 0, 100)
    [10, 15, 50]
    """
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + distance) if moved else max(height, low))
    limit = high
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - distance
    return moved

"""Numbers on coarser grids, within a bound of what they were, and back: the same everywhere.

apart    whole numbers, |x̂ − x| ≤ h: blocks of 2 h + 1, each standing for its middle
grid     floats, |x̂ − x| ≤ ε: k = round(x / step), x̂ = k · step, one IEEE product, rounded to
         the column's type; step a little below 2 ε for these roundings
blocks   |x̂ − x| ≤ ε |x|: blocks whose length grows with x. The magnitudes, of floats their
         bits, are cut into eight segments an octave; blocks are equally long within one, and
         as long as its beginning allows. What is lost to the best grid, which is one of
         logarithms, is an eighth of a bit; but logarithms differ from machine to machine, and
         here everything is a whole number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from diabolo.uses.compress.sources.bounds import Bound

PARTS = (8, 4, 2, 1)  # segments an octave
POINT = 60  # bits after the point of a ratio
LEAST_RATIO = 1 << (POINT - 50)
MANTISSA = {2: 10, 4: 23, 8: 52}  # bits, by the bytes of a float
SURE = 2.0**53


def apart(keys: np.ndarray, half: int) -> tuple[np.ndarray, list[int]] | None:
    """Number of each key's block of 2 half + 1; lowest key, length of a block, highest − lowest.

    None where there is nothing to gain, or no room.
    """
    if not len(keys) or not half:
        return None
    low, high = int(keys.min()), int(keys.max())
    step = 2 * half + 1
    if high - low + step >= 2**64:
        return None
    distance = keys - np.uint64(low)
    blocks = distance // np.uint64(step)
    blocks += distance % np.uint64(step) > half
    return blocks, [low, step, high - low]


def apart_back(blocks: np.ndarray, low: int, step: int, span: int) -> np.ndarray:
    """Keys: the middle of each block, at most the highest key."""
    return np.uint64(low) + np.minimum(blocks * np.uint64(step), np.uint64(span))


def spacing(values: np.ndarray) -> np.ndarray:
    """From finite floats to the next ones away from 0, float64.

    Of the largest float, that of the one before: there is none behind it.
    """
    most = np.nextafter(np.finfo(values.dtype).max, values.dtype.type(0))
    return np.spacing(np.minimum(abs(values), most)).astype(np.float64)


def grid_step(values: np.ndarray, bound: Bound) -> float | None:
    """The step of a grid for these finite floats, those of them left out that are too coarse.

    None where floats of this type are too coarse for the bound.
    """
    halves = spacing(values) / 2
    fine = halves <= bound.size / 8
    if not fine.any():
        return None
    largest = abs(values[fine].astype(np.float64)).max()
    lost = 1.01 * halves[fine].max() + 2.0**-51 * largest
    step = float(np.nextafter(2 * (bound.size - lost), 0))
    return step if step > 0 else None


def on_grid(values: np.ndarray, step: float) -> np.ndarray:
    """k, int64; 0 where that would not be exact."""
    with np.errstate(over="ignore", invalid="ignore"):
        k = np.rint(values.astype(np.float64) / step)
    return np.where(abs(k) < SURE, k, 0).astype(np.int64)


def grid_back(k: np.ndarray, step: float, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return (k.astype(np.float64) * step).astype(dtype)


@dataclass
class Blocks:
    """Segments of magnitudes, and the blocks in each. All of it whole numbers.

    starts : (s + 1,) first magnitude of each segment, and the end of the last
    halves : (s,) each block has 2 half + 1 magnitudes
    firsts : (s,) number of each segment's first block
    """

    starts: np.ndarray
    halves: np.ndarray
    firsts: np.ndarray

    @classmethod
    def of(cls, segments: Iterator[tuple[int, int]], end: int) -> Blocks:
        """From the first magnitude and the half length of blocks of each segment."""
        pairs = list(segments)
        starts = [start for start, _ in pairs] + [end]
        firsts, count = [], 0
        for i, (start, half) in enumerate(pairs):
            firsts.append(count)
            count += -(-(starts[i + 1] - start) // (2 * half + 1))
        halves = np.array([half for _, half in pairs], np.uint64)
        return cls(np.array(starts, np.uint64), halves, np.array(firsts, np.uint64))

    @classmethod
    def of_whole_numbers(cls, ratio: int, parts: int) -> Blocks:
        """Below 2⁶⁴ − 1. ratio: the relative bound · 2⁶⁰; parts: segments an octave."""

        def segments() -> Iterator[tuple[int, int]]:
            yield from ((start, 0) for start in range(parts))
            for octave in range(65 - parts.bit_length()):
                for part in range(parts, 2 * parts):
                    start = part << octave
                    yield start, min((start * ratio) >> POINT, ((1 << octave) - 1) // 2)

        return cls.of(segments(), 2**64 - 1)

    @classmethod
    def of_floats(cls, ratio: int, parts: int, size: int) -> Blocks:
        """Of the bits of normal numbers, of so many bytes; of all before them, only 0."""
        mantissa = MANTISSA[size]
        infinity = ((1 << (8 * size - 1 - mantissa)) - 1) << mantissa
        length = (1 << mantissa) // parts

        def segments() -> Iterator[tuple[int, int]]:
            yield 0, (1 << mantissa) // 2
            for start in range(1 << mantissa, infinity, length):
                part = parts + start // length % parts
                yield start, min(part * length * ratio >> POINT, (length - 1) // 2)

        return cls.of(segments(), infinity)

    def number(self, magnitudes: np.ndarray) -> np.ndarray:
        """The block of each, uint64."""
        i = np.searchsorted(self.starts[:-1], magnitudes, side="right") - 1
        lengths = 2 * self.halves[i] + np.uint64(1)
        return self.firsts[i] + (magnitudes - self.starts[i]) // lengths

    def middle(self, numbers: np.ndarray) -> np.ndarray:
        """The magnitude that stands for a block."""
        i = np.searchsorted(self.firsts, numbers, side="right") - 1
        lengths = 2 * self.halves[i] + np.uint64(1)
        found = self.starts[i] + (numbers - self.firsts[i]) * lengths + self.halves[i]
        return np.where(i == 0, 0, np.minimum(found, self.starts[i + 1] - np.uint64(1)))


@lru_cache(maxsize=8)
def blocks(ratio: int, parts: int, size: int) -> Blocks:
    """Of floats of so many bytes, or of whole numbers, where that is 0."""
    if size:
        return Blocks.of_floats(ratio, parts, size)
    return Blocks.of_whole_numbers(ratio, parts)


def best_parts(ratio: int) -> int:
    """Segments an octave with which an octave has the fewest blocks."""

    def count(parts: int) -> int:
        length = (1 << POINT) // parts
        halves = [(parts + part) * ratio // parts for part in range(parts)]
        return sum(-(-length // (2 * half + 1)) for half in halves)

    return min(PARTS, key=count)


def ratio_of(bound: Bound, lost: float = 0.0) -> int | None:
    """A relative bound in units of 2⁻⁶⁰, rounded down, less what later roundings may add."""
    share = Fraction(bound.amount) * (1 - Fraction(1, 2**40)) - Fraction(lost)
    ratio = math.floor(share * 2**POINT)
    return ratio if ratio >= LEAST_RATIO else None

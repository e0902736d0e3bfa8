"""What scaling needs to know of the columns, learned in one pass over the rows in order.

    extent    minimum, maximum, whether all values are whole numbers
    moments   mean and variance, merged piece by piece:
              δ = m_b − m_a,  m = m_a + δ n_b/n,  M = M_a + M_b + δ² n_a n_b/n   (M = Σ (x − m)²)

Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance". Pieces have a fixed
number of rows and are summed in one order, so that the result is the same, bit for bit, whether
the rows lie in memory, in a mapped file or in sparse form.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from diabolo.data.values import require_finite

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset

PIECE = 2**20  # values at a time: 8 MB as float64


class Extent(NamedTuple):
    """Smallest and largest value of every column (d,), as float64; which hold whole numbers."""

    low: np.ndarray
    high: np.ndarray
    whole_columns: np.ndarray  # (d,) bool

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return bool(self.whole_columns.all())


class Moments(NamedTuple):
    """Mean and variance of every column (d,), as float64; variance is over n, not n - 1."""

    mean: np.ndarray
    variance: np.ndarray


def pieces(dataset: Dataset) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first row, rows (b, *shape)) over the whole set, about a million values each.

    NaN and infinity are refused here, by row and column; NaN not where it stands for a missing
    cell.
    """
    size = max(1, PIECE // max(1, math.prod(dataset.shape)))
    first = 0
    for rows in dataset.rows.chunks(size):
        numbers = np.arange(first, first + len(rows))
        require_finite(
            rows,
            numbers,
            source=dataset.source,
            names=dataset.names,
            gaps=dataset.schema is not None,
        )
        yield first, rows
        first += len(rows)


def extent_of(dataset: Dataset) -> Extent:
    d = math.prod(dataset.shape)
    low, high, whole = np.full(d, np.inf), np.full(d, -np.inf), np.full(d, True)
    for _, rows in pieces(dataset):
        flat = rows.reshape(len(rows), d)
        np.minimum(low, flat.min(axis=0), out=low)
        np.maximum(high, flat.max(axis=0), out=high)
        if flat.dtype.kind == "f" and whole.any():  # other kinds hold nothing else
            whole &= (flat == np.rint(flat)).all(axis=0)
    return Extent(low, high, whole)


def known_of(dataset: Dataset) -> tuple[Extent, Moments, np.ndarray]:
    """Extent and moments of the known cells of every column, and how many these are, (d,).

    A column without any has low = high = mean = variance = 0.
    """
    d = math.prod(dataset.shape)
    low, high, whole = np.full(d, np.inf), np.full(d, -np.inf), np.full(d, True)
    origin, count = np.full(d, np.nan), np.zeros(d, np.int64)
    mean, spread = np.zeros(d), np.zeros(d)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by its extent
        for _, rows in pieces(dataset):
            known = ~np.isnan(rows)
            low = np.fmin(low, np.where(known, rows, np.inf).min(axis=0))
            high = np.fmax(high, np.where(known, rows, -np.inf).max(axis=0))
            whole &= (~known | (rows == np.rint(rows))).all(axis=0)
            first = rows[known.argmax(axis=0), np.arange(d)]
            origin = np.where(np.isnan(origin), first, origin)
            flat = np.where(known, rows - origin, 0.0)
            here_count = known.sum(axis=0)
            here = flat.sum(axis=0) / np.maximum(here_count, 1)
            here_spread = np.where(known, np.square(flat - here), 0.0).sum(axis=0)
            total, step = np.maximum(count + here_count, 1), here - mean
            spread += here_spread + np.square(step) * (count * here_count / total)
            mean += step * (here_count / total)
            count = count + here_count
    none = count == 0
    low, high, origin = (np.where(none, 0.0, one) for one in (low, high, origin))
    return Extent(low, high, whole), Moments(origin + mean, spread / np.maximum(count, 1)), count


def moments_of(dataset: Dataset) -> Moments:
    d = math.prod(dataset.shape)
    # Values are taken relative to the first row: a mean of 1e9 rounds to 1e-7, and the steps
    # between such means would carry that into the variance. Constant columns come out exact.
    origin = dataset.rows.take(np.zeros(1, np.int64)).reshape(d).astype(np.float64)
    count, mean, spread = 0, np.zeros(d), np.zeros(d)
    for _, rows in pieces(dataset):
        flat = np.ascontiguousarray(rows.reshape(len(rows), d), np.float64) - origin
        here = flat.mean(axis=0)
        flat -= here
        # The second term takes back what rounding left in `here` (Chan et al., eq. 1.7).
        here_spread = np.square(flat).sum(axis=0) - np.square(flat.sum(axis=0)) / len(flat)
        total, step = count + len(flat), here - mean
        mean += step * (len(flat) / total)
        spread += here_spread + np.square(step) * (count * len(flat) / total)
        count = total
    return Moments(origin + mean, np.maximum(spread, 0) / count)

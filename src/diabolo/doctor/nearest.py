"""Euclidean distances between many rows, some rows at a time, by matrix products.

|a − b|² = [−2a, |a|², 1] · [b, 1, |b|²] on rows moved to a common centre, in float32: one product
and no further pass over the table. 10,000 × 10,000 distances would be 400 MB, a piece is 10 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

PIECE = 256  # rows of `a` at once: their distances to 10,000 others are still near the cache


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Pieces of the table (len(a), len(b)): which rows of `a`, and their squared distances.

    Rounding may leave them a little below 0.
    """
    centre = b.mean(0, dtype=np.float64).astype(np.float32)  # keeps the squares small
    a, b = a - centre, b - centre
    ones = (np.ones((len(rows), 1), np.float32) for rows in (a, b))
    left = np.concatenate([-2 * a, _squares(a), next(ones)], axis=1)
    right = np.concatenate([b, next(ones), _squares(b)], axis=1)
    for start in range(0, len(a), PIECE):
        rows = slice(start, min(start + PIECE, len(a)))
        yield rows, left[rows] @ right.T


def _squares(rows: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", rows, rows)[:, None]


def radii(a: np.ndarray, k: int) -> np.ndarray:
    """Squared distance from each row to its k-th nearest other row, (n,)."""
    result = np.empty(len(a), np.float32)
    for rows, table in squared_distances(a, a):
        table[np.arange(len(table)), np.arange(rows.start, rows.stop)] = np.inf  # the row itself
        result[rows] = _smallest(table, k).values[:, -1]
    return result


def nearest(a: np.ndarray, b: np.ndarray, k: int = 1) -> np.ndarray:
    """Distances from each row of `a` to its k nearest rows of `b`, (n, k), rising; exact.

    The neighbours are found in float32, their distances computed again without cancellation: a
    copy is at distance 0, not at the rounding error of a product.
    """
    result = np.empty((len(a), k))
    for rows, table in squared_distances(a, b):
        found = _smallest(table, k).indices.numpy()
        difference = a[rows, None].astype(np.float64) - b[found]
        result[rows] = np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))
    result.sort(1)
    return result


class Around(NamedTuple):
    """Shares by k-th neighbours of rows of two sets; `measures.samples` says what they mean."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(real: np.ndarray, generated: np.ndarray, k: int) -> Around:
    """Precision, recall, density and coverage of generated rows (m, f) beside real ones (n, f)."""
    reach, reach_generated = radii(real, k), radii(generated, k)
    around = np.zeros(len(generated))  # real balls around each generated row
    covered, recalled = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows, table in squared_distances(real, generated):
        inside = table <= reach[rows, None]
        around += inside.sum(0)
        covered[rows] = inside.any(1)
        recalled[rows] = (table <= reach_generated).any(1)
    return Around(
        float((around > 0).mean()),
        float(recalled.mean()),
        float(around.mean() / k),
        float(covered.mean()),
    )


def _smallest(table: np.ndarray, k: int) -> torch.return_types.topk:
    # three times as fast as NumPy's partition
    return torch.from_numpy(table).topk(k, dim=1, largest=False, sorted=True)

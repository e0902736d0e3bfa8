"""Euclidean distances between many rows, some rows at a time, by matrix products.

|a − b|² = |a|² + |b|² − 2 a·b on rows moved to a common centre, in float32: 10,000 × 10,000 of
them take about a second and 80 MB (bench/samples.py), where one table would be 400 MB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PIECE = 1024  # rows of `a` at once


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Pieces of the table (len(a), len(b)): which rows of `a`, and their squared distances."""
    centre = b.mean(0, dtype=np.float64).astype(np.float32)  # keeps the squares small
    a, b = a - centre, b - centre
    of_b = np.einsum("ij,ij->i", b, b)
    for start in range(0, len(a), PIECE):
        rows = slice(start, min(start + PIECE, len(a)))
        table = a[rows] @ b.T
        table *= -2
        table += np.einsum("ij,ij->i", a[rows], a[rows])[:, None]
        table += of_b
        yield rows, np.maximum(table, 0, out=table)


def radii(a: np.ndarray, k: int) -> np.ndarray:
    """Squared distance from each row to its k-th nearest other row, (n,)."""
    result = np.empty(len(a), np.float32)
    for rows, table in squared_distances(a, a):
        table[np.arange(len(table)), np.arange(rows.start, rows.stop)] = np.inf  # the row itself
        result[rows] = np.partition(table, k - 1, axis=1)[:, k - 1]
    return result


def nearest(a: np.ndarray, b: np.ndarray, k: int = 1) -> np.ndarray:
    """Distances from each row of `a` to its k nearest rows of `b`, (n, k), rising; exact.

    The neighbours are found in float32, their distances computed again without cancellation: a
    copy is at distance 0, not at the rounding error of a product.
    """
    result = np.empty((len(a), k))
    for rows, table in squared_distances(a, b):
        found = np.argpartition(table, k - 1, axis=1)[:, :k]
        for j in range(k):
            difference = a[rows].astype(np.float64) - b[found[:, j]]
            result[rows, j] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    result.sort(1)
    return result

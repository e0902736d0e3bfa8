"""How true a map is to the rows that it shows: who is near whom, and how far apart all are.

    trustworthiness  1 − 2 / (n k (2n − 3k − 1)) Σ_i Σ_{j ∈ U_i} (r(i, j) − k)
                     U_i: the k nearest of i on the map, without its k nearest in the data,
                     r(i, j): the rank of j among the neighbours of i in the data. 1: no stranger
                     comes near
    continuity       the same with map and data exchanged. 1: no neighbour gets lost
    stress           √(Σ (d_ij − s δ_ij)² / Σ d_ij²) of distances d in the data and δ on the map,
                     s the best scale. 0: all distances are right
    accuracy         how often most of the k nearest on the map bear a row's own label

Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods"; Kruskal 1964,
"Multidimensional scaling by optimizing goodness of fit".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from diabolo.doctor.nearest import squared_distances

NEIGHBOURS = 5


class MapQuality(NamedTuple):
    """See above."""

    trustworthiness: float
    continuity: float
    stress: float
    accuracy: float | None  # where there are labels


def map_quality(
    rows: np.ndarray, codes: np.ndarray, labels: np.ndarray | None = None, k: int = NEIGHBOURS
) -> MapQuality:
    """Of codes (n, c) for rows (n, d), all of them; time and memory grow with n² and n.

    labels : (n,); each row is judged by others, never by itself.
    """
    rows, codes = (np.ascontiguousarray(values, np.float32) for values in (rows, codes))
    return MapQuality(
        trustworthiness(rows, codes, k),
        trustworthiness(codes, rows, k),
        stress(rows, codes),
        None if labels is None else accuracy(codes, labels, k),
    )


def trustworthiness(rows: np.ndarray, codes: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Of codes (n, c) for rows (n, d); n > 3 (k + 1) / 2, so that no rank is beyond the scale."""
    n = len(rows)
    if k < 1 or 2 * n - 3 * k - 1 <= 0:
        raise ValueError(f"{k} neighbours are too many, or none, to judge a map of {n} rows by.")
    near, excess = nearest_others(codes, k), 0.0
    for some, table in squared_distances(rows, rows):
        _without_itself(some, table)
        distances = np.take_along_axis(table, near[some], 1)
        for j in range(k):
            rank = 1 + (table < distances[:, j : j + 1]).sum(1)
            excess += float(np.maximum(rank - k, 0).sum())
    return 1 - 2 * excess / (n * k * (2 * n - 3 * k - 1))


def continuity(rows: np.ndarray, codes: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Of codes (n, c) for rows (n, d)."""
    return trustworthiness(codes, rows, k)


def stress(rows: np.ndarray, codes: np.ndarray) -> float:
    """Of codes (n, c) for rows (n, d), with the scale that makes it least."""
    both = own = others = 0.0
    for (_, given), (_, shown) in zip(
        squared_distances(rows, rows), squared_distances(codes, codes), strict=True
    ):
        d, delta = (np.maximum(table, 0).astype(np.float64) for table in (given, shown))
        own, others = own + d.sum(), others + delta.sum()
        both += np.sqrt(d * delta).sum()
    if own == 0:
        return 0.0
    # Σ (d − sδ)² is least at s = Σ dδ / Σ δ², where it is Σ d² − (Σ dδ)² / Σ δ²
    left = own - (both**2 / others if others > 0 else 0.0)
    return float(np.sqrt(max(left, 0.0) / own))


def accuracy(codes: np.ndarray, labels: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Share of rows whose label most of their k nearest bear; of equal numbers, the first label."""
    names, numbers = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(codes), len(names)), np.int64)
    found = numbers[nearest_others(codes, min(k, len(codes) - 1))]
    np.add.at(votes, (np.arange(len(codes))[:, None], found), 1)
    return float(np.mean(votes.argmax(1) == numbers))


def nearest_others(points: np.ndarray, k: int) -> np.ndarray:
    """The k nearest other points of each, (n, k), the nearest first."""
    found = np.empty((len(points), k), np.int64)
    for some, table in squared_distances(points, points):
        _without_itself(some, table)
        found[some] = torch.from_numpy(table).topk(k, dim=1, largest=False).indices.numpy()
    return found


def _without_itself(some: slice, table: np.ndarray) -> None:
    table[np.arange(len(table)), np.arange(some.start, some.stop)] = np.inf

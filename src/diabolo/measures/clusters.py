"""How good clusters are: against labels, where there are some, and without.

With labels, from the table of counts n_ij, rows of class i in cluster j:

    accuracy  Σ_i n_{i,π(i)} / n for the best assignment π of classes to clusters, each used once
    NMI       I(class; cluster) / ((H(class) + H(cluster)) / 2)
    ARI       pairs of rows that both put together, less what chance would give, of what is left

Without, from who is near whom: the modularity of the clusters in the graph of nearest neighbours,
Σ_c (e_c − a_c²), where e_c is the share of edges inside cluster c and a_c the share of ends in it.
It asks whether neighbours stay together more often than by chance, and knows no centres, so that
clusters found on codes and clusters found on the input can be compared by it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment


class Agreement(NamedTuple):
    """Of clusters with labels; 1 where they are the same but for their names."""

    accuracy: float  # 0 … 1
    nmi: float  # 0 … 1
    ari: float  # 0 by chance, at most 1


def agreement(labels: Any, clusters: Any) -> Agreement:
    """All three measures; labels and clusters (n,) of any kind that can be sorted."""
    counts = contingency(labels, clusters)
    return Agreement(accuracy(counts), mutual_information(counts), adjusted_rand(counts))


def contingency(labels: Any, clusters: Any) -> np.ndarray:
    """Rows of each class in each cluster, (classes, clusters) int64.

    raises ValueError for lists of different lengths, or empty ones.
    """
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.shape != clusters.shape or labels.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"labels of shape {labels.shape} and clusters of shape {clusters.shape} cannot be "
            "compared: pass one of each for every row."
        )
    (_, i), (_, j) = (np.unique(x, return_inverse=True) for x in (labels, clusters))
    counts = np.zeros((i.max() + 1, j.max() + 1), np.int64)
    np.add.at(counts, (i, j), 1)
    return counts


def accuracy(counts: np.ndarray) -> float:
    """Share of rows that are right under the best naming of clusters (Kuhn 1955).

    Where there are more clusters than classes, rows of those left without a name are wrong.
    """
    named = linear_sum_assignment(counts, maximize=True)
    return float(counts[named].sum() / counts.sum())


def mutual_information(counts: np.ndarray) -> float:
    """Normalised by the arithmetic mean of the two entropies; 1 where both are 0."""
    joint = counts / counts.sum()
    apart = _entropy(joint.sum(0)) + _entropy(joint.sum(1))
    if apart == 0:
        return 1.0
    return float(np.clip(2 * (apart - _entropy(joint.ravel())) / apart, 0, 1))


def adjusted_rand(counts: np.ndarray) -> float:
    """Hubert & Arabie 1985, eq. 5; 1 where there is nothing to disagree on."""
    together, rows, columns = (_pairs(x) for x in (counts, counts.sum(1), counts.sum(0)))
    everything = _pairs(counts.sum())
    expected = rows * columns / everything if everything else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def modularity(nearest: np.ndarray, clusters: np.ndarray) -> float:
    """Of clusters (n,) in the graph of each row's nearest others, (n, k) row numbers.

    Newman & Girvan 2004, eq. 5, with every row's k edges counted once. 0 where all rows are in
    one cluster or neighbours are in one by chance only; below 1.
    """
    _, own = np.unique(clusters, return_inverse=True)
    inside = (own[nearest] == own[:, None]).mean()
    starts = np.bincount(own) / len(own)
    ends = np.bincount(own[nearest].ravel(), minlength=len(starts)) / nearest.size
    share = (starts + ends) / 2  # an edge has no direction: each end counts half
    return float(inside - (share * share).sum())


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def _pairs(counts: Any) -> float:
    counts = np.asarray(counts, np.float64)
    return float((counts * (counts - 1)).sum() / 2)

"""The first clusters of codes: by k-means or a mixture, and how many there are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from diabolo.estimators.priors import Mixture
from diabolo.estimators.seeds import Seeds
from diabolo.parts.clusters import Assignment, Responsibility, StudentT

STARTS = 10  # of k-means; the best is kept
LOOKED_AT = 2000  # codes by which a number of clusters is judged


def by_means(codes: np.ndarray, count: int, seeds: Seeds) -> StudentT:
    """k-means: the centres with the least squared distance to the codes (n, dim)."""
    found = KMeans(count, n_init=STARTS, random_state=seeds.number("k-means") >> 32).fit(codes)
    assignment = StudentT(codes.shape[1], count)
    with torch.no_grad():
        assignment.means.copy_(torch.from_numpy(found.cluster_centers_))
    return assignment


def by_mixture(codes: np.ndarray, count: int, seeds: Seeds) -> Responsibility:
    """Gaussians with full covariances, by expectation-maximisation."""
    density = Mixture(n_components=count).fit(codes, seeds.number("mixture") >> 32).density_
    return Responsibility(codes.shape[1], count, density)


SEEDINGS: dict[str, Callable[[np.ndarray, int, Seeds], Assignment]] = {
    "kmeans": by_means,
    "mixture": by_mixture,
    "dec": by_means,
    "idec": by_means,
}


def silhouettes(codes: np.ndarray, most: int, seeds: Seeds) -> dict[int, float]:
    """Mean silhouette of k-means for 2, 3 … `most` clusters of at most 2,000 codes, evenly spread.

    (b − a) / max(a, b), with a row's mean distance a to its own cluster and b to the nearest other
    one; −1 … 1. Rousseeuw 1987, "Silhouettes".
    """
    some = codes[:: -(-len(codes) // LOOKED_AT)]
    distinct = len(np.unique(some, axis=0))
    scores = {}
    for count in range(2, min(most, distinct - 1) + 1):
        seed = seeds.number(f"{count} clusters") >> 32
        labels = KMeans(count, n_init=STARTS, random_state=seed).fit_predict(some)
        scores[count] = float(silhouette_score(some, labels))
    return scores

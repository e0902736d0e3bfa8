"""The first clusters of codes: by k-means or a mixture, and how many there are."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

from diabolo.estimators.seeds import Seeds
from diabolo.parts.clusters import Assignment, Responsibility, StudentT
from diabolo.parts.densities import Blend

STARTS = 10  # of k-means; the best is kept
RIDGE = 1e-3  # of the codes' variance: no component is thinner
LOOKED_AT = 2000  # codes by which a number of clusters is judged


def by_means(codes: np.ndarray, count: int, seeds: Seeds) -> StudentT:
    """k-means: the centres with the least squared distance to the codes (n, dim)."""
    assignment = StudentT(codes.shape[1], count)
    with torch.no_grad():
        assignment.means.copy_(torch.from_numpy(_centres(codes, count, seeds)))
    return assignment


def by_mixture(codes: np.ndarray, count: int, seeds: Seeds) -> Responsibility:
    """Gaussians with full covariances, by expectation-maximisation from the centres of k-means."""
    x = codes.astype(np.float64)
    spread = float(x.var(0).mean()) or 1.0
    found = GaussianMixture(
        count,
        reg_covar=RIDGE * spread,
        means_init=_centres(codes, count, seeds),
        random_state=seeds.number("mixture") >> 32,
    )
    with warnings.catch_warnings():  # the best of so many rounds will do
        warnings.simplefilter("ignore", ConvergenceWarning)
        found.fit(x)
    density = Blend(x.shape[1], count)
    for buffer, values in (
        (density.log_weights, np.log(np.maximum(found.weights_, 1e-30))),
        (density.means, found.means_),
        (density.roots, np.linalg.cholesky(found.covariances_)),
    ):
        buffer.copy_(torch.from_numpy(values))
    return Responsibility(x.shape[1], count, density)


def _centres(codes: np.ndarray, count: int, seeds: Seeds) -> np.ndarray:
    seed = seeds.number("k-means") >> 32
    return KMeans(count, n_init=STARTS, random_state=seed).fit(codes).cluster_centers_


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

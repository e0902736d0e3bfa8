"""Detectors without a network, fitted by scikit-learn and kept as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diabolo.parts import outliers
from diabolo.parts.networks import MOST_ONE_HOT
from diabolo.parts.outliers import Partner

TREES = 200


def spread_out(x: Tensor, levels: Sequence[int], limit: float) -> Tensor:
    """Scaled cells (n, d) as plain numbers (n, w): gaps are the mean, categories one-hot.

    Of columns with very many categories the code stays a number, brought to −1 … 1.
    """
    if not levels:
        return x.clamp(-limit, limit)
    wide = []
    for j, k in enumerate(levels):
        cell = x[:, j]
        missing = cell.isnan()
        known = cell.masked_fill(missing, 0.0)
        if k == 0:
            wide.append(known.clamp(-limit, limit)[:, None])
        elif k > MOST_ONE_HOT:
            wide.append((2 * known / (k - 1) - 1).masked_fill(missing, 0.0)[:, None])
        else:
            hot = F.one_hot(known.long(), k).to(x.dtype)
            wide.append(hot.masked_fill(missing[:, None], 0.0))
    return torch.cat(wide, 1)


def forest(x: np.ndarray, seed: int) -> outliers.IsolationForest:
    """Liu's forest of rows (n, w), 200 trees of at most 256 rows."""
    from sklearn.ensemble import IsolationForest

    fitted = IsolationForest(n_estimators=TREES, random_state=seed % 2**32).fit(x)
    return as_arrays(fitted, x.shape[1])


def as_arrays(fitted: Any, dim: int) -> outliers.IsolationForest:
    """scikit-learn's forest as a part that gives the same scores."""
    trees = [tree.tree_ for tree in fitted.estimators_]
    nodes = max(tree.node_count for tree in trees)
    usual = max(float(_usual(np.array([fitted.max_samples_]))[0]), np.finfo(float).tiny)
    made = outliers.IsolationForest(
        dim, len(trees), nodes, max(tree.max_depth for tree in trees), usual
    )
    for t, (tree, columns) in enumerate(zip(trees, fitted.estimators_features_, strict=True)):
        n, is_leaf = tree.node_count, tree.children_left < 0
        chosen = columns[np.where(is_leaf, 0, tree.feature)]
        made.feature[t, :n] = torch.from_numpy(np.where(is_leaf, outliers.LEAF, chosen))
        made.threshold[t, :n] = torch.from_numpy(tree.threshold)
        for side, children in enumerate((tree.children_left, tree.children_right)):
            made.branches[side, t, :n] = torch.from_numpy(np.where(is_leaf, 0, children))
        made.length[t, :n] = torch.from_numpy(_depths(tree) + _usual(tree.n_node_samples))
    return made


def _depths(tree: Any) -> np.ndarray:
    """Cuts above every node, (nodes,)."""
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # parents come before their children
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depths[child] = depths[node] + 1
    return depths


def _usual(rows: np.ndarray) -> np.ndarray:
    """Mean depth at which so many rows are alone (Liu 2008, eq. 1): 2 H(n − 1) − 2 (n − 1) / n."""
    rows = np.asarray(rows, np.float64)
    many = np.maximum(rows, 3.0)
    found = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(rows <= 1, 0.0, np.where(rows <= 2, 1.0, found))


def mahalanobis(x: np.ndarray, seed: int) -> outliers.Ellipsoid:
    """Mean and covariance of rows (n, w), shrunk as Ledoit & Wolf 2004 do."""
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(x.astype(np.float64))
    made = outliers.Ellipsoid(x.shape[1])
    made.middle.copy_(torch.from_numpy(fitted.location_))
    made.precision.copy_(torch.from_numpy(np.ascontiguousarray(fitted.precision_)))
    return made


PARTNERS: dict[str, Callable[[np.ndarray, int], Partner]] = {
    "forest": forest,
    "mahalanobis": mahalanobis,
}

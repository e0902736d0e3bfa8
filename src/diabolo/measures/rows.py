"""Some rows of a data set, in memory, for measures that need not see all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from diabolo.data.dataset import Dataset
from diabolo.data.rows import ArrayRows

if TYPE_CHECKING:
    from diabolo.estimators.estimator import Estimator


def spread(dataset: Dataset, most: int, index: np.ndarray | None = None) -> Dataset:
    """At most so many of the rows (of those numbered in `index`), evenly spread."""
    numbers = np.arange(len(dataset)) if index is None else index
    step = -(-len(numbers) // most)
    return replace(dataset, rows=ArrayRows(dataset.rows.take(numbers[::step])), labels=None)


def scaled(estimator: Estimator, dataset: Dataset) -> np.ndarray:
    """All rows as the network sees them, (n, d) float32."""
    rows = dataset.rows.take(np.arange(len(dataset)))
    return estimator.columns_.scaled(torch.from_numpy(rows)).numpy()


def rebuilt(estimator: Estimator, dataset: Dataset) -> np.ndarray:
    """All rows as the network gives them back, scaled, (n, d) float32; without a context."""
    return estimator._rows_through(
        estimator.module_.reconstruct, dataset, None, estimator.columns_.n_features
    )

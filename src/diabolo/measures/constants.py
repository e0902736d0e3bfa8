"""Means and modes as the yardstick of mixed tables: what is known of a cell without its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from diabolo.doctor import constants

if TYPE_CHECKING:
    from diabolo.estimators.estimator import Estimator


class CellErrors(NamedTuple):
    """How far cells are from the truth, means over those that are known; None: there are none.

    numbers    : squared error, in scaled units (a column's variance is 1)
    categories : share of wrong ones
    """

    numbers: float | None
    categories: float | None


def means_and_modes(estimator: Estimator, rows: np.ndarray) -> np.ndarray:
    """Mean of every number, most frequent code of every category of scaled rows (n, d), (d,)."""
    return constants.means_and_modes(estimator.columns_, rows)


def row_errors(estimator: Estimator, rows: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Error of guesses (n, d) or (d,) for every row, as `score_samples` measures it, (n,)."""
    return constants.row_errors(estimator.module_.likelihood, torch.from_numpy(rows), guess)


def cell_errors(estimator: Estimator, rows: np.ndarray, guess: np.ndarray) -> CellErrors:
    """Errors of guesses (n, d) or (d,) for scaled rows (n, d), numbers and categories apart."""
    coded = estimator.columns_.coded
    known = ~np.isnan(rows)
    with np.errstate(invalid="ignore"):
        squared, wrong = np.square(rows - guess, dtype=np.float64), rows != guess
    return CellErrors(
        _mean(squared, known & ~coded),
        _mean(wrong, known & coded),
    )


def _mean(values: np.ndarray, cells: np.ndarray) -> float | None:
    return float(values[cells].mean()) if cells.any() else None

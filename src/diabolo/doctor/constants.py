"""Means and modes as the yardstick of mixed tables: what is known of a cell without its row."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diabolo.data.columns import Columns
from diabolo.parts.likelihoods import Likelihood


def means_and_modes(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Mean of every number, most frequent code of every category of scaled rows (n, d), (d,)."""
    constants = np.zeros(rows.shape[1], np.float32)
    for j, field in enumerate(columns.fields):
        known = rows[~np.isnan(rows[:, j]), j]
        if field.levels and len(known):
            constants[j] = np.bincount(known.astype(np.int64)).argmax()
        elif len(known):
            constants[j] = known.mean(dtype=np.float64)
    return constants


def row_errors(likelihood: Likelihood, x: Tensor, guess: np.ndarray) -> np.ndarray:
    """Error of guesses (n, d) or (d,) for every row, as `score_samples` measures it, (n,)."""
    guesses = torch.from_numpy(np.broadcast_to(guess, x.shape).copy())
    return likelihood.error(x, guesses).numpy()

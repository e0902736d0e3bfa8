"""Figures of a trained model, from their definitions; each is checked against another way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from diabolo.records.record import Rows
from diabolo.records.sets import flat

PIECE = 500  # rows at once
WIDTHS = tuple(float(f"{width:.3f}") for width in np.geomspace(0.1, 0.4, 13))


def squared_error(model: Any, rows: Rows) -> float:
    """Sum over pixels of (x − x̂)² on [0, 1], mean over images."""
    rebuilt = model.reconstruct(rows.x).reshape(len(rows), -1) / 255
    return float(((flat(rows) - rebuilt) ** 2).sum(1).mean())


def error_rate(predicted: np.ndarray, y: np.ndarray) -> float:
    """Wrong ones in %."""
    return float(100 * np.mean(predicted != y))


def softmax_regression(
    train: np.ndarray, y: np.ndarray, strength: float = 1.0, iterations: int = 300
) -> Any:
    """On standardised columns, by L-BFGS; strength: 1/λ of the squared weights."""
    softmax = LogisticRegression(C=strength, max_iter=iterations, tol=1e-3)
    return make_pipeline(StandardScaler(), softmax).fit(train, y)


def jacobian_norm(model: Any, rows: Rows, count: int = 1000) -> float:
    """‖∂z/∂x‖_F of an encoder of one layer, mean over the first images.

    The Jacobian is diag(s) W with s the slopes of the units, so its squared norm is
    Σ_j s_j² ‖W_j‖² (Rifai et al. 2011, eq. 7).
    """
    module = model.module_
    (layer,) = module.encoder.layers
    with torch.no_grad():
        slopes = module.code.slope(module.encoder(torch.from_numpy(flat(rows[:count]))))
        squares = slopes.square() @ layer.weight.square().sum(1)
        return float(squares.sqrt().mean())


def parzen(
    samples: np.ndarray, choosing: np.ndarray, rows: np.ndarray, widths: Sequence[float] = WIDTHS
) -> tuple[float, float]:
    """Mean log-density of rows in nats under Gaussian kernels around samples, and their width.

    samples (m, d), choosing (n, d), rows (k, d). The width is the one under which the rows of
    `choosing` are likeliest. Goodfellow et al. 2014, table 1.
    """
    likely = [float(one.mean()) for one in log_densities(samples, choosing, widths)]
    best = widths[int(np.argmax(likely))]
    return float(log_densities(samples, rows, (best,))[0].mean()), best


def log_densities(
    samples: np.ndarray, rows: np.ndarray, widths: Sequence[float]
) -> list[np.ndarray]:
    """For each width s, log (1/m) Σ_j N(x; sample_j, s² I) of each row, (k,)."""
    m, d = samples.shape
    squares = (samples**2).sum(1)
    found: list[list[np.ndarray]] = [[] for _ in widths]
    for first in range(0, len(rows), PIECE):
        x = rows[first : first + PIECE]
        apart = (x**2).sum(1)[:, None] + squares - 2 * (x @ samples.T)
        for kept, width in zip(found, widths, strict=True):
            kept.append(logsumexp(apart / (-2 * width**2), axis=1))
    constants = [math.log(m) + d * math.log(width * math.sqrt(2 * math.pi)) for width in widths]
    return [np.concatenate(f).astype(float) - c for f, c in zip(found, constants, strict=True)]

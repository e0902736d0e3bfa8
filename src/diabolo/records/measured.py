"""Figures of a trained model, from their definitions; each is checked against another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from diabolo.records.record import Rows
from diabolo.records.sets import flat


def squared_error(model: Any, rows: Rows) -> float:
    """Sum over pixels of (x − x̂)² on [0, 1], mean over images."""
    rebuilt = model.reconstruct(rows.x).reshape(len(rows), -1) / 255
    return float(((flat(rows) - rebuilt) ** 2).sum(1).mean())


def error_rate(predicted: np.ndarray, y: np.ndarray) -> float:
    """Wrong ones in %."""
    return float(100 * np.mean(predicted != y))


def softmax_regression(
    train: np.ndarray, y: np.ndarray, strength: float = 1.0, iterations: int = 300
) -> LogisticRegression:
    """Fitted by L-BFGS; strength: 1/λ of the squared weights."""
    return LogisticRegression(C=strength, max_iter=iterations, tol=1e-3).fit(train, y)


def jacobian_norm(model: Any, rows: Rows, count: int = 1000) -> float:
    """‖∂z/∂x‖_F by automatic differentiation, mean over the first images."""
    x = torch.from_numpy(flat(rows[:count]))
    with torch.no_grad():
        return float(model.module_.jacobian(x).square().sum((1, 2)).sqrt().mean())

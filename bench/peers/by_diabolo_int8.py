"""diabolo's encoder in whole numbers of eight bits, calibrated on some of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from by_diabolo import VERSION, fit

import diabolo

__all__ = ["VERSION", "encode", "fit"]


def encode(model: diabolo.Autoencoder, X: np.ndarray) -> np.ndarray:
    return _quantised(model, X).transform(X)


def _quantised(model: Any, X: np.ndarray) -> Any:
    if not hasattr(model, "_int8"):
        model._int8 = diabolo.quantised(model, X[:2000])
    return model._int8

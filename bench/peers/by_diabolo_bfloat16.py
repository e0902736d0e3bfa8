"""diabolo with products in bfloat16."""

from __future__ import annotations

import numpy as np
from by_diabolo import VERSION, encode, estimator, reconstruct
from net import Net

import diabolo

__all__ = ["VERSION", "encode", "fit", "reconstruct"]


def fit(X: np.ndarray, net: Net, epochs: int) -> diabolo.Autoencoder:
    return estimator(net, epochs).set_params(precision="bfloat16").fit(X)

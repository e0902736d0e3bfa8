"""scikit-learn's MLPRegressor whose targets are its inputs; its output is linear."""

from __future__ import annotations

import warnings

import numpy as np
import sklearn
from net import Net
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

VERSION = sklearn.__version__


def fit(X: np.ndarray, net: Net, epochs: int) -> MLPRegressor:
    model = MLPRegressor(
        hidden_layer_sizes=net.all_sizes[1:-1],
        alpha=0.0,
        batch_size=net.batch,
        learning_rate_init=net.lr,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs were asked for
        return model.fit(X, X)


def reconstruct(model: MLPRegressor, X: np.ndarray) -> np.ndarray:
    return model.predict(X)

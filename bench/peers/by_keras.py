"""Keras 3 by compile and fit, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import keras
import numpy as np
from net import Net

VERSION = f"{keras.__version__} on {keras.backend.backend()}"
PIECE = 1024


def half(sizes: tuple[int, ...], last: str | None) -> list[keras.Layer]:
    hidden = [keras.layers.Dense(size, activation="relu") for size in sizes[1:-1]]
    return [*hidden, keras.layers.Dense(sizes[-1], activation=last)]


def fit(X: np.ndarray, net: Net, epochs: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((net.sizes[0],)), *half(net.sizes, None)])
    decoder = keras.Sequential([keras.Input((net.code,)), *half(net.sizes[::-1], "sigmoid")])
    model = keras.Sequential([keras.Input((net.sizes[0],)), encoder, decoder])
    model.compile(keras.optimizers.Adam(net.lr), loss="mean_squared_error")
    model.fit(X, X, batch_size=net.batch, epochs=epochs, verbose=0)
    return model


def encode(model: keras.Model, X: np.ndarray) -> np.ndarray:
    return model.layers[0].predict(X, batch_size=PIECE, verbose=0)


def reconstruct(model: keras.Model, X: np.ndarray) -> np.ndarray:
    return model.predict(X, batch_size=PIECE, verbose=0)

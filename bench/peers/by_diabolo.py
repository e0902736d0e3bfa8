"""diabolo, as a user would call it; plain Adam, no clipping, none of the rows held out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from net import Net

import diabolo
from diabolo.data.sources import open_dataset
from diabolo.estimators.abreast import fit_abreast

VERSION = diabolo.__version__


def estimator(net: Net, epochs: int, seed: int = 0) -> diabolo.Autoencoder:
    return diabolo.Autoencoder(
        n_components=net.code,
        hidden_layer_sizes=net.hidden,
        scaling="none",
        likelihood="gaussian",
        batch_size=net.batch,
        max_epochs=epochs,
        lr=net.lr,
        weight_decay=0.0,
        clip=None,
        early_stopping=False,
        random_state=seed,
    )


def fit(X: np.ndarray, net: Net, epochs: int) -> diabolo.Autoencoder:
    return estimator(net, epochs).fit(X)


def fit_many(X: np.ndarray, net: Net, epochs: int, count: int) -> None:
    fit_abreast([estimator(net, epochs, seed) for seed in range(count)], open_dataset(X))


def encode(model: diabolo.Autoencoder, X: np.ndarray) -> np.ndarray:
    return model.transform(X)


def reconstruct(model: diabolo.Autoencoder, X: np.ndarray) -> np.ndarray:
    return model.reconstruct(X)

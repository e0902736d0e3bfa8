"""skorch: a NeuralNetRegressor whose targets are its inputs."""

from __future__ import annotations

import numpy as np
import skorch
import torch
from by_torch import PIECE, Autoencoder
from net import Net
from skorch import NeuralNetRegressor

VERSION = skorch.__version__


def fit(X: np.ndarray, net: Net, epochs: int) -> NeuralNetRegressor:
    torch.manual_seed(0)
    return NeuralNetRegressor(
        Autoencoder,
        module__net=net,
        criterion=torch.nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=net.lr,
        batch_size=net.batch,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    ).fit(X, X)


def encode(model: NeuralNetRegressor, X: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        pieces = torch.from_numpy(X).split(PIECE)
        return torch.cat([model.module_.encoder(x) for x in pieces]).numpy()


def reconstruct(model: NeuralNetRegressor, X: np.ndarray) -> np.ndarray:
    return model.set_params(batch_size=PIECE).predict(X)

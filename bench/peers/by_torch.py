"""The loop everybody writes: data in memory, Adam(fused=True)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from net import Net
from torch import nn

VERSION = torch.__version__
PIECE = 1024


def layers(sizes: tuple[int, ...]) -> list[nn.Module]:
    """Linear maps with a ReLU between them."""
    made: list[nn.Module] = []
    for pair in pairwise(sizes):
        made += [nn.Linear(*pair), nn.ReLU()]
    return made[:-1]


class Autoencoder(nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*layers(net.sizes))
        self.decoder = nn.Sequential(*layers(net.sizes[::-1]), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(x))


def fit(X: np.ndarray, net: Net, epochs: int) -> Autoencoder:
    torch.manual_seed(0)
    data, model = torch.from_numpy(X), Autoencoder(net)
    adam = torch.optim.Adam(model.parameters(), lr=net.lr, fused=True)
    for _ in range(epochs):
        for index in torch.randperm(len(data)).split(net.batch):
            x = data[index]
            loss = 0.5 * (model(x) - x).square().sum(1).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    return model


def through(network: nn.Module, X: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return torch.cat([network(x) for x in torch.from_numpy(X).split(PIECE)]).numpy()


def encode(model: Autoencoder, X: np.ndarray) -> np.ndarray:
    return through(model.encoder, X)


def reconstruct(model: Autoencoder, X: np.ndarray) -> np.ndarray:
    return through(model, X)

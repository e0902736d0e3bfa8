"""ClustPy's FeedforwardAutoencoder.

It imports torchvision for image networks that are not used here; its wheels are built for CUDA and
do not load beside torch for CPUs, so empty classes stand in for it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
import torch
from net import Net


class Empty(ModuleType):
    """Whatever is asked for is a class without anything in it."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        return Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None: ...


sys.meta_path.insert(0, StandIn())

from clustpy.deep.neural_networks import FeedforwardAutoencoder  # noqa: E402

VERSION = version("clustpy")


def fit(X: np.ndarray, net: Net, epochs: int) -> FeedforwardAutoencoder:
    return FeedforwardAutoencoder(
        list(net.sizes),
        activation_fn=torch.nn.ReLU,
        decoder_output_fn=torch.nn.Sigmoid,
        random_state=0,
    ).fit(epochs, {"lr": net.lr}, net.batch, X)


def encode(model: FeedforwardAutoencoder, X: np.ndarray) -> np.ndarray:
    return model.transform(X)


def reconstruct(model: FeedforwardAutoencoder, X: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return model(torch.from_numpy(X)).numpy()

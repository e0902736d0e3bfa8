"""torch by hand (bench/step.py): no autograd, all memory reserved, one fused Adam."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from net import Net
from step import ByHand, Rows

VERSION = torch.__version__


class InMemory(Rows):
    """Rows of an array instead of a named set."""

    def __init__(self, X: np.ndarray, batch: int) -> None:
        self.data, self.scale, self.batch = torch.from_numpy(X), 1.0, batch
        self.generator = torch.Generator().manual_seed(0)
        self.order = torch.empty(0, dtype=torch.int64)


def fit(X: np.ndarray, net: Net, epochs: int) -> None:
    step = ByHand(net.all_sizes, InMemory(X, net.batch))
    for _ in range(epochs * len(X) // net.batch):
        step()

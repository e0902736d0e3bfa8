"""UMAP: places for rows such that neighbours lie together and others do not.

The cross-entropy of `diabolo.parts.neighbours` with the places themselves as what is learned:
in every round each row is drawn to one neighbour and pushed off a few others, all rows at once.
McInnes, Healy & Melville 2018, "UMAP", sec. 3.2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diabolo.data.neighbours import Graph

ROUNDS = 600
STRIDE = 0.3  # longest step of a round, at the beginning; it falls to 0
EXTENT = 3.0  # standard deviation of the places that it starts from
MEMORY = (0.8, 0.99)  # of Adam's moments
CLOSEST = 1e-3  # squared distance, as in the penalty


def layout(
    graph: Graph, start: Tensor, a: float, b: float, seed: int, repulsion: int = 5
) -> np.ndarray:
    """Places (n, dim) float32, centred.

    graph : of n rows. start : (n, dim), such as principal components; their scale does not matter.
    a, b, repulsion : see `diabolo.parts.neighbours.Neighbours`.
    """
    random, n = np.random.default_rng(seed), len(start)
    spread = start.std(0).clamp(min=1e-12) if n > 1 else 1.0
    z = ((start - start.mean(0)) / spread * EXTENT).float()
    # rows that start together would feel the same for ever
    z = z + 1e-2 * torch.from_numpy(random.standard_normal(z.shape)).float()
    first, second = torch.zeros_like(z), torch.zeros_like(z)
    rows = np.arange(n)
    for t in range(ROUNDS):
        pull = _pull(z, torch.from_numpy(graph.neighbours(rows, random.random(n))), a, b)
        others = torch.from_numpy(random.integers(n, size=(repulsion, n)))
        force = pull + sum(_push(z, other, a, b) for other in others)
        first = torch.lerp(force, first, MEMORY[0])
        second = torch.lerp(force.square(), second, MEMORY[1])
        mean, square = first / (1 - MEMORY[0] ** (t + 1)), second / (1 - MEMORY[1] ** (t + 1))
        z = z + STRIDE * (1 - t / ROUNDS) * mean / (square.sqrt() + 1e-8)
    return (z - z.mean(0)).numpy()


def _pull(z: Tensor, neighbours: Tensor, a: float, b: float) -> Tensor:
    """Minus the slope of Σ −log q of each row and its neighbour, (n, dim)."""
    apart = z - z[neighbours]
    squared = apart.square().sum(1, keepdim=True).clamp(min=CLOSEST)
    force = -2 * a * b * squared ** (b - 1) / (1 + a * squared**b) * apart
    return force.index_add(0, neighbours, -force)


def _push(z: Tensor, others: Tensor, a: float, b: float) -> Tensor:
    """Minus the slope of Σ −log(1 − q) of each row and another, (n, dim)."""
    apart = z - z[others]
    squared = apart.square().sum(1, keepdim=True).clamp(min=CLOSEST)
    force = 2 * b / (squared * (1 + a * squared**b)) * apart
    return force.index_add(0, others, -force)

"""Places for rows such that neighbours lie together, in clumps where they come in kinds.

The neighbourhood graph (`diabolo.data.neighbours`) is laid out from its spectral embedding by
minimising UMAP's cross-entropy over the places themselves,

    q_ij = 1 / (1 + a d_ij^{2b}),   −Σ_ij w_ij log q_ij  −  5 Σ_i w_i mean_r log(1 − q_ir)

with all edges and five (or as many as are asked for) other rows r at every step, w_i = Σ_j w_ij.

Belkin & Niyogi 2003, "Laplacian eigenmaps"; McInnes, Healy & Melville 2018, "UMAP", sec. 3.2. As a
step before clustering: McConville et al. 2021, "N2D".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch
from scipy.optimize import curve_fit
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from diabolo.data.batches import Batch
from diabolo.data.neighbours import Graph
from diabolo.engine.fit import fit as carry_out
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.estimators.seeds import Seeds

REPELLED = 5  # other rows that each row is pushed away from at a step
CLOSEST = 1e-3  # squared distance below which two places are one
EXTENT = 10.0  # of the spectral start, in both directions
STEPS = 200
LR = 0.5
FEWEST = 10  # rows; fewer have no structure to lay out


class Curve(NamedTuple):
    """Of q: a and b, by default for a least distance of 0 (McInnes et al. 2018, definition 11)."""

    a: float = 1.929
    b: float = 0.7915


def curve(min_dist: float) -> Curve:
    """The curve that comes closest to 1 up to min_dist and exp(min_dist − d) after.

    As in McInnes et al. 2018, definition 11, with a spread of 1.

    >>> "{:.4f} {:.4f}".format(*curve(0.1))
    '1.5769 0.8951'
    """
    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(min_dist - d))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return Curve(float(a), float(b))


def layout(
    graph: Graph,
    dim: int,
    seeds: Seeds,
    *,
    steps: int = STEPS,
    repelled: int = REPELLED,
    curve: Curve = Curve(),  # noqa: B008 (a tuple)
) -> np.ndarray:
    """Places (n, dim) float32, centred.

    With few steps and rows repelled kinds come apart, with many of both neighbours lie more
    faithfully.
    """
    n = len(graph.starts) - 1
    start = spectral(graph, dim, seeds)
    if n < FEWEST:
        return start
    objective = Layout(graph, start, repelled, curve)
    return settled("layout", objective, objective.places, seeds, steps, lr=LR)


def settled(
    name: str, objective: nn.Module, places: Tensor, seeds: Seeds, steps: int, **settings: Any
) -> np.ndarray:
    """Where an objective moves its places to in so many steps, centred; settings: of its player."""
    player = Player(name, objective, weight_decay=0.0, **settings)
    phase = Phase(name, (player,), AllAtOnce(len(places)), max_epochs=steps, patience=None)
    carry_out([phase], objective, seeds.generator(name), n_threads=1)
    found = places.detach().numpy()
    return found - found.mean(0)


def spectral(graph: Graph, dim: int, seeds: Seeds) -> np.ndarray:
    """Places by the smallest eigenvectors of the graph's Laplacian, (n, dim) float32 in ±10."""
    n = len(graph.starts) - 1
    noise = np.random.default_rng(seeds.number("spectral")).normal(size=(n, dim + 1))
    count = min(dim, n - 2)
    places = np.zeros((n, dim))
    if count > 0 and len(graph.ends) >= n:
        _, vectors = eigsh(_deflated(graph), k=count, which="LA", v0=noise[:, dim], tol=1e-5)
        places[:, :count] = vectors[:, ::-1]
    extent = np.abs(places).max(0)
    places *= EXTENT / np.where(extent > 0, extent, 1)
    return (places + 1e-3 * EXTENT * noise[:, :dim]).astype(np.float32)  # copies lie apart


def _deflated(graph: Graph) -> LinearOperator:
    """I + D^-½ W D^-½ − 2 s sᵀ with s ∝ D^½, whose largest eigenvectors are those wanted.

    Without s, which says nothing: in a graph of two pieces it has the same eigenvalue as the vector
    that tells them apart, and an iteration from one start would find a mixture of both.
    """
    n = len(graph.starts) - 1
    weights = scipy.sparse.csr_matrix((graph.weights, graph.ends, graph.starts), shape=(n, n))
    root = np.sqrt(np.maximum(np.asarray(weights.sum(1)).ravel(), 1e-12))
    unit = root / np.linalg.norm(root)

    def times(v: np.ndarray) -> np.ndarray:
        v = v.ravel()
        return v + (weights @ (v / root)) / root - 2 * (unit @ v) * unit

    return LinearOperator((n, n), matvec=times, dtype=np.float64)


class Layout(nn.Module):
    """The cross-entropy of places with a graph, per row in nats; its parameters are the places."""

    heads: Tensor  # (edges,) int64, each edge once
    ends: Tensor
    weights: Tensor
    mass: Tensor  # (n,) of all edges of a row

    def __init__(
        self,
        graph: Graph,
        start: np.ndarray,
        repelled: int = REPELLED,
        curve: Curve = Curve(),  # noqa: B008 (a tuple)
    ) -> None:
        super().__init__()
        self.repelled, self.curve = repelled, curve
        edges, mass = once(graph), np.diff(graph.mass[graph.starts])
        self.places = nn.Parameter(torch.from_numpy(start).clone())
        for name, values in (
            ("heads", edges.heads),
            ("ends", edges.ends),
            ("weights", 2 * edges.weights),
            ("mass", mass.astype(np.float32)),
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def forward(
        self, batch: Batch, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        places = self.places
        n = len(places)
        near = self._closeness(places[self.heads], places[self.ends])
        attraction = (self.weights * torch.log1p(near)).sum()
        # rows are pushed away from those that come so and so many places after them in an order
        # that is drawn anew; so all are pushed equally often, and gathered in one piece
        order = torch.rand(n, generator=generator).argsort()
        shuffled, mass = places[order], self.mass[order]
        repulsion = places.new_zeros(())
        for step in range(1, self.repelled + 1):
            far = self._closeness(shuffled, shuffled.roll(step, 0))
            repulsion = repulsion + (mass * (torch.log1p(far) - torch.log(far))).sum()
        # each end of an edge is pushed so many times, as UMAP's negative_sample_rate says
        return {"loss": (attraction + repulsion) / n}

    def _closeness(self, one: Tensor, other: Tensor) -> Tensor:
        """a d^{2b}, which is 1/q − 1, (rows,)."""
        squared = (one - other).square().sum(1) + CLOSEST
        return self.curve.a * squared**self.curve.b


class Edges(NamedTuple):
    """Of a graph, each once, (edges,) each."""

    heads: np.ndarray
    ends: np.ndarray
    weights: np.ndarray


def once(graph: Graph) -> Edges:
    """A symmetric graph's edges, from the row of the smaller number to the other."""
    heads = np.repeat(np.arange(len(graph.starts) - 1), np.diff(graph.starts))
    own = heads < graph.ends
    return Edges(heads[own], graph.ends[own], graph.weights[own].astype(np.float32))


class AllAtOnce:
    """Epochs of one batch, which stands for all rows: the objective holds them."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return 1

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        if start == 0:
            yield Batch(torch.zeros(self.rows, 0))

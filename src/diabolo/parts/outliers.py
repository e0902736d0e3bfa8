"""What tells rows apart from the rest without a network: partners of a detector.

They hold what was fitted as buffers, so that a model file keeps it; `diabolo.uses.detect.partners`
does the fitting. `strangeness` is higher, the less a row is like the others.
"""

from __future__ import annotations

from dataclasses import field

import torch
from torch import Tensor

from diabolo.parts.spec import Part

LEAF = -1


class Partner(Part, abstract=True):
    """What all kinds share. dim : numbers a row."""

    dim: int

    def strangeness(self, x: Tensor) -> Tensor:
        """(n, dim) → (n,)."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise a ValueError where what a file holds makes no sense."""


class IsolationForest(Partner):
    """2^(−mean depth / c): rows that few random cuts set apart are strange.

    Each tree cuts `samples` rows at random places of random columns until each is alone; c is the
    depth that is usual, and a leaf that holds more than one row counts as deep as its rows would
    have been.

    trees, nodes : T trees of at most N nodes. depth : levels below the root at most.

    Liu, Ting & Zhou 2008, "Isolation forest".
    """

    trees: int
    nodes: int
    depth: int
    usual: float = 1.0  # c
    feature: Tensor = field(init=False)  # (T, N) the column that a node looks at, −1 in leaves
    threshold: Tensor = field(init=False)  # (T, N) float64; left if x ≤ it
    branches: Tensor = field(init=False)  # (2, T, N) left and right
    length: Tensor = field(init=False)  # (T, N) float64, of the way to a leaf

    def __post_init__(self) -> None:
        shape = (self.trees, self.nodes)
        self.register_buffer("feature", torch.full(shape, LEAF, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("branches", torch.zeros(2, *shape, dtype=torch.int64))
        self.register_buffer("length", torch.zeros(shape, dtype=torch.float64))

    def initialise(self, generator: torch.Generator) -> None:
        """Something to begin with, as for the other parts here: fitting replaces it."""
        self.feature.random_(LEAF, self.dim, generator=generator)
        self.branches.random_(0, self.nodes, generator=generator)
        self.threshold.normal_(generator=generator)
        self.length.uniform_(0, max(1, self.depth), generator=generator)

    def strangeness(self, x: Tensor) -> Tensor:
        """(n, dim) → (n,) in (0, 1]."""
        tree = torch.arange(self.trees, device=x.device)
        node = torch.zeros(len(x), self.trees, dtype=torch.int64, device=x.device)
        left, right = self.branches
        for _ in range(self.depth):
            column = self.feature[tree, node]
            value = x.gather(1, column.clamp(min=0)).double()
            is_left = value <= self.threshold[tree, node]
            below = torch.where(is_left, left[tree, node], right[tree, node])
            node = torch.where(column == LEAF, node, below)
        return torch.exp2(-self.length[tree, node].mean(1) / self.usual).to(x.dtype)

    def check(self) -> None:
        inside = bool(((self.feature >= LEAF) & (self.feature < self.dim)).all())
        linked = bool(((self.branches >= 0) & (self.branches < self.nodes)).all())
        if not (inside and linked and self.usual > 0 and 0 <= self.depth <= self.nodes):
            raise ValueError("its isolation forest points to columns or nodes that are not there")


class Ellipsoid(Partner):
    """√((x − μ)ᵀ Σ⁻¹ (x − μ)): how many standard deviations a row is from the middle.

    Mahalanobis 1936, "On the generalised distance in statistics".
    """

    middle: Tensor = field(init=False)  # (dim,)
    precision: Tensor = field(init=False)  # (dim, dim)

    def __post_init__(self) -> None:
        self.register_buffer("middle", torch.zeros(self.dim))
        self.register_buffer("precision", torch.eye(self.dim))

    def initialise(self, generator: torch.Generator) -> None:
        root = torch.empty_like(self.precision).normal_(generator=generator)
        self.precision.copy_(root @ root.T)

    def strangeness(self, x: Tensor) -> Tensor:
        """(n, dim) → (n,)."""
        apart = (x - self.middle).double()
        square = ((apart @ self.precision.double()) * apart).sum(1)
        return square.clamp(min=0).sqrt().to(x.dtype)


class Usual(Part):
    """Scores of rows that a detector was set by, and what is usual of each cell.

    rows, dim : n of them, of d cells.
    """

    rows: int
    dim: int
    scores: Tensor = field(init=False)  # (n,) float64, rising
    cells: Tensor = field(init=False)  # (d,) the median of each cell's own score

    def __post_init__(self) -> None:
        self.register_buffer("scores", torch.zeros(self.rows, dtype=torch.float64))
        self.register_buffer("cells", torch.zeros(self.dim))

    def share_above(self, scores: Tensor) -> Tensor:
        """(1 + rows that are at least as strange) / (1 + rows), (m,) → (m,)."""
        below = torch.searchsorted(self.scores, scores.double(), right=False)
        return (1 + self.rows - below) / (1 + self.rows)

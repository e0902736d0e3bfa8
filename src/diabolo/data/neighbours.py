"""Which rows are near each other: the k nearest, and the fuzzy graph that UMAP makes of them.

    w_{j|i} = exp(−max(0, d_ij − ρ_i)/σ_i),   ρ_i = min_j d_ij,   σ_i such that Σ_j w_{j|i} = log₂ k
    w_ij = w_{j|i} + w_{i|j} − w_{j|i} w_{i|j}

McInnes, Healy & Melville 2018, "UMAP: uniform manifold approximation and projection for dimension
reduction", sec. 3.1 and algorithms 2 and 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
import torch
import torch.nn.functional as F
from torch import Tensor

EXACT = 10_000  # rows; with more, only those in nearby cells are compared
PROBES = 10  # cells that are looked through for a row; finds 97 % of the neighbours in MNIST
ROUNDS = 5  # of k-means, for the cells
PIECE = 1024  # rows whose distances to all others are held at once
LEAST_SPREAD = 1e-3  # of the mean distance to the neighbours: σ is no smaller
BISECTIONS = 64
FEWEST = 3  # rows with neighbours worth the name


class Nearest(NamedTuple):
    """The nearest other rows of every row, the nearest first."""

    rows: Tensor  # (n, k) int64
    distances: Tensor  # (n, k) float32, Euclidean


class Graph(NamedTuple):
    """A weighted graph of n rows; the edges of row i are starts[i] … starts[i + 1].

    To draw a neighbour of row i with the weights of its edges is to look a number between
    mass[starts[i]] and mass[starts[i + 1]] up in `mass`.
    """

    starts: np.ndarray  # (n + 1,) int64
    ends: np.ndarray  # (edges,) int64, the other row of each edge
    mass: np.ndarray  # (edges + 1,) float64, sum of the weights of all edges before

    @property
    def weights(self) -> np.ndarray:
        """(edges,)"""
        return np.diff(self.mass)

    def neighbours(self, rows: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """One neighbour of each row, by numbers in [0, 1); a row without any is its own."""
        low, high = self.mass[self.starts[rows]], self.mass[self.starts[rows + 1]]
        edge = np.searchsorted(self.mass, low + chance * (high - low), side="right") - 1
        # rounding may lead just beyond the last edge of a row
        edge = np.clip(edge, self.starts[rows], np.maximum(self.starts[rows + 1] - 1, 0))
        alone = self.starts[rows] == self.starts[rows + 1]
        return np.where(alone, rows, self.ends[np.minimum(edge, len(self.ends) - 1)])


def as_numbers(x: Tensor, table: tuple[int, ...]) -> Tensor:
    """Rows between which there are distances: of a mixed table, categories one-hot, gaps at 0."""
    if not table:
        return x
    parts = []
    for column, levels in zip(x.unbind(1), table, strict=True):
        known = ~column.isnan()
        values = column.nan_to_num(0.0)
        if levels:
            one = F.one_hot(values.long(), levels) * known.unsqueeze(1)
            parts.append(one * 0.5**0.5)  # two categories are at a distance of 1
        else:
            parts.append(values.unsqueeze(1))
    return torch.cat(parts, 1).to(x.dtype)


def fuzzy_graph(x: Tensor, k: int, seed: int = 0) -> Graph:
    """UMAP's graph of rows x (n, d) with k neighbours each, or all others where there are fewer."""
    n, k = len(x), min(k, len(x) - 1)
    if k < 1:
        return Graph(np.zeros(n + 1, np.int64), np.zeros(1, np.int64), np.zeros(1))
    return joined(nearest(x, k, seed))


def joined(found: Nearest) -> Graph:
    """UMAP's graph of rows with their nearest others, by whatever distance."""
    n, k = found.rows.shape
    weights = memberships(found.distances).numpy().ravel()
    heads, tails = np.repeat(np.arange(n), k), found.rows.numpy().ravel()
    one_way = scipy.sparse.csr_matrix((weights.astype(np.float64), (heads, tails)), shape=(n, n))
    other_way = one_way.T.tocsr()
    both = (one_way + other_way - one_way.multiply(other_way)).tocsr()
    both.sort_indices()
    mass = np.concatenate([[0.0], np.cumsum(both.data)])
    return Graph(both.indptr.astype(np.int64), both.indices.astype(np.int64), mass)


def memberships(distances: Tensor) -> Tensor:
    """w_{j|i} of the k nearest, (n, k) → (n, k) in (0, 1]; see above."""
    d = distances.double()
    beyond = (d - d[:, :1]).clamp(min=0)
    target = np.log2(d.shape[1]) if d.shape[1] > 1 else 1.0
    low, high = torch.zeros(len(d), 1).double(), torch.full((len(d), 1), torch.inf).double()
    sigma = torch.ones(len(d), 1).double()
    for _ in range(BISECTIONS):
        too_much = torch.exp(-beyond / sigma).sum(1, keepdim=True) > target
        high = torch.where(too_much, sigma, high)
        low = torch.where(too_much, low, sigma)
        sigma = torch.where(high.isinf(), 2 * sigma, (low + high) / 2)
    least = LEAST_SPREAD * d.mean(1, keepdim=True).clamp(min=1e-12)
    return torch.exp(-beyond / torch.maximum(sigma, least)).float()


def nearest(x: Tensor, k: int, seed: int = 0) -> Nearest:
    """The k nearest other rows of every row of x (n, d); k < n.

    Exact for at most 10,000 rows. With more, rows are grouped into √n cells by k-means and only
    the members of the ten nearest cells are compared (an inverted file, Jégou, Douze & Schmid
    2011, "Product quantization for nearest neighbor search", sec. IV).
    """
    x = x - x.mean(0)  # small squares, little cancellation
    found = _compared(x, k) if len(x) <= EXACT else _by_cells(x, k, seed)
    # once more without cancellation, so that a copy is at distance 0
    distances = torch.cat(
        [
            (x[i : i + PIECE, None] - x[found[i : i + PIECE]]).square().sum(2).sqrt()
            for i in range(0, len(x), PIECE)
        ]
    )
    distances, order = distances.sort(dim=1, stable=True)
    return Nearest(found.gather(1, order), distances)


def _compared(x: Tensor, k: int) -> Tensor:
    """Every row with every other, (n, k)."""
    squares, found = x.square().sum(1), []
    for start in range(0, len(x), PIECE):
        rows = x[start : start + PIECE]
        table = squares - 2 * rows @ x.T
        own = torch.arange(len(rows))
        table[own, start + own] = torch.inf
        found.append(table.topk(k, largest=False).indices)
    return torch.cat(found)


def _by_cells(x: Tensor, k: int, seed: int) -> Tensor:
    """(n, k), compared with the members of the nearest cells only."""
    centres = _cells(x, round(len(x) ** 0.5), seed)
    probed = torch.cat(
        [_distances(rows, centres).topk(PROBES, largest=False).indices for rows in x.split(PIECE)]
    )
    home = probed[:, 0]
    best = torch.full((len(x), k), torch.inf)
    found = torch.zeros(len(x), k, dtype=torch.int64)
    for cell in range(len(centres)):
        members = torch.nonzero(home == cell).flatten()
        if len(members) == 0:
            continue
        for rows in torch.nonzero((probed == cell).any(1)).flatten().split(PIECE):
            table = _distances(x[rows], x[members])
            table[members == rows[:, None]] = torch.inf
            ours = torch.cat([best[rows], table], 1)
            names = torch.cat([found[rows], members.expand(len(rows), -1)], 1)
            best[rows], places = ours.topk(k, largest=False)
            found[rows] = names.gather(1, places)
    lacking = torch.isinf(best).any(1)  # rows whose cells hold too few others
    for rows in torch.nonzero(lacking).flatten().split(PIECE):
        table = _distances(x[rows], x)
        table[torch.arange(len(rows)), rows] = torch.inf
        found[rows] = table.topk(k, largest=False).indices
    return found


def _cells(x: Tensor, count: int, seed: int) -> Tensor:
    """Centres of cells by a few rounds of k-means on some of the rows, (count, d)."""
    generator = torch.Generator().manual_seed(seed % 2**63)
    some = x[torch.randperm(len(x), generator=generator)[: 40 * count]]
    centres = some[:count].clone()
    for _ in range(ROUNDS):
        home = torch.cat([_distances(rows, centres).argmin(1) for rows in some.split(PIECE)])
        sizes = torch.bincount(home, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, home, some)
        filled = sizes > 0
        centres[filled] = sums[filled] / sizes[filled, None]
    return centres


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances but for |a|², (n, m): enough to compare those of one row."""
    return b.square().sum(1) - 2 * a @ b.T

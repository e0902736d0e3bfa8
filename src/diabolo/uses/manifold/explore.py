"""A manifold to be explored: rows, their codes, and the ways between them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.estimators.estimator import Estimator
from diabolo.estimators.isomap import neighbour_graph
from diabolo.measures.dimension import Dimension, two_nn
from diabolo.uses.latent import decode_scaled, has_encoder, scaled_rows
from diabolo.uses.manifold.curves import exact_decoder, length, resampled, shortened, subdivided

NEAR = 20  # neighbours; with half as many, ways over 2,000 points of a sphere are 4 % too long
STEPS = 33  # points of a geodesic; its length is measured at WITHIN times as many
WITHIN = 8
ALONG_EDGE = 4  # steps in which an edge of the graph is decoded
PIECE = 1024  # codes whose Jacobians are held at once
MOST = 5000  # rows in the graph
SPECTRA = ("decoder", "encoder", "reconstruction")


class Geodesic(NamedTuple):
    """A shortest way between two rows: codes along it (steps, k), and how long it is.

    by_graph : the length of the shortest way over neighbours, before it was straightened.
    refined : whether it was.
    """

    codes: np.ndarray
    length: float
    by_graph: float
    refined: bool


class Manifold:
    """What a trained autoencoder says of the surface that rows X lie on.

    neighbours : of every code in the graph that ways are sought in.
    context : (n, c), where the model was fitted with one.

    Lengths are in the rows' own units where all columns have one scale (`scaling` "shared", "unit"
    or "none"), else in standard deviations. Geodesics are only as good as the map: after a plain
    autoencoder, whose code may be folded or torn, they are not to be trusted; see
    `IsometricAutoencoder`.
    """

    def __init__(
        self, model: Estimator, X: Any, *, neighbours: int = NEAR, context: Any = None
    ) -> None:
        check_is_fitted(model)
        if not has_encoder(model):
            raise ValueError(
                f"{type(model).__name__} has no encoder, so rows have no codes: take an "
                "autoencoder."
            )
        self.model, self.neighbours, self.context = model, neighbours, context
        self.rows = scaled_rows(model, X)
        self.codes = model.transform(X, context=context)
        scale = model.columns_.scale
        self.unit = float(scale[0]) if (scale == scale[0]).all() else 1.0

    # what is near a row

    @cached_property
    def dimension(self) -> Dimension:
        """Of the rows, by TwoNN, which knows nothing of the model."""
        return two_nn(self.rows)

    def jacobians(self, index: Any = None) -> np.ndarray:
        """∂g/∂z at the codes of the rows numbered in `index` (None: all), (m, d, k)."""
        return self._by_codes(self.model.module_.decoder_jacobian, self.codes, index) * self.unit

    def metric(self, index: Any = None) -> np.ndarray:
        """M = JᵀJ at the codes of rows, (m, k, k): a small step dz is √(dzᵀ M dz) long."""
        jacobians = self.jacobians(index)
        return np.einsum("ndi,ndj->nij", jacobians, jacobians)

    def tangents(self, index: Any = None) -> np.ndarray:
        """Orthonormal bases of the tangent spaces at rows, (m, k, d), by falling stretch.

        Of scaled rows; where columns have scales of their own, directions in the rows differ.
        """
        return np.linalg.svd(self.jacobians(index), full_matrices=False)[0].swapaxes(1, 2)

    def spectrum(self, of: str = "reconstruction", index: Any = None) -> np.ndarray:
        """Singular values of a Jacobian at rows, (m, k), largest first.

        of : "decoder" (∂g/∂z at the codes), "encoder" (∂z/∂x) or "reconstruction" (∂x̂/∂x). The
            last has values near 1 for directions along the manifold and near 0 across it, if the
            model was made to forget these: a `ContractiveAutoencoder` whose code is wider than the
            manifold shows its dimension so, see `diabolo.measures.dimension.significant`.

        Rifai et al. 2011, "Contractive auto-encoders", sec. 5.3; Alain & Bengio 2014, "What
        regularized auto-encoders learn from the data-generating distribution", sec. 3.
        """
        if of not in SPECTRA:
            raise ValueError(f"of={of!r} is unknown: known are {', '.join(SPECTRA)}.")
        if of == "decoder":
            return np.linalg.svd(self.jacobians(index), compute_uv=False)
        encoded = self._by_codes(self.model.module_.jacobian, self.rows, index) / self.unit
        if of == "encoder":
            return np.linalg.svd(encoded, compute_uv=False)
        # of a product (d, k) · (k, d) by its small factors
        left = np.linalg.qr(self.jacobians(index))[1]
        right = np.linalg.qr(encoded.swapaxes(1, 2))[1]
        return np.linalg.svd(left @ right.swapaxes(1, 2), compute_uv=False)

    # ways between rows

    def geodesic(
        self, a: int, b: int, *, steps: int = STEPS, refine: bool | None = None
    ) -> Geodesic:
        """The shortest way from row number a to row number b.

        refine : straighten the way that the graph found. None: only where the code has no more
            units than the rows have dimensions; in a wider one the straight way would leave the
            manifold.
        """
        for row in (a, b):
            if not 0 <= row < len(self.codes):
                raise ValueError(f"row {row} is not among the {len(self.codes)} rows.")
        if steps < 2:
            raise ValueError(f"steps={steps} leaves no way between two rows: pass at least 2.")
        side = self._context_of(a)
        way = self._over_neighbours(a, b)
        dense = subdivided(way, ALONG_EDGE)
        decode = exact_decoder(self.model, side, len(dense))
        by_graph = length(decode, dense) * self.unit
        lengths = decode(torch.from_numpy(dense).double()).diff(dim=0).norm(dim=1).numpy()
        codes = resampled(dense, steps, lengths)
        if refine is None:
            refine = self.codes.shape[1] <= round(self.dimension.value)
        if not refine:
            return Geodesic(codes, by_graph, by_graph, False)
        codes = shortened(exact_decoder(self.model, side, steps), codes)
        measured = subdivided(codes, WITHIN)
        final = length(exact_decoder(self.model, side, len(measured)), measured) * self.unit
        return Geodesic(codes, final, by_graph, True)

    def distance(self, a: int, b: int) -> float:
        """Length of the geodesic between two rows, by their numbers."""
        return self.geodesic(a, b).length

    def graph_distances(self, index: Any) -> np.ndarray:
        """From the rows numbered in `index` to all rows of the graph, over neighbours, (m, n)."""
        if len(self.codes) > MOST:
            raise ValueError(f"this is for at most {MOST} rows: pass fewer to Manifold.")
        return dijkstra(self._graph, directed=False, indices=np.asarray(index)) * self.unit

    # inside

    @cached_property
    def _joined(self) -> np.ndarray:
        """Numbers of the rows in the graph."""
        step = -(-len(self.codes) // MOST)
        return np.arange(0, len(self.codes), step)

    @cached_property
    def _graph(self) -> csr_matrix:
        """Neighbouring codes, as far apart as the decoded straight line between them is long."""
        codes = self.codes[self._joined]
        graph = neighbour_graph(codes.astype(np.float64), self.neighbours).tocoo()
        one_way = graph.row < graph.col
        a, b = graph.row[one_way], graph.col[one_way]
        lengths = self._straight(self._joined[a], self._joined[b])
        n = len(codes)
        half = csr_matrix((lengths, (a, b)), shape=(n, n))
        return half + half.T

    def _straight(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Lengths of the decoded straight lines between codes of rows a and b, (m,), scaled."""
        total, before = np.zeros(len(a)), None
        sides = None if self.context is None else np.asarray(self.context, np.float32)[a]
        for t in np.linspace(0, 1, ALONG_EDGE + 1, dtype=np.float32):
            here = decode_scaled(self.model, (1 - t) * self.codes[a] + t * self.codes[b], sides)
            if before is not None:
                total += np.linalg.norm(here - before, axis=1)
            before = here
        return np.maximum(total, 1e-30)  # 0 would be no edge

    def _over_neighbours(self, a: int, b: int) -> np.ndarray:
        """Codes of the shortest way over the graph, (m, k), from a to b."""
        starts, ends = self._entries(a), self._entries(b)
        nodes, to_a = starts
        distances, before = dijkstra(
            self._graph, directed=False, indices=nodes, return_predecessors=True
        )
        total = to_a[:, None] + distances[:, ends[0]] + ends[1]
        i, j = np.unravel_index(total.argmin(), total.shape)
        way, node = [ends[0][j]], ends[0][j]
        while node != nodes[i]:
            node = before[i, node]
            way.append(node)
        rows = [a, *self._joined[way[::-1]], b]
        kept = [row for k, row in enumerate(rows) if k == 0 or row != rows[k - 1]]
        return self.codes[kept if len(kept) > 1 else [a, b]]

    def _entries(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Nodes of the graph by which a row is reached, and how far they are from it."""
        at = np.searchsorted(self._joined, row)
        if at < len(self._joined) and self._joined[at] == row:
            return np.array([at]), np.zeros(1)
        away = np.square(self.codes[self._joined] - self.codes[row]).sum(1)
        nearest = np.argsort(away)[: self.neighbours]
        return nearest, self._straight(np.full(len(nearest), row), self._joined[nearest])

    def _context_of(self, row: int) -> Any:
        return None if self.context is None else np.asarray(self.context)[row : row + 1]

    def _by_codes(self, jacobian: Any, points: np.ndarray, index: Any) -> np.ndarray:
        """A Jacobian at some of the points, piece by piece."""
        chosen = np.arange(len(points)) if index is None else np.atleast_1d(index)
        sides = self.model._sides(self.context, len(points))
        found = []
        for first in range(0, len(chosen), PIECE):
            some = chosen[first : first + PIECE]
            z = torch.from_numpy(points[some]).to(self.model.device_)
            side: Tensor | None = None if sides is None else sides[torch.from_numpy(some)]
            found.append(jacobian(z, side).cpu().numpy())
        return np.concatenate(found)

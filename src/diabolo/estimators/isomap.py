"""Isomap: places for rows such that straight distances are those along the rows' manifold.

Neighbours are joined by edges as long as their distance; the shortest way over edges stands for the
geodesic. Classical scaling places some rows, the landmarks, such that their distances are these,
and every other row by its distances δ to the landmarks: z = −½ L⁺ (δ² − mean δ²). Tenenbaum,
de Silva & Langford 2000, "A global geometric framework for nonlinear dimensionality reduction"; de
Silva & Tenenbaum 2004, "Sparse multidimensional scaling using landmark points".
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 10
MOST_JOINED = 4000  # rows in the graph; others are placed by those of them that are near
LANDMARKS = 400
LEAST = 1e-30  # length of an edge: 0 would be no edge


def neighbour_graph(points: np.ndarray, neighbours: int = NEIGHBOURS) -> csr_matrix:
    """Symmetric (n, n), the distance to each row's nearest others; in one piece.

    Parts that no neighbours connect are joined by their shortest edge to the largest one.
    """
    n = len(points)
    near = NearestNeighbors(n_neighbors=min(neighbours, n - 1)).fit(points)
    edges = near.kneighbors_graph(mode="distance").tocoo()
    graph = _symmetric(edges.row, edges.col, edges.data, n)
    while (pieces := connected_components(graph, directed=False))[0] > 1:
        of = pieces[1]
        main = of == np.bincount(of).argmax()
        inside, outside = np.flatnonzero(main), np.flatnonzero(~main)
        distance, nearest = (
            NearestNeighbors(n_neighbors=1).fit(points[inside]).kneighbors(points[outside])
        )
        first = [np.flatnonzero(of[outside] == c) for c in np.unique(of[outside])]
        best = np.array([rows[distance[rows, 0].argmin()] for rows in first])
        graph = graph + _symmetric(outside[best], inside[nearest[best, 0]], distance[best, 0], n)
    return graph


def _symmetric(a: np.ndarray, b: np.ndarray, lengths: np.ndarray, n: int) -> csr_matrix:
    lengths = np.maximum(lengths, LEAST)
    one_way = coo_matrix((lengths, (a, b)), shape=(n, n)).tocsr()
    return one_way.maximum(one_way.T)


def layout(rows: np.ndarray, dim: int, seed: int, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Places of rows (n, d), (n, dim) float32, centred.

    seed : of the rows that are joined and of the landmarks, where not all are.
    """
    random = np.random.default_rng(seed)
    joined = np.sort(random.permutation(len(rows))[:MOST_JOINED])
    landmarks = np.sort(random.permutation(len(joined))[:LANDMARKS])
    points = rows[joined].astype(np.float64)
    graph = neighbour_graph(points, neighbours)
    distances = dijkstra(graph, directed=False, indices=landmarks).T  # (joined, landmarks)
    among = distances[landmarks] ** 2
    back = _classical(among, dim)
    if len(rows) > len(joined):
        distances = _by_neighbours(rows, points, distances, neighbours)
    placed = -0.5 * (distances**2 - among.mean(0)) @ back
    return (placed - placed.mean(0)).astype(np.float32)


def _classical(squares: np.ndarray, dim: int) -> np.ndarray:
    """(n, dim): from centred squared distances to places, v_i / √λ_i by columns."""
    n = len(squares)
    centred = squares - squares.mean(0) - squares.mean(1, keepdims=True) + squares.mean()
    kept = min(dim, n)
    values, vectors = eigh(-0.5 * centred, subset_by_index=(n - kept, n - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    worth = values > 1e-10 * max(values[0], LEAST)  # no direction where nothing is left
    back = np.zeros((n, dim))
    back[:, :kept][:, worth] = vectors[:, worth] / np.sqrt(values[worth])
    return back * np.sign(back[np.abs(back).argmax(0), range(dim)])  # one of two mirror images


def _by_neighbours(
    rows: np.ndarray, points: np.ndarray, distances: np.ndarray, neighbours: int
) -> np.ndarray:
    """Distances of all rows to the landmarks, by way of the joined points next to them."""
    step, found = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(rows)
    result = np.full((len(rows), distances.shape[1]), np.inf)
    for j in range(neighbours):
        np.minimum(result, step[:, j : j + 1] + distances[found[:, j]], out=result)
    return result

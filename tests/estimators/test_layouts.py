"""Layouts: neighbours together, kinds apart, always alike."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness

from diabolo.data.neighbours import fuzzy_graph
from diabolo.estimators.layouts import (
    CLOSEST,
    REPELLED,
    AllAtOnce,
    Curve,
    Layout,
    curve,
    layout,
    spectral,
)
from diabolo.estimators.seeds import Seeds
from diabolo.measures.clusters import agreement


@pytest.fixture(scope="module")
def rings():
    """Two rings, one inside the other, (300, 2), and which is which; k-means cuts through both."""
    random = np.random.default_rng(0)
    which, angle = np.arange(300) % 2, random.uniform(0, 2 * np.pi, 300)
    radius = 1 + 2 * which + 0.05 * random.normal(size=300)
    return torch.from_numpy(np.c_[radius * np.cos(angle), radius * np.sin(angle)]).float(), which


@pytest.fixture(scope="module")
def graph(rings):
    return fuzzy_graph(rings[0], 10)


def test_kinds_come_apart(rings, graph):
    rows, which = rings
    places = layout(graph, 2, Seeds(0))
    assert places.shape == (300, 2)
    assert places.dtype == np.float32
    np.testing.assert_allclose(places.mean(0), 0, atol=1e-4)

    def found(x):
        return agreement(which, KMeans(2, n_init=5, random_state=0).fit_predict(x)).accuracy

    assert found(places) == 1
    assert found(rows.numpy()) < 0.7


@pytest.mark.parametrize(("min_dist", "a", "b"), [(0.0, 1.9328, 0.7905), (0.1, 1.5769, 0.8951)])
def test_the_curve_is_umaps(min_dist, a, b):
    assert curve(min_dist) == pytest.approx((a, b), abs=1e-3)


def test_digits_lie_beside_their_neighbours():
    """With many rows repelled for long enough, as a map wants it."""
    X = load_digits().data[:800].astype(np.float32)
    graph = fuzzy_graph(torch.from_numpy(X), 10)
    much, little = (
        layout(graph, 2, Seeds(0), steps=steps, repelled=repelled, curve=curve(0.1))
        for steps, repelled in ((500, 15), (20, 1))
    )
    assert trustworthiness(X, much, n_neighbors=5) > 0.98
    assert trustworthiness(X, little, n_neighbors=5) < 0.97


def test_same_seed_same_places(graph):
    first, again, other = (layout(graph, 3, Seeds(seed), steps=5) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_start_is_the_laplacians():
    n = 200
    rows = np.random.default_rng(2).uniform(size=(n, 2)) * (3, 1)  # a strip, in one piece
    graph = fuzzy_graph(torch.from_numpy(rows).float(), 10)
    table = np.zeros((n, n))
    for i in range(n):
        own = slice(graph.starts[i], graph.starts[i + 1])
        table[i, graph.ends[own]] = graph.weights[own]
    degree = table.sum(1)
    _, vectors = np.linalg.eigh(np.eye(n) - table / np.sqrt(np.outer(degree, degree)))
    found = spectral(graph, 3, Seeds(0))
    for k in range(3):
        assert abs(np.corrcoef(found[:, k], vectors[:, k + 1])[0, 1]) > 0.999


def test_the_loss_is_the_cross_entropy_of_the_graph(graph):
    random = np.random.default_rng(1)
    start = random.normal(size=(300, 2)).astype(np.float32)
    objective = Layout(graph, start)
    losses = [
        objective(None, torch.zeros(()), torch.Generator().manual_seed(seed))["loss"].item()
        for seed in range(40)
    ]
    squared = ((start[:, None] - start) ** 2).sum(2) + CLOSEST
    a, b = Curve()
    q = 1 / (1 + a * squared**b)
    heads = np.repeat(np.arange(300), np.diff(graph.starts))
    attraction = -(graph.weights * np.log(q[heads, graph.ends])).sum()
    mass = np.bincount(heads, graph.weights, minlength=300)
    away = -np.log(1 - q)
    np.fill_diagonal(away, 0)
    repulsion = REPELLED * (mass * away.sum(1) / 299).sum()
    assert np.mean(losses) == pytest.approx((attraction + repulsion) / 300, rel=0.01)


@pytest.mark.parametrize("rows", [1, 2, 3, 9])
def test_few_rows_have_places(rows):
    x = torch.arange(float(rows)).unsqueeze(1)
    places = layout(fuzzy_graph(x, 3), 4, Seeds(0))
    assert places.shape == (rows, 4)
    assert np.isfinite(places).all()


def test_an_epoch_is_one_batch():
    supply = AllAtOnce(7)
    assert len(supply) == len(list(supply.epoch(3))) == 1
    assert not list(supply.epoch(3, start=1))

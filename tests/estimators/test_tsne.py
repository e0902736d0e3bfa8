"""t-SNE: Z is the sum over all pairs, and neighbours stay beside each other."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE as Exact
from sklearn.manifold import trustworthiness

from diabolo.data.neighbours import fuzzy_graph
from diabolo.estimators.layouts import layout
from diabolo.estimators.seeds import Seeds
from diabolo.estimators.tsne import NODES, SPACING, TSNE, normaliser, tsne


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:800].astype(np.float32)


@pytest.fixture(scope="module")
def graph(digits):
    return fuzzy_graph(torch.from_numpy(digits), 15)


def places_of(n, d, scale, seed=0):
    return (scale * torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)))).float()


def of_all_pairs(places):
    squared = (places.double()[:, None] - places.double()).square().sum(2)
    return (1 / (1 + squared)).sum() - len(places)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("scale", [0.5, 1.0, 10.0, 60.0])
def test_z_is_the_sum_over_all_pairs(d, scale):
    places = places_of(500, d, scale).requires_grad_()
    found, wanted = normaliser(places), of_all_pairs(places)
    assert found.item() == pytest.approx(wanted.item(), rel=2e-3)
    ours, exact = (torch.autograd.grad(z, places)[0] for z in (found, wanted))
    assert (ours - exact).norm() <= 0.05 * exact.norm() + 1e-3


def test_moving_all_changes_nothing():
    places = places_of(300, 2, 8.0)
    shifted = places + torch.tensor([0.1234, -7.7])
    assert normaliser(shifted).item() == pytest.approx(normaliser(places).item(), rel=1e-4)


def test_far_places_cost_no_more_memory():
    """Beyond so many nodes these lie further apart: a coarse sum, but one of two far clumps."""
    places = places_of(200, 2, 0.1)
    places[:100] += 1e4 * NODES * SPACING
    assert normaliser(places).item() == pytest.approx(2 * 100 * 99, rel=0.1)


def test_the_loss_is_the_cross_entropy_of_the_graph(graph):
    n = len(graph.starts) - 1
    start = places_of(n, 2, 5.0).numpy()
    p = np.zeros((n, n))
    for i in range(n):
        own = slice(graph.starts[i], graph.starts[i + 1])
        p[i, graph.ends[own]] = graph.weights[own]
    p /= p.sum()
    squared = ((start[:, None] - start) ** 2).sum(2, dtype=np.float64)
    q = 1 / (1 + squared)
    np.fill_diagonal(q, 0)
    wanted = -(p[p > 0] * np.log(q[p > 0] / q.sum())).sum()
    found = TSNE(graph, start)(None, torch.zeros(()), None)["loss"].item()
    assert found / n == pytest.approx(wanted, rel=1e-4)


def test_digits_lie_beside_their_neighbours(digits, graph):
    """More so than in UMAP's layout, and as in scikit-learn's t-SNE."""
    ours, umap = (way(graph, 2, Seeds(0)) for way in (tsne, layout))
    exact = Exact(init="pca", random_state=0).fit_transform(digits)
    trust, least, most = (trustworthiness(digits, x, n_neighbors=5) for x in (ours, umap, exact))
    assert trust > least + 0.005
    assert trust > most - 0.005
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours.mean(0), 0, atol=1e-3)


def test_same_seed_same_places(graph):
    first, again, other = (tsne(graph, 2, Seeds(seed), steps=5) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("rows", [1, 2, 3, 9, 12])
@pytest.mark.parametrize("dim", [1, 2])
def test_few_rows_have_places(rows, dim):
    x = torch.arange(float(rows)).unsqueeze(1)
    places = tsne(fuzzy_graph(x, 3), dim, Seeds(0), steps=20)
    assert places.shape == (rows, dim)
    assert np.isfinite(places).all()


def test_copies_have_places():
    places = tsne(fuzzy_graph(torch.zeros(30, 4), 5), 2, Seeds(0), steps=20)
    assert np.isfinite(places).all()

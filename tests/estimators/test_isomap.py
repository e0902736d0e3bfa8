"""Isomap's places against scikit-learn's, and where distances are known."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.datasets import make_swiss_roll
from sklearn.manifold import Isomap

from diabolo.estimators import isomap
from diabolo.estimators.isomap import layout, neighbour_graph


def test_with_all_rows_as_landmarks_it_is_scikit_learns():
    rows = make_swiss_roll(300, random_state=0)[0]
    ours = layout(rows, 2, seed=0)
    theirs = Isomap(n_neighbors=10, n_components=2, eigen_solver="dense").fit_transform(rows)
    np.testing.assert_allclose(pdist(ours), pdist(theirs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("joined", [4000, 700])  # all, or some whose neighbours the others are
def test_a_swiss_roll_is_unrolled(joined, monkeypatch):
    monkeypatch.setattr(isomap, "MOST_JOINED", joined)
    rows, t = make_swiss_roll(1500, random_state=0)
    along = (t * np.sqrt(1 + t * t) + np.arcsinh(t)) / 2
    true = pdist(np.stack([along, rows[:, 1]], 1))
    found = pdist(layout(rows, 2, seed=0))
    assert np.median(np.abs(found - true) / true) < 0.06
    assert np.corrcoef(found, true)[0, 1] > 0.998


def test_the_same_seed_gives_the_same_places_and_touches_no_global_state():
    rows = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = layout(rows, 2, seed=5)
    assert np.array_equal(first, layout(rows, 2, seed=5))
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_allclose(first.mean(0), 0, atol=1e-5)


def test_parts_far_from_each_other_are_joined_by_their_shortest_edges():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(size=(30, 2)) + [40 * k, 0] for k in range(3)])
    graph = neighbour_graph(rows, 4)
    assert (abs(graph - graph.T)).max() == 0
    long = graph.tocoo()
    lengths = np.sort(long.data[long.data > 20])
    assert len(lengths) == 4  # two edges, both ways
    gaps = [np.min([np.linalg.norm(a - b) for a in rows[:30] for b in rows[30:60]])]
    assert np.isclose(lengths, gaps[0]).any()


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.eye(3), np.ones((40, 1))])
def test_rows_that_are_few_or_alike_have_places(rows):
    found = layout(rows.astype(np.float32), 2, seed=0)
    assert found.shape == (len(rows), 2)
    assert np.isfinite(found).all()

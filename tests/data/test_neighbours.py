"""Neighbours against scikit-learn's, the graph against UMAP's formulas written out."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from diabolo.data import neighbours
from diabolo.data.neighbours import Graph, fuzzy_graph, memberships, nearest


def rows(n, d=5, seed=0):
    return torch.empty(n, d).normal_(generator=torch.Generator().manual_seed(seed))


def test_exact_as_scikit_learn():
    x = rows(300) + 100  # far from 0, where squares would cancel
    found = nearest(x, 7)
    distances, indices = NearestNeighbors(n_neighbors=7).fit(x.double().numpy()).kneighbors()
    assert np.array_equal(found.rows.numpy(), indices)
    assert found.distances.numpy() == pytest.approx(distances, rel=1e-4)


def test_cells_find_nearly_all(monkeypatch):
    x = torch.from_numpy(load_digits().data).float()
    exact = nearest(x, 10)
    monkeypatch.setattr(neighbours, "EXACT", 100)
    found = nearest(x, 10)
    same = [
        len({*a} & {*b}) for a, b in zip(*(f.rows.tolist() for f in (exact, found)), strict=True)
    ]
    assert np.mean(same) > 9.5
    assert (found.rows != torch.arange(len(x))[:, None]).all()
    assert torch.equal(nearest(x, 10).rows, found.rows)


def test_cells_that_hold_too_few_others(monkeypatch):
    monkeypatch.setattr(neighbours, "EXACT", 10)
    monkeypatch.setattr(neighbours, "PROBES", 1)
    x = rows(60)
    assert torch.equal(nearest(x, 50).rows.sort(1).values, nearest(x, 50).rows.sort(1).values)
    assert nearest(x, 50).distances.isfinite().all()


def test_copies_are_at_distance_0():
    x = rows(20).repeat(2, 1)
    found = nearest(x, 1)
    assert (found.distances == 0).all()
    assert torch.equal(found.rows[:, 0], (torch.arange(40) + 20) % 40)


def test_memberships_add_up_to_log2_k():
    d = torch.sort(rows(50, 8).abs(), dim=1).values
    w = memberships(d).double()
    assert w[:, 0] == pytest.approx(np.ones(50))  # the nearest is a neighbour for certain
    assert w.sum(1) == pytest.approx(np.full(50, 3.0), rel=1e-5)
    assert (w.diff(dim=1) <= 0).all()


def test_a_row_among_its_copies():
    w = memberships(torch.zeros(2, 5))
    assert torch.equal(w, torch.ones(2, 5))


def test_the_graph_is_the_fuzzy_union():
    x = rows(40)
    graph, found = fuzzy_graph(x, 4), nearest(x, 4)
    one_way = np.zeros((40, 40))
    np.put_along_axis(one_way, found.rows.numpy(), memberships(found.distances).numpy(), 1)
    expected = one_way + one_way.T - one_way * one_way.T
    dense = np.zeros((40, 40))
    for i in range(40):
        edges = slice(graph.starts[i], graph.starts[i + 1])
        dense[i, graph.ends[edges]] = graph.weights[edges]
    assert dense == pytest.approx(expected, abs=1e-6)


def test_neighbours_are_drawn_by_weight():
    graph = Graph(np.array([0, 2, 2, 3]), np.array([1, 2, 0]), np.array([0, 0.3, 1.2, 1.2 + 0.5]))
    chance = np.random.default_rng(0).random(20_000)
    drawn = graph.neighbours(np.zeros(20_000, int), chance)
    assert np.mean(drawn == 1) == pytest.approx(0.25, abs=3 * math.sqrt(0.25 * 0.75 / 20_000))
    assert set(drawn) == {1, 2}
    assert graph.neighbours(np.array([1, 2]), np.array([0.9999999, 0.0])).tolist() == [1, 0]
    ends = graph.neighbours(np.array([0, 0]), np.array([0.0, np.nextafter(1, 0)]))
    assert ends.tolist() == [1, 2]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows(n):
    graph = fuzzy_graph(rows(n), 15)
    drawn = graph.neighbours(np.arange(n), np.full(n, 0.5))
    assert ((drawn != np.arange(n)) | (n == 1)).all()

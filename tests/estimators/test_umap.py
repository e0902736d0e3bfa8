"""The layout: slopes against autograd, and the quality of a map of the digits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from diabolo.data.neighbours import fuzzy_graph
from diabolo.estimators import umap
from laws import normal

A, B = 1.577, 0.895


def test_forces_are_minus_the_slopes():
    z = normal(8, 2).requires_grad_()
    others = torch.tensor([1, 2, 3, 4, 5, 6, 7, 0])
    squared = A * (z - z[others]).square().sum(1) ** B
    for force, loss in (
        (umap._pull, torch.log1p(squared).sum()),
        (umap._push, (torch.log1p(squared) - torch.log(squared)).sum()),
    ):
        (slope,) = torch.autograd.grad(loss, z, retain_graph=True)
        assert torch.allclose(force(z.detach(), others, A, B), -slope)


def test_digits_lie_in_their_own_places(monkeypatch):
    X, y = load_digits(return_X_y=True)
    X, y = X[:800].astype(np.float32), y[:800]
    graph = fuzzy_graph(torch.from_numpy(X), 15)
    start = PCA(2, random_state=0).fit_transform(X)
    monkeypatch.setattr(umap, "ROUNDS", 300)
    places = umap.layout(graph, torch.from_numpy(start), A, B, seed=0)
    assert places.shape == (800, 2)
    assert places.dtype == np.float32
    assert places.mean(0) == pytest.approx(0, abs=1e-4)
    scores = {
        name: cross_val_score(KNeighborsClassifier(5), z, y, cv=4).mean()
        for name, z in {"ours": places, "start": start}.items()
    }
    print(scores, trustworthiness(X, places, n_neighbors=5))
    assert scores["ours"] > 0.9 > 0.7 > scores["start"]
    assert trustworthiness(X, places, n_neighbors=5) > 0.97
    again = umap.layout(graph, torch.from_numpy(start), A, B, seed=0)
    assert np.array_equal(places, again)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows(n):
    x = normal(n, 3).float()
    places = umap.layout(fuzzy_graph(x, 15), x[:, :2], A, B, seed=0)
    assert np.isfinite(places).all()

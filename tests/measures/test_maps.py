"""Measures of maps against scikit-learn's and closed cases."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from diabolo.measures import maps


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = X[:600].astype(np.float32)
    return X, PCA(2, random_state=0).fit_transform(X).astype(np.float32), y[:600]


@pytest.mark.parametrize("k", [1, 5, 30])
def test_trustworthiness_as_scikit_learn(digits, k):
    X, Z, _ = digits
    assert maps.trustworthiness(X, Z, k) == pytest.approx(
        trustworthiness(X, Z, n_neighbors=k), abs=1e-3
    )
    assert maps.continuity(X, Z, k) == pytest.approx(trustworthiness(Z, X, n_neighbors=k), abs=1e-3)


def test_accuracy_as_scikit_learn(digits):
    _, Z, y = digits
    theirs = cross_val_score(KNeighborsClassifier(5), Z, y, cv=LeaveOneOut()).mean()
    assert maps.accuracy(Z, y) == pytest.approx(theirs, abs=0.005)  # ties
    assert maps.accuracy(Z, np.array(["a"] * 600)) == 1.0


def test_a_map_that_is_the_data():
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    turned = 7 * X @ np.array([[0, 1], [-1, 0]], np.float32) + 3
    quality = maps.map_quality(X, turned)
    assert quality.trustworthiness == pytest.approx(1)
    assert quality.continuity == pytest.approx(1)
    assert quality.stress < 1e-3
    assert quality.accuracy is None


def test_stress_by_hand():
    X = np.array([[0.0], [1.0], [3.0]], np.float32)
    Z = np.array([[0.0], [2.0], [1.0]], np.float32)
    d, delta = np.array([1.0, 3.0, 2.0]), np.array([2.0, 1.0, 1.0])
    scales = np.linspace(0, 5, 100_001)
    least = np.sqrt(min(np.square(d - s * delta).sum() for s in scales) / np.square(d).sum())
    assert maps.stress(X, Z) == pytest.approx(least, abs=1e-3)
    assert maps.stress(X, np.zeros_like(Z)) == pytest.approx(1)
    assert maps.stress(np.zeros_like(X), Z) == 0


def test_pieces_do_not_show(digits, monkeypatch):
    X, Z, y = digits
    whole = maps.map_quality(X[:300], Z[:300], y[:300])
    monkeypatch.setattr("diabolo.doctor.nearest.PIECE", 70)
    assert maps.map_quality(X[:300], Z[:300], y[:300]) == pytest.approx(whole, rel=1e-5)


def test_too_few_rows():
    with pytest.raises(ValueError, match="5 neighbours are too many, or none, to judge a map of 8"):
        maps.trustworthiness(np.eye(8, dtype=np.float32), np.eye(8, 2, dtype=np.float32))

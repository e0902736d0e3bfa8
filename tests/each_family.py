"""Fixtures for folders in which tests that ask for `name` or `make` run for every family."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_digits

from diabolo.families import AUTOENCODERS, family


@pytest.fixture(params=AUTOENCODERS)
def name(request):
    return request.param


@pytest.fixture
def make(name):
    """The family's estimator, trained briefly and always alike; takes further parameters."""
    return partial(family(name), max_epochs=3, random_state=0)


@pytest.fixture(scope="session")
def digits():
    """(1400, 64) and (397, 64), whole greys 0 … 16 as float64."""
    X = load_digits().data
    order = np.random.default_rng(0).permutation(len(X))
    return X[order[:1400]], X[order[1400:]]


@pytest.fixture
def rows():
    """(40, 6) float64, standardised by the estimator."""
    return np.random.default_rng(0).normal(3, 2, (40, 6))


@pytest.fixture
def labels():
    return np.arange(40) % 3


@pytest.fixture
def context(labels):
    return np.eye(3)[labels]

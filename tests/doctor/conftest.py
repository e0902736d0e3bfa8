"""Findings of a fitted estimator by what they are about."""

import numpy as np
import pytest

SHORT = {"random_state": 0, "n_threads": 1, "hidden_layer_sizes": (16,)}


def by_subject(model):
    return {finding.about: finding for finding in model.diagnosis_}


@pytest.fixture
def findings():
    return by_subject


@pytest.fixture
def short():
    """Settings of a small network."""
    return dict(SHORT)


@pytest.fixture
def rows():
    """(300, 8) float64 with three inner dimensions."""
    random = np.random.default_rng(0)
    return random.normal(size=(300, 3)) @ random.normal(size=(3, 8))

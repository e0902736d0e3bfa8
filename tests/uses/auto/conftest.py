"""Rows that a search is tried on."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return random.normal(size=(200, 2)) @ random.normal(size=(2, 8))

"""Candidates are the same for the same seed, and never the same twice."""

from itertools import islice

import numpy as np
import pytest

from diabolo import open_dataset
from diabolo.estimators.seeds import Seeds
from diabolo.uses.auto.search import Search


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return random.normal(size=(200, 2)) @ random.normal(size=(2, 8))


QUICK = {"random_state": 0, "n_threads": 1}


def test_the_same_seed_draws_the_same_candidates(rows):
    words = (open_dataset(rows), 5, "compress", None)
    first, second, other = (
        list(islice(Search.on(*words, Seeds.of(seed), 1, None).proposals.groups(), 5))
        for seed in (0, 0, 1)
    )
    assert first == second != other
    drawn = [str(one) for group in first for one in group]
    assert len(set(drawn)) == len(drawn)

"""Candidates are the same for the same seed, and never the same twice."""

from itertools import islice

from diabolo import open_dataset
from diabolo.estimators.seeds import Seeds
from diabolo.uses.auto.search import Search


def test_the_same_seed_draws_the_same_candidates(rows):
    words = (open_dataset(rows), 5, "compress", None)
    first, second, other = (
        list(islice(Search.on(*words, Seeds.of(seed), 1, None).proposals.groups(), 5))
        for seed in (0, 0, 1)
    )
    assert first == second != other
    drawn = [str(one) for group in first for one in group]
    assert len(set(drawn)) == len(drawn)

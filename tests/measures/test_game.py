"""Each disease of a game is provoked and named; a healthy one gets no remedy."""

import numpy as np
import pytest

from diabolo import GenerativeAdversarialNetwork, open_dataset
from diabolo.measures.diagnosis import diagnose


def ring(rows=1200, sd=0.1):
    dice = np.random.default_rng(0)
    at = dice.integers(0, 8, rows) * np.pi / 4
    return np.stack([np.cos(at), np.sin(at)], 1) + sd * dice.normal(size=(rows, 2))


def findings(sd=0.1, **settings):
    model = GenerativeAdversarialNetwork(
        **{"hidden_layer_sizes": (64, 64), "random_state": 0, "n_threads": 1, **settings}
    )
    dataset = open_dataset(ring(sd=sd))
    return dict(line.partition(": ")[::2] for line in diagnose(model.fit(dataset), dataset))


def test_a_healthy_game_gets_no_remedy():
    lines = findings(max_epochs=40, batch_size=64)
    assert "." not in lines["samples"].replace("0.", "").replace("1.", "").rstrip("'s")
    assert "has won" not in lines["discriminator"]


def test_a_discriminator_that_has_won_is_named():
    original = {"penalty": 0.0, "game": "original", "early_stopping": False}
    lines = findings(0.01, max_epochs=15, batch_size=64, lr=0.02, **original)
    assert "It has won" in lines["discriminator"]
    assert "a penalty of 0.1 or more" in lines["discriminator"]
    assert lines["samples"].endswith("Far from the data"), "more epochs would not help"


def test_a_collapse_is_named():
    """A generator whose weights vanish makes one row only."""
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1)
    dataset = open_dataset(ring())
    model.fit(dataset)
    for parameter in model.module_.generator.parameters():
        parameter.data.mul_(0.01)
    lines = dict(line.partition(": ")[::2] for line in diagnose(model, dataset))
    assert "Mode collapse" in lines["samples"]


def test_samples_that_are_merely_bad_are_told_from_a_collapse():
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1, lr=1e-6)
    dataset = open_dataset(10 * ring())
    model.fit(dataset)
    for parameter in model.module_.generator.layers[-1].parameters():
        parameter.data.mul_(100.0)
    lines = dict(line.partition(": ")[::2] for line in diagnose(model, dataset))
    assert "Far from the data" in lines["samples"]


@pytest.mark.parametrize("rows", [5, 45])
def test_few_rows_are_no_trouble(rows):
    dataset = open_dataset(ring(rows))
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0).fit(dataset)
    assert any(line.startswith("discriminator: ") for line in diagnose(model, dataset))

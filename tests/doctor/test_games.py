"""Each disease of a game is provoked and named; a healthy one gets no remedy."""

import numpy as np
import pytest

from diabolo import GenerativeAdversarialNetwork, open_dataset

MODES = 8


def ring(rows=1200, sd=0.1):
    dice = np.random.default_rng(0)
    at = dice.integers(0, MODES, rows) * 2 * np.pi / MODES
    return np.stack([np.cos(at), np.sin(at)], 1) + sd * dice.normal(size=(rows, 2))


def fitted(sd=0.1, **settings):
    model = GenerativeAdversarialNetwork(
        **{"hidden_layer_sizes": (64, 64), "random_state": 0, "n_threads": 1, **settings}
    )
    return model.fit(open_dataset(ring(sd=sd)))


def test_a_healthy_game_gets_no_remedy(findings):
    found = findings(fitted(max_epochs=40, batch_size=64))
    assert found["samples"].severity == "fine"
    assert found["discriminator"].severity == "fine"


def test_a_discriminator_that_has_won_is_named(findings):
    original = {"penalty": 0.0, "game": "original", "early_stopping": False}
    found = findings(fitted(0.01, max_epochs=15, batch_size=64, lr=0.02, **original))
    assert "It has won" in found["discriminator"].finding
    assert "a penalty of 0.1 or more" in found["discriminator"].remedy
    assert found["samples"].is_warning
    assert "more epochs" not in found["samples"].remedy, "more epochs would not help"


def test_modes_that_the_original_game_loses(findings):
    original = {"penalty": 0.0, "game": "original", "early_stopping": False, "averaging": 0.0}
    found = findings(fitted(0.05, max_epochs=15, batch_size=64, lr=1e-2, **original))
    assert found["samples"].is_warning


def test_a_collapse_is_named(findings):
    """A generator whose weights vanish makes one row only."""
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1).fit(ring())
    for parameter in model.module_.generator.parameters():
        parameter.data.mul_(0.01)
    assert "Mode collapse" in findings(model)["samples"].finding


def test_samples_that_are_merely_bad_are_told_from_a_collapse(findings):
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1, lr=1e-6)
    model.fit(10 * ring())
    for parameter in model.module_.generator.layers[-1].parameters():
        parameter.data.mul_(100.0)
    assert "Far from the data" in findings(model)["samples"].finding


@pytest.mark.parametrize("rows", [5, 45])
def test_few_rows_are_no_trouble(rows, findings):
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0).fit(ring(rows))
    assert "discriminator" in findings(model)


def test_samples_of_a_game_with_labels_are_drawn_for_them(findings):
    X = ring()
    model = GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1)
    assert "samples" in findings(model.fit(X, X[:, 0] > 0))

"""A model within the budget, for every purpose."""

import time

import numpy as np
import pytest
from sklearn.datasets import load_digits

import diabolo
from diabolo.uses.auto import choose
from diabolo.uses.auto.choosing import seconds_of
from diabolo.uses.detect import defaults

QUICK = {"random_state": 0, "n_threads": 1}


def test_budgets():
    assert seconds_of("1h") == 3600
    assert seconds_of(" 2.5 m ") == 150
    for wrong in ("5 parsecs", "", "-3s", "m", None, True):
        with pytest.raises(ValueError, match="is no time: write seconds, minutes or hours"):
            seconds_of(wrong)
    with pytest.raises(ValueError, match="leaves no time"):
        seconds_of(0)


def test_what_is_refused_at_the_door(rows):
    with pytest.raises(ValueError, match="X has 30 rows, too few to choose by: 40 are needed"):
        choose(rows[:30], 5)
    with pytest.raises(ValueError, match="purpose='fun' is unknown. Known are compress, reduce"):
        choose(rows, 5, "fun")


@pytest.mark.parametrize("purpose", ["compress", "reduce"])
def test_a_choice_is_a_trained_model_with_its_reasons(rows, purpose, tmp_path):
    said = []
    choice = choose(rows, 6, purpose, progress=said.append, **QUICK)
    assert choice.model.transform(rows).shape[0] == len(rows)
    assert choice.default in choice.trials
    assert choice.trial in choice.trials
    assert choice.why
    assert len(said) >= len(choice.trials)
    assert choice.trial.criterion <= choice.default.criterion
    choice.model.save(tmp_path / "m.st")
    loaded = diabolo.load(tmp_path / "m.st")
    assert np.array_equal(loaded.transform(rows), choice.model.transform(rows))


def test_clusters():
    dice = np.random.default_rng(0)
    X = dice.normal(size=(60, 4)) + 8 * dice.integers(0, 3, 60)[:, None]
    choice = choose(X, 1, "cluster", **QUICK)
    assert type(choice.model).__name__ == "DeepClusterer"
    assert len(choice.model.predict(X)) == 60
    assert np.isfinite(choice.trial.criterion)


@pytest.fixture
def briefly(monkeypatch):
    """Detectors that are trained for a few steps."""
    monkeypatch.setattr(defaults, "STEPS", 20)


def test_detectors(rows, briefly):
    choice = choose(rows, 60, "detect", **QUICK)
    assert type(choice.model).__name__ == "AnomalyDetector"
    assert choice.trials[0].settings == {}
    assert {"combine": "forest"} in [trial.settings for trial in choice.trials]
    assert set(choice.model.predict(rows)) <= {-1, 1}


@pytest.mark.parametrize("budget", [0.5, 5])
def test_the_budget_is_kept(budget):
    began = time.monotonic()
    choice = choose(load_digits().data, budget, **QUICK)
    # an epoch that has begun is finished, and judging takes a moment
    assert time.monotonic() - began < budget + 5
    assert choice.model.n_iter_ >= 1


def test_the_code_size_can_be_given(rows):
    choice = choose(rows, 6, n_components=3, **QUICK)
    assert choice.model.transform(rows).shape[1] == 3
    assert {t.settings["n_components"] for t in choice.trials} == {3}

"""The search keeps to its budget, judges on rows of its own, and keeps the default in doubt."""

import time
from itertools import islice

import numpy as np
import pytest
from sklearn.datasets import load_digits

import diabolo
from diabolo.uses import auto
from diabolo.uses.auto import PURPOSES, choose, seconds_of
from diabolo.uses.detect import detector


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return random.normal(size=(200, 2)) @ random.normal(size=(2, 8))


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
    monkeypatch.setattr(detector, "STEPS", 20)


def test_detectors(rows, briefly):
    choice = choose(rows, 60, "detect", **QUICK)
    assert type(choice.model).__name__ == "AnomalyDetector"
    assert choice.trials[0].settings == {}
    assert {"combine": "forest"} in [trial.settings for trial in choice.trials]
    assert set(choice.model.predict(rows)) <= {-1, 1}


def test_a_partner_that_is_added_is_that_of_a_fit_from_scratch(rows, briefly):
    fitted = diabolo.AnomalyDetector(**QUICK).fit(rows)
    made = diabolo.AnomalyDetector(combine="forest", **QUICK)
    auto.partnered(made, fitted, auto.open_dataset(rows))
    anew = diabolo.AnomalyDetector(combine="forest", **QUICK).fit(rows)
    assert np.allclose(made.score_samples(rows), anew.score_samples(rows))


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


def test_judges_are_rows_that_nothing_was_learned_from(rows, monkeypatch):
    seen = []
    search = auto._Search.on(
        auto.open_dataset(rows), 5, "compress", None, auto.Seeds.of(0), 1, seen.append
    )
    judges = {tuple(row) for row in search.judges.rows.array}
    learned = {tuple(row) for row in search.learned.rows.array}
    assert len(judges) == 40
    assert len(learned) == 160
    assert not judges & learned


def candidate(each, epochs=9):
    made = auto._Candidate("Autoencoder", {})
    made.each, made.epochs = np.asarray(each, float), epochs
    made.trial = auto.Trial("Autoencoder", {}, epochs, 1.0, float(made.each.mean()), 0.0)
    return made


def test_the_default_is_kept_unless_another_is_better_beyond_chance(rows):
    search = auto._Search.on(
        auto.open_dataset(rows), 5, "compress", None, auto.Seeds.of(0), 1, None
    )
    noise = np.random.default_rng(0).normal(size=400)
    default = candidate(10 + noise)
    luck = np.random.default_rng(1).normal(size=400)
    lucky = candidate(10 + noise - 0.02 + luck - luck.mean())
    better = candidate(9.9 + noise)
    assert search._chosen(default, [default, candidate(10.1 + noise)])[0] is default
    assert search._chosen(default, [default, candidate(np.full(400, np.inf))])[0] is default
    assert search._chosen(default, [default, better])[0] is better
    assert search._chosen(default, [default, candidate(9 + noise, epochs=0)])[0] is default
    assert search._chosen(default, [default, lucky])[0] is default


def test_ctrl_c_keeps_the_best_so_far(rows, monkeypatch):
    tried = []
    original = auto._Search._try

    def limited(self, one, most):
        if len(tried) == 2:
            raise KeyboardInterrupt
        tried.append(one)
        original(self, one, most)

    monkeypatch.setattr(auto._Search, "_try", limited)
    choice = choose(rows, 60, **QUICK)
    assert choice.interrupted
    assert choice.why.startswith("interrupted; ")
    assert choice.model.transform(rows).shape[0] == len(rows)
    tried += [None, None]
    monkeypatch.setattr(auto._Search, "_try", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        choose(rows, 60, **QUICK)


def test_a_candidate_that_fails_is_left_out(rows, monkeypatch):
    monkeypatch.setattr(
        auto._Search, "_groups", lambda _: iter([[("Autoencoder", {"lr": 1e30, "clip": None})]])
    )
    choice = choose(rows, 20, **QUICK)
    assert choice.trial == choice.default


def test_the_same_seed_draws_the_same_candidates(rows):
    words = (auto.open_dataset(rows), 5, "compress", None)
    first, second, other = (
        list(islice(auto._Search.on(*words, auto.Seeds.of(seed), 1, None)._groups(), 5))
        for seed in (0, 0, 1)
    )
    assert first == second != other
    drawn = [str(one) for group in first for one in group]
    assert len(set(drawn)) == len(drawn)


def test_small_candidates_are_trained_as_one_stack(rows):
    search = auto._Search.on(
        auto.open_dataset(rows), 60, "compress", None, auto.Seeds.of(0), 1, None
    )
    sizes = [(1, (8,)), (2, (16,)), (3, (8,))]
    group = [
        auto._Candidate("Autoencoder", {"lr": 0.004, "n_components": k, "hidden_layer_sizes": h})
        for k, h in sizes
    ]
    assert search._is_stackable(group)
    assert search._tried(group, 5) == group
    assert all(np.isfinite(one.each).all() and one.stacked == 3 for one in group)
    assert len(search.trials) == 3
    assert len({trial.criterion for trial in search.trials}) == 3
    assert not search._is_stackable(group), "the best go on by themselves"
    other = auto._Candidate("Autoencoder", {"lr": 0.001})
    assert not search._is_stackable([auto._Candidate("Autoencoder", {}), other])
    model, _ = search._last(group[0], interrupted=False)
    assert model.transform(rows).shape[1] == 1, "of its own size, not of the widest"


def test_the_default_that_is_kept_is_the_one_that_fit_makes(rows):
    search = auto._Search.on(
        auto.open_dataset(rows), 60, "compress", None, auto.Seeds.of(3), 1, None
    )
    default = auto._Candidate(*search._default())
    search._try(default, search.full)
    model, cut = search._last(default, interrupted=False)
    alone = diabolo.Autoencoder(random_state=3, n_threads=1).fit(rows)
    assert not cut
    assert np.array_equal(model.transform(rows), alone.transform(rows))


def test_all_purposes_have_a_criterion():
    assert set(auto.CRITERIA) == set(PURPOSES)

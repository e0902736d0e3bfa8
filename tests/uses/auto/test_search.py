"""The search judges on rows of its own, and keeps the default in doubt."""

import numpy as np
import pytest

import diabolo
from diabolo import open_dataset
from diabolo.estimators.seeds import Seeds
from diabolo.uses.auto import PURPOSES, choose
from diabolo.uses.auto.proposals import Proposals
from diabolo.uses.auto.search import Candidate, Search, partnered
from diabolo.uses.auto.trials import CRITERIA, Trial
from diabolo.uses.detect import defaults

QUICK = {"random_state": 0, "n_threads": 1}


@pytest.fixture
def briefly(monkeypatch):
    """Detectors that are trained for a few steps."""
    monkeypatch.setattr(defaults, "STEPS", 20)


def test_a_partner_that_is_added_is_that_of_a_fit_from_scratch(rows, briefly):
    fitted = diabolo.AnomalyDetector(**QUICK).fit(rows)
    made = diabolo.AnomalyDetector(combine="forest", **QUICK)
    partnered(made, fitted, open_dataset(rows))
    anew = diabolo.AnomalyDetector(combine="forest", **QUICK).fit(rows)
    assert np.allclose(made.score_samples(rows), anew.score_samples(rows))


def test_judges_are_rows_that_nothing_was_learned_from(rows, monkeypatch):
    seen = []
    search = Search.on(open_dataset(rows), 5, "compress", None, Seeds.of(0), 1, seen.append)
    judges = {tuple(row) for row in search.judges.rows.rows.array}
    learned = {tuple(row) for row in search.learned.rows.array}
    assert len(judges) == 40
    assert len(learned) == 160
    assert not judges & learned


def candidate(each, epochs=9):
    made = Candidate("Autoencoder", {})
    made.each, made.epochs = np.asarray(each, float), epochs
    made.trial = Trial("Autoencoder", {}, epochs, 1.0, float(made.each.mean()), 0.0)
    return made


def test_the_default_is_kept_unless_another_is_better_beyond_chance(rows):
    search = Search.on(open_dataset(rows), 5, "compress", None, Seeds.of(0), 1, None)
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
    original = Search._try

    def limited(self, one, most):
        if len(tried) == 2:
            raise KeyboardInterrupt
        tried.append(one)
        original(self, one, most)

    monkeypatch.setattr(Search, "_try", limited)
    choice = choose(rows, 60, **QUICK)
    assert choice.interrupted
    assert choice.why.startswith("interrupted; ")
    assert choice.model.transform(rows).shape[0] == len(rows)
    tried += [None, None]
    monkeypatch.setattr(Search, "_try", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        choose(rows, 60, **QUICK)


def test_a_candidate_that_fails_is_left_out(rows, monkeypatch):
    monkeypatch.setattr(
        Proposals, "groups", lambda _: iter([[("Autoencoder", {"lr": 1e30, "clip": None})]])
    )
    choice = choose(rows, 20, **QUICK)
    assert choice.trial == choice.default


def test_nobody_is_warned_of_sizes_that_nobody_asked_for(rows, monkeypatch):
    wide = [("Autoencoder", {"n_components": k}) for k in (9, 12)]
    monkeypatch.setattr(Proposals, "groups", lambda _: iter([wide]))
    choice = choose(rows, 20, **QUICK)  # a warning would be an error, and the candidate out
    tried = [trial for trial in choice.trials if trial.settings.get("n_components", 0) > 8]
    assert {trial.settings["n_components"] for trial in tried} == {9, 12}
    assert all(np.isfinite(trial.criterion) for trial in tried)


def test_small_candidates_are_trained_as_one_stack(rows):
    search = Search.on(open_dataset(rows), 60, "compress", None, Seeds.of(0), 1, None)
    sizes = [(1, (8,)), (2, (16,)), (3, (8,))]
    group = [
        Candidate("Autoencoder", {"lr": 0.004, "n_components": k, "hidden_layer_sizes": h})
        for k, h in sizes
    ]
    assert search._is_stackable(group)
    assert search._tried(group, 5) == group
    assert all(np.isfinite(one.each).all() and one.stacked == 3 for one in group)
    assert len(search.trials) == 3
    assert len({trial.criterion for trial in search.trials}) == 3
    assert not search._is_stackable(group), "the best go on by themselves"
    other = Candidate("Autoencoder", {"lr": 0.001})
    assert not search._is_stackable([Candidate("Autoencoder", {}), other])
    model, _ = search._last(group[0], interrupted=False)
    assert model.transform(rows).shape[1] == 1, "of its own size, not of the widest"


def test_the_default_that_is_kept_is_the_one_that_fit_makes(rows):
    search = Search.on(open_dataset(rows), 60, "compress", None, Seeds.of(3), 1, None)
    default = Candidate(*search.proposals.default())
    search._try(default, search.full)
    model, cut = search._last(default, interrupted=False)
    alone = diabolo.Autoencoder(random_state=3, n_threads=1).fit(rows)
    assert not cut
    assert np.array_equal(model.transform(rows), alone.transform(rows))


def test_all_purposes_have_a_criterion():
    assert set(CRITERIA) == set(PURPOSES)

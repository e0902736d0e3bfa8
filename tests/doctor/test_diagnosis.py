"""The diagnosis that every fit brings: when it is made, what it costs, where it is kept."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

import diabolo
from diabolo import open_dataset
from diabolo.doctor import diagnosis
from diabolo.doctor.findings import Finding, from_json, to_json
from diabolo.estimators import checkup
from diabolo.families import AUTOENCODERS, FAMILIES, family
from soaked import counted

QUICK = ["Autoencoder", "VariationalAutoencoder"]
NOISY = ["SUREAutoencoder"]  # learns from noisy rows, which digits are not


def warnings_of(name, **settings):
    model = family(name)(random_state=0, n_threads=1, **settings).fit(load_digits().data)
    return [str(finding) for finding in model.diagnosis_ if finding.is_warning]


@pytest.mark.parametrize("name", QUICK)
def test_healthy_models_get_no_warning(name):
    assert warnings_of(name) == []


@pytest.mark.soak
def test_no_default_gets_a_warning_on_digits():
    names = [name for name in FAMILIES if name not in NOISY]
    with counted("the doctor's opinion of every family's defaults") as counts:
        warned = {name: found for name in names if (found := warnings_of(name))}
        assert warned == {}
        counts |= {"families": len(names), "warnings": 0}


@pytest.fixture
def model(rows, short):
    return diabolo.Autoencoder(n_components=2, max_epochs=1, **short)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_one(name):
    model = family(name)(max_epochs=1, random_state=0).fit(load_digits().data[:60])
    assert model.diagnosis_
    assert all(one.about and one.finding for one in model.diagnosis_)
    assert all(one.remedy for one in model.diagnosis_ if one.is_warning)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_tiny_data_are_no_trouble(name):
    X = np.random.default_rng(0).normal(size=(3, 2))
    assert family(name)(max_epochs=1, random_state=0).fit(X).diagnosis_


def test_it_is_made_when_it_is_asked_for_and_once(model, rows, monkeypatch):
    asked = []
    monkeypatch.setattr(
        diagnosis, "diagnose", lambda case: (asked.append(case), (Finding("a", "b"),))[1]
    )
    model.fit(rows)
    assert not asked
    assert model.diagnosis_ == model.diagnosis_ == (Finding("a", "b"),)
    assert len(asked) == 1
    model.fit(rows)
    model.diagnosis_  # noqa: B018
    assert len(asked) == 2


def test_without_a_fit_there_is_none(model):
    assert not hasattr(model, "diagnosis_")
    with pytest.raises(AttributeError, match="no diagnosis_ before a fit"):
        model.diagnosis_  # noqa: B018


def test_no_more_than_a_thousand_rows_are_kept_in_their_own_dtype(model):
    X = np.random.default_rng(0).integers(0, 255, (3000, 12), dtype=np.uint8)
    kept = model.fit(X)._kept
    assert len(kept.trained.rows) <= 700
    assert len(kept.held_out.rows) <= 300
    assert kept.trained.rows.dtype == np.uint8
    assert not np.shares_memory(kept.trained.rows, X)
    model.diagnosis_  # noqa: B018
    assert not hasattr(model, "_kept"), "afterwards not even these"


def test_wide_rows_are_kept_in_smaller_number(model, rows, monkeypatch):
    monkeypatch.setattr(checkup, "MOST_BYTES", 100 * rows[0].nbytes)
    kept = model.fit(rows)._kept
    assert kept.trained.rows.nbytes + kept.held_out.rows.nbytes <= checkup.MOST_BYTES


def test_a_file_keeps_it_as_plain_data(model, rows, tmp_path):
    model.fit(rows).save(tmp_path / "m.st")
    assert diabolo.load(tmp_path / "m.st").diagnosis_ == model.diagnosis_
    assert from_json(to_json(model.diagnosis_)) == model.diagnosis_
    with pytest.raises(ValueError, match="is no finding"):
        from_json([{"about": "a", "finding": "b", "severity": "deadly"}])


def test_copies_and_pickles(model, rows):
    model.fit(rows)
    assert not hasattr(clone(model), "diagnosis_")
    assert pickle.loads(pickle.dumps(model)).diagnosis_ == model.diagnosis_


def test_further_rows_bring_a_new_one(model, rows):
    before = model.fit(rows).diagnosis_
    assert model.partial_fit(rows).diagnosis_ != before


def test_contexts_go_along(rows, short):
    model = diabolo.Autoencoder(n_components=2, max_epochs=2, **short)
    model.fit(rows, context=rows[:, :1])
    assert model.diagnosis_[0].about == "reconstruction"


def test_constant_columns_are_named(model, rows):
    rows[:, [2, 5]] = 7.0
    found = {one.about: one for one in model.fit(rows).diagnosis_}["input"]
    assert found.finding == "2 columns never vary (2, 5) and could be left out"
    assert found.severity == "note"


def test_lines_read_what_finding_remedy():
    assert (
        str(Finding("code", "2 of 4 still", "Use two", "warning")) == "code: 2 of 4 still. Use two"
    )
    assert str(Finding("code", "4 units")) == "code: 4 units"


def test_rows_in_a_file_are_enough(model, rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    by_path = clone(model).fit(str(tmp_path / "rows.npy"))
    assert by_path.diagnosis_ == model.fit(open_dataset(rows)).diagnosis_


def test_a_model_without_one_is_saved_all_the_same(model, rows, tmp_path):
    """A use may train the module by itself."""
    model.fit(rows)
    del model._kept
    assert not hasattr(model, "diagnosis_")
    model.save(tmp_path / "m.st")
    assert diabolo.load(tmp_path / "m.st").diagnosis_ == ()

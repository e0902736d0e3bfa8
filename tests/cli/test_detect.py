"""`diabolo detect`: the flagged rows, in the user's columns, with reasons."""

import json

import numpy as np
import polars as pl
import pytest

from diabolo import load
from diabolo.uses.detect import defaults


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """120 rows of which the last has the wrong side."""
    draw = np.random.default_rng(0)
    a = draw.normal(size=120)
    b, side = a + 0.1 * draw.normal(size=120), np.where(a > 0, "right", "left")
    a[-1], b[-1], side[-1] = 1.0, 1.0, "left"
    path = tmp_path_factory.mktemp("detect") / "rows.csv"
    pl.DataFrame({"a": a, "b": b, "side": side}).write_csv(path)
    return path


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(defaults, "STEPS", 150)
    monkeypatch.setattr(defaults, "MEMBERS", 4)


@pytest.fixture(scope="module")
def saved(rows, tmp_path_factory):
    from diabolo import AnomalyDetector, MaskedEnsemble

    path = tmp_path_factory.mktemp("detect") / "model.safetensors"
    members = MaskedEnsemble(n_members=2, max_epochs=150, hidden_share=1.0, likelihood="laplace")
    AnomalyDetector(estimator=members, random_state=0).fit(str(rows)).save(path)
    return path


def test_flagged_rows_with_reasons(diabolo, rows, tmp_path):
    out, model = tmp_path / "out.csv", tmp_path / "model"
    code, page, err = diabolo("detect", rows, "--explain", "-o", out, "--save", model)
    assert (code, err) == (0, "")
    assert page.startswith(f"MaskedEnsemble on 120 rows of 3 columns of {rows}\n")
    assert "6 rows (5.00%)" in page
    assert "side is left, expected right" in page
    found = pl.read_csv(out)
    assert found.columns == ["a", "b", "side", "row", "probability", "unsure", "why"]
    assert len(found) == 6
    (odd,) = found.filter(pl.col("row") == 119).iter_rows(named=True)
    assert odd["side"] == "left"
    assert odd["a"] == 1.0
    assert load(model).predict(str(rows))[119] == -1


def test_a_saved_model_says_the_same_again(diabolo, rows, saved):
    first = json.loads(diabolo("detect", rows, "--model", saved, "--json").out)
    flagged = {finding["row"] for finding in first["flagged"]}
    assert flagged == set(np.flatnonzero(load(saved).predict(str(rows)) == -1).tolist())
    reasons = first["flagged"][0]["reasons"]
    assert set(reasons[0]) == {"column", "seen", "expected", "times"}
    assert (
        diabolo("detect", rows, "--model", saved, "--json").out
        == json.dumps(first, indent=2, ensure_ascii=False) + "\n"
    )


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--combine", "wood"), "known are forest and mahalanobis"),
        (("--contamination", "0.7"), "is no share above 0, up to 0.5"),
        (("-o", "out.npy"), "reasons are text, so write .csv or .parquet"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(diabolo, rows, flags, sentence):
    code, out, err = diabolo("detect", rows, *flags)
    assert code != 0
    assert out == ""
    assert sentence in err


def test_a_model_is_not_set_anew_nor_any_model_a_detector(diabolo, rows, saved, digits_model):
    result = diabolo("detect", rows, "--model", saved, "--contamination", 0.1)
    assert "are for training: leave --model out" in result.err
    result = diabolo("detect", "digits", "--model", digits_model)
    assert "holds a Autoencoder, which has no threshold" in result.err


def test_nothing_is_overwritten(diabolo, rows, saved, tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("mine")
    code, _, err = diabolo("detect", rows, "--model", saved, "-o", path)
    assert code != 0
    assert "exists already: pass -f" in err
    assert path.read_text() == "mine"

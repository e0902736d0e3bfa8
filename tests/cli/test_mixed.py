"""Mixed tables at the command line: trained on, encoded, given back in their own columns."""

import json

import numpy as np
import polars as pl
import pytest

from diabolo import load
from diabolo.cli.train import wishes


@pytest.fixture(scope="module")
def people(folder):
    """120 people of two kinds, with gaps, as CSV."""
    rng = np.random.default_rng(0)
    kind = np.arange(120) % 2
    height = 150 + 30 * kind + rng.integers(-2, 3, 120)
    height = [
        None if gap else int(one) for gap, one in zip(rng.random(120) < 0.2, height, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "sex": [["f", "m"][one] if i % 9 else None for i, one in enumerate(kind)],
            "height": height,
            "smokes": kind == 1,
            "seen": pl.Series(20_000 + 10 * kind).cast(pl.Date),
            "class": kind + 1,
        }
    )
    path = folder / "people.csv"
    frame.write_csv(path)
    return path


@pytest.fixture(scope="module")
def model(diabolo, people, folder):
    path = folder / "people.safetensors"
    flags = ("--code", 2, "--epochs", 60, "--threads", 1, "--schema", "class=category")
    result = diabolo("train", people, "--model", "vae", "-o", path, *flags)
    assert result.code == 0, result.err
    assert "means and modes" in result.out
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_reconstructions_have_the_tables_own_columns(diabolo, model, people, tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    out = diabolo("reconstruct", model, people, "-o", path, "--json").out
    read = pl.read_csv(path, try_parse_dates=True) if suffix == ".csv" else pl.read_parquet(path)
    original = pl.read_csv(people, try_parse_dates=True)
    assert read.columns == original.columns
    assert [one.base_type() for one in read.dtypes if one != pl.Int16] == [
        one.base_type()
        for one, other in zip(original.dtypes, read.dtypes, strict=True)
        if other != pl.Int16
    ]
    assert read.null_count().row(0) == (0,) * 5
    known = original["sex"].is_not_null()
    assert (read["sex"] == original["sex"]).filter(known).mean() > 0.95
    assert (read["smokes"] == original["smokes"]).mean() > 0.95
    assert (read["class"] == original["class"]).mean() > 0.95
    assert json.loads(out)["squared_error"] == pytest.approx(-load(model).score(people), rel=1e-5)


def test_numpys_format_cannot_hold_them(diabolo, model, people, tmp_path):
    for command in (("reconstruct", model, people), ("generate", model)):
        result = diabolo(*command, "-o", tmp_path / "r.npy")
        assert result.code == 1
        assert ".npy holds numbers alone" in result.err
    assert not list(tmp_path.iterdir())


def test_codes_are_those_of_the_estimator(diabolo, model, people, tmp_path):
    assert diabolo("encode", model, people, "-o", tmp_path / "c.parquet").code == 0
    codes = pl.read_parquet(tmp_path / "c.parquet").to_numpy()
    np.testing.assert_array_equal(codes, load(model).transform(people))


def test_evaluated_beside_means_and_modes(diabolo, model, people):
    measured = json.loads(diabolo("evaluate", model, people, "--json").out)
    assert measured["pca"] is None
    cells = measured["cells"]
    assert cells["rows"] == 120
    assert cells["means_and_modes"]["numbers"] == pytest.approx(1, abs=1e-5)
    assert cells["means_and_modes"]["categories"] == pytest.approx(0.5, abs=0.01)
    assert cells["numbers"] < 0.3
    assert cells["categories"] < 0.05
    page = diabolo("evaluate", model, people).out
    assert f"categories      {cells['categories']:.1%} wrong; modes" in page
    assert "PCA" not in page


def test_new_rows_have_the_tables_own_columns(diabolo, model, people, tmp_path):
    assert diabolo("generate", model, "-n", 30, "-o", tmp_path / "g.csv", "--seed", 1).code == 0
    made = pl.read_csv(tmp_path / "g.csv", try_parse_dates=True)
    assert made.columns == pl.read_csv(people).columns
    assert made.schema["seen"] == pl.Date
    assert set(made["sex"]) == {"f", "m"}
    assert set(made["class"]) == {1, 2}


def test_edits_are_for_numbers(diabolo, model, people, tmp_path):
    result = diabolo("edit", model, people, "--component", 1, "-o", tmp_path / "e.csv")
    assert result.code == 1
    assert "this model was fitted on a mixed table" in result.err
    assert not list(tmp_path.iterdir())


def test_inspected(diabolo, model):
    page = diabolo("inspect", model).out
    assert "5 features, a mixed table: 1 number, 1 boolean, 2 categories, 1 date" in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f.drop("sex"), "p.csv lacks column 'sex'"),
        (lambda f: f.with_columns(sex=pl.lit("d")), "has 'd' in row 0, column 'sex', a category"),
        (lambda f: f.with_columns(height=pl.lit("tall")), "has 'tall' in row 0, column 'height'"),
        (lambda f: f.with_columns(seen=pl.lit("soon")), "'soon' in row 0, column 'seen', expected"),
    ],
)
def test_what_does_not_fit_is_one_sentence(diabolo, model, people, tmp_path, change, sentence):
    change(pl.read_csv(people)).write_csv(tmp_path / "p.csv")
    result = diabolo("encode", model, tmp_path / "p.csv", "-o", tmp_path / "c.csv")
    assert (result.code, result.out) == (1, "")
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_wishes_are_read_and_misspelt_ones_refused(diabolo, people, tmp_path):
    assert wishes("a=b=number, c=ignore") == {"a=b": "number", "c": "ignore"}
    for flag, code, sentence in (
        ("class", 2, "should be like pclass=category"),
        ("class=categry", 1, "did you mean 'category'"),
        ("clas=category", 1, "did you mean 'class'"),
    ):
        result = diabolo("train", people, "-o", tmp_path / "m.st", "--schema", flag)
        assert result.code == code
        assert sentence in result.err

"""`diabolo impute`: only missing cells change, down to the way they are written."""

import json

import numpy as np
import polars as pl
import pytest

from diabolo import Imputer, MaskedEnsemble
from diabolo.uses import impute as module


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    """A short training: what is written where does not depend on how good it is."""
    small = MaskedEnsemble(n_members=2, max_epochs=3, hidden_layer_sizes=(8,))
    monkeypatch.setattr(module.Imputer, "suited", staticmethod(lambda: small))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    rows = [
        f"{'' if i % 6 == 0 else f'{170 + i % 20}.50'},{'NA' if i % 7 == 0 else i % 4},"
        f"{'' if i % 5 == 0 else i % 2 == 0},{'' if i % 8 == 0 else 'abc'[i % 3]},person {i},NA"
        for i in range(60)
    ]
    path.write_text("height,children,married,kind,name,note\n" + "\n".join(rows) + "\n")
    return path


def texts(path):
    return [line.split(",") for line in path.read_text().splitlines()]


def test_known_cells_are_written_as_they_were_read(diabolo, table, tmp_path):
    out = tmp_path / "filled.csv"
    result = diabolo("impute", table, "-o", out)
    assert result.code == 0, result.err
    before, after = texts(table), texts(out)
    assert before[0] == after[0]
    for old, new in zip(before[1:], after[1:], strict=True):
        assert [a for a, b in zip(old[:4], new[:4], strict=True) if a not in ("", "NA")] == [
            b for a, b in zip(old[:4], new[:4], strict=True) if a not in ("", "NA")
        ]
        assert new[4:] == old[4:], "what is not looked at stays, its NA too"
        assert "" not in new
        assert new[0][-3] == "."
        assert new[1].isdigit()
        assert new[2] in ("True", "False")
    assert "filled 39 cells of 60 rows" in result.out
    assert "left alone" in result.out


def test_draws_are_numbered(diabolo, table, tmp_path):
    out = tmp_path / "drawn.parquet"
    result = diabolo("impute", table, "-o", out, "--draws", 3, "--seed", 1)
    assert result.code == 0, result.err
    frame = pl.read_parquet(out)
    assert frame["draw"].to_list() == [1] * 60 + [2] * 60 + [3] * 60
    assert frame["height"].null_count() == 0
    assert frame["children"].dtype.is_integer()


def test_a_model_is_kept_and_used_again(diabolo, table, tmp_path):
    kept, out = tmp_path / "imputer.safetensors", tmp_path / "a.csv"
    assert diabolo("impute", table, "-o", out, "--save", kept).code == 0
    again = tmp_path / "b.csv"
    result = diabolo("impute", table, "-o", again, "--model", kept, "--json")
    assert result.code == 0, result.err
    assert again.read_bytes() == out.read_bytes()
    told = json.loads(result.out)
    assert told["filled"] == {"height": 10, "children": 9, "married": 12, "kind": 8}
    assert told["columns_left_alone"] == ["name", "note"]


def test_arrays(diabolo, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[::4, 1] = np.nan
    np.save(tmp_path / "x.npy", X)
    assert diabolo("impute", tmp_path / "x.npy", "-o", tmp_path / "y.npy").code == 0
    filled = np.load(tmp_path / "y.npy")
    assert np.isfinite(filled).all()
    assert (filled[:, [0, 2]] == X[:, [0, 2]]).all()


def test_to_standard_output(diabolo, table):
    result = diabolo("impute", table, "-o", "-")
    assert result.code == 0, result.err
    assert result.out.startswith("height,children")


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        (("-o", "x.xls"), 1, "the suffix says in which format"),
        (("-o", "x.npy"), 1, ".npy holds numbers alone"),
        (("-o", "x.csv", "--draws", "-1"), 2, "at least 0"),
        (("-o", "x.csv", "--schema", "age=number"), 1, "no column 'age'"),
    ],
)
def test_what_is_refused(diabolo, table, tmp_path, monkeypatch, flags, code, sentence):
    monkeypatch.chdir(tmp_path)
    result = diabolo("impute", table, *flags)
    assert result.code == code
    assert sentence in result.err
    assert not list(tmp_path.glob("x.*"))


def test_other_models_and_taken_paths(diabolo, table, tmp_path, digits_model):
    out = tmp_path / "x.csv"
    result = diabolo("impute", table, "-o", out, "--model", digits_model)
    assert result.code == 2
    assert "which fills no cells" in result.err
    out.write_text("mine")
    assert diabolo("impute", table, "-o", out).code == 1
    assert out.read_text() == "mine"
    assert isinstance(Imputer(), module.Imputer)

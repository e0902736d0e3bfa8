"""`diabolo classify`: labels where they are known, classes for all rows."""

import json

import numpy as np
import polars as pl
import pytest

from diabolo.cli.classify import few_of

BRIEF = ("--epochs", "3", "--threads", "1")


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    from diabolo.families.denoising import DenoisingAutoencoder
    from diabolo.uses import classify as module

    small = staticmethod(lambda X: DenoisingAutoencoder(max_epochs=2, hidden_layer_sizes=(8,)))
    monkeypatch.setattr(module.EncoderClassifier, "suited", small)


@pytest.fixture
def table(tmp_path):
    """Rows of three kinds, every fourth one with its name."""
    random = np.random.default_rng(0)
    kind = np.arange(120) % 3
    rows = random.normal(size=(120, 3)) + 5 * np.eye(3)[kind]
    frame = pl.from_numpy(rows, schema=["a", "b", "c"]).with_columns(
        pl.Series(
            "kind", [["cat", "dog", "cow"][k] if i % 4 == 0 else None for i, k in enumerate(kind)]
        )
    )
    path = tmp_path / "animals.csv"
    frame.write_csv(path)
    return path


def test_rows_without_a_label_get_a_class(diabolo, table, tmp_path):
    out = tmp_path / "classes.csv"
    result = diabolo("classify", table, "--target", "kind", "-o", out, *BRIEF)
    assert result.code == 0, result.err
    assert "classified 120 rows" in result.out
    assert "30 of 3 classes" in result.out
    assert "by the same network from random weights" in result.out.replace("\n" + " " * 14, " ")
    frame = pl.read_csv(out)
    assert frame.columns == ["class", "probability", "label"]
    assert set(frame["class"]) <= {"cat", "dog", "cow"}
    assert frame["label"].to_list() == pl.read_csv(table)["kind"].to_list()
    assert frame["probability"].is_between(1 / 3, 1).all()


def test_labels_of_another_file(diabolo, table, tmp_path):
    frame = pl.read_csv(table)
    frame.select("kind").write_csv(tmp_path / "labels.csv")
    frame.drop("kind").write_parquet(tmp_path / "rows.parquet")
    out = tmp_path / "classes.parquet"
    flags = ("--labels-from", tmp_path / "labels.csv", "--no-control", "--json", *BRIEF)
    result = diabolo("classify", tmp_path / "rows.parquet", "-o", out, *flags)
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert (told["rows"], told["labels"], told["control"]) == (120, 30, None)
    assert told["classes"] == ["cat", "cow", "dog"]
    assert len(pl.read_parquet(out)) == 120


def test_a_named_set_with_few_of_its_labels(diabolo, tmp_path, digits_model):
    out, kept = tmp_path / "classes.csv", tmp_path / "classifier.safetensors"
    flags = ("--labels", 50, "--frozen", "--model", digits_model, "--save", kept, *BRIEF)
    result = diabolo("classify", "digits", "-o", out, *flags)
    assert result.code == 0, result.err
    assert "50 of 10 classes" in result.out
    assert kept.exists()
    assert pl.read_csv(out)["label"].is_not_null().sum() == 50


def test_few_are_drawn_evenly():
    y = np.repeat([0, 1, 2], [100, 50, 10])
    few = few_of(y, 30, seed=0)
    kept = [label for label in few if label is not None]
    assert np.bincount(kept).tolist() == [10, 10, 10]
    assert all(label is None or label == y[i] for i, label in enumerate(few))


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        ((), 2, "name the column of the labels"),
        (("--target", "kin"), 1, "no column 'kin' to use as target; did you mean 'kind'"),
        (("--target", "kind", "--labels", "2"), 2, "--labels 2 should lie between 3"),
        (("--target", "kind", "--model", "adversarial"), 1, "has no single encoder"),
        (("--labels-from", "nowhere.csv"), 1, "There is no file"),
    ],
)
def test_what_is_refused(diabolo, table, tmp_path, flags, code, sentence):
    out = tmp_path / "classes.csv"
    result = diabolo("classify", table, "-o", out, *flags)
    assert result.code == code, result.err
    assert sentence in result.err
    assert not out.exists()

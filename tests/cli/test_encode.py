"""Codes as files: the estimator's own, in bounded pieces."""

import json

import numpy as np
import polars as pl
import pytest

from diabolo import load
from diabolo.cli import models
from diabolo.parts import int8


@pytest.fixture
def tall(tmp_path):
    """More rows than the estimator takes at once, as .npy."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "tall.npy", random.normal(size=(3000, 5)))
    return tmp_path / "tall.npy"


@pytest.fixture
def tall_model(diabolo, quick, tall, tmp_path):
    path = tmp_path / "tall.st"
    assert diabolo("train", tall, "-o", path, "--code", 2, *quick).code == 0
    return path


def test_codes_of_digits_with_labels(diabolo, digits_model, tmp_path):
    path = tmp_path / "codes.parquet"
    code, out, err = diabolo("encode", digits_model, "digits", "-o", path)
    assert (code, err) == (0, "")
    assert out == f"{path}: 1,797 rows of 4 units, labels, {path.stat().st_size / 1000:.0f} kB\n"
    read = pl.read_parquet(path)
    estimator = load(digits_model)
    assert read.columns == [*estimator.get_feature_names_out(), "label"]
    assert np.array_equal(read.drop("label").to_numpy(), estimator.transform("digits"))
    assert read["label"][:3].to_list() == [0, 1, 2]


def test_labels_keep_the_name_of_their_column(diabolo, quick, tmp_path, labelled):
    model, path = tmp_path / "m.st", tmp_path / "codes.csv"
    flags = ("--target", "kind")
    assert diabolo("train", labelled, "-o", model, *flags, *quick).code == 0
    assert diabolo("encode", model, labelled, "-o", path, *flags).code == 0
    assert pl.read_csv(path)["kind"][:3].to_list() == ["cat", "dog", "cow"]


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_pieces_give_the_same_bits(diabolo, tall, tall_model, tmp_path, monkeypatch, suffix):
    whole, pieces = tmp_path / f"whole{suffix}", tmp_path / f"pieces{suffix}"
    assert diabolo("encode", tall_model, tall, "-o", whole).code == 0
    monkeypatch.setattr(models, "WINDOW", 1)
    assert diabolo("encode", tall_model, tall, "-o", pieces).code == 0
    read = {".npy": np.load, ".parquet": pl.read_parquet, ".csv": pl.read_csv}[suffix]
    assert np.array_equal(np.asarray(read(whole)), np.asarray(read(pieces)))
    assert len(list(models.windows(models.open_dataset(str(tall))))) == 3


def test_a_bad_row_in_a_later_piece_has_its_own_number(
    diabolo, tall, tall_model, tmp_path, monkeypatch
):
    rows = np.load(tall)
    rows[2500, 3] = np.nan
    np.save(tmp_path / "bad.npy", rows)
    monkeypatch.setattr(models, "WINDOW", 1)
    path = tmp_path / "codes.npy"
    result = diabolo("encode", tall_model, tmp_path / "bad.npy", "-o", path)
    assert (result.code, result.out) == (1, "")
    assert "bad.npy contains NaN in row 2500, column 3." in result.err
    assert not path.exists()


def test_features_of_a_level(diabolo, digits_model, tmp_path):
    path = tmp_path / "features.csv"
    assert diabolo("encode", digits_model, "digits", "-o", path, "--layer", 1).code == 0
    read = pl.read_csv(path).drop("label")
    assert read.columns == [f"layer1_{unit}" for unit in range(16)]
    assert np.allclose(read.to_numpy(), load(digits_model).features("digits", 1), atol=1e-6)


def test_json(diabolo, digits_model, tmp_path):
    path = tmp_path / "codes.npy"
    out = diabolo("encode", digits_model, "digits", "-o", path, "--json").out
    assert json.loads(out) == {
        "file": str(path),
        "bytes": path.stat().st_size,
        "rows": 1797,
        "units": 4,
        "labels": False,
    }


def test_eight_bits_say_what_they_cost(diabolo, digits_model, tmp_path):
    path, exact = tmp_path / "codes.npy", load(digits_model).transform("digits")
    code, out, err = diabolo("encode", digits_model, "digits", "-o", path, "--int8")
    assert (code, err) == (0, "")
    assert "\nint8: codes off by " in out
    assert "of the nearest neighbours kept\n" in out
    codes = np.load(path)
    assert not np.array_equal(codes, exact)
    assert ((codes - exact) ** 2).sum() < 0.05**2 * exact.var(0).sum() * len(exact)
    said = diabolo("encode", digits_model, "digits", "-o", path, "-f", "--int8", "--json").out
    assert json.loads(said)["int8"].keys() == {"code", "reconstruction", "neighbours"}


def test_eight_bits_that_cost_too_much_are_float32(diabolo, digits_model, tmp_path, monkeypatch):
    monkeypatch.setattr(int8, "LEVELS", 7)
    path = tmp_path / "codes.npy"
    code, out, err = diabolo("encode", digits_model, "digits", "-o", path, "--int8")
    assert code == 0
    assert err.startswith("warning: eight bits are too coarse for this encoder (codes off by ")
    assert err.endswith("encoded in float32 instead\n")
    assert "int8" not in out
    assert np.array_equal(np.load(path), load(digits_model).transform("digits"))


def test_eight_bits_are_for_codes(diabolo, digits_model, tmp_path):
    path = tmp_path / "codes.npy"
    flags = ("--int8", "--layer", 1)
    result = diabolo("encode", digits_model, "digits", "-o", path, *flags)
    assert (result.code, result.out) == (2, "")
    assert "--int8 is for codes: leave out --layer" in result.err


def test_a_pipe_gets_csv_alone(diabolo, vae_model, table):
    code, out, err = diabolo("encode", vae_model, table, "-o", "-")
    assert (code, err) == (0, "")
    assert np.allclose(pl.read_csv(out.encode()).to_numpy(), load(vae_model).transform(table))


@pytest.mark.parametrize(
    ("data", "flags", "sentence"),
    [
        ("digits", ["-o", "codes.xlsx"], "one of .parquet, .csv, .npy."),
        ("digits", ["-o", "codes.npy", "--layer", "9"], "layer=9 is not among the 1 hidden levels"),
        ("nope.csv", ["-o", "codes.npy"], "There is no file or folder 'nope.csv'."),
        ("wide.npy", ["-o", "codes.npy"], "has 9 features, but the model was fitted on images of"),
    ],
)
def test_bad_input_is_one_sentence(
    diabolo, digits_model, tmp_path, monkeypatch, data, flags, sentence
):
    monkeypatch.chdir(tmp_path)
    np.save("wide.npy", np.zeros((4, 9)))
    result = diabolo("encode", digits_model, data, *flags)
    assert (result.code, result.out) == (1, "")
    assert sentence in result.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["wide.npy"]


def test_an_existing_file_is_kept(diabolo, digits_model, tmp_path):
    path = tmp_path / "codes.npy"
    path.write_text("mine")
    result = diabolo("encode", digits_model, "digits", "-o", path)
    assert result == (1, "", f"error: {path} exists already: pass -f to overwrite it.\n")
    assert diabolo("encode", digits_model, "digits", "-o", path, "-f").code == 0
    assert np.load(path).shape == (1797, 4)


def test_a_missing_column_is_named(diabolo, vae_model, frame, tmp_path):
    frame.drop("kind", "pulse").write_csv(tmp_path / "narrow.csv")
    result = diabolo("encode", vae_model, tmp_path / "narrow.csv", "-o", tmp_path / "c.csv")
    assert result.code == 1
    assert "lacks column 'pulse'" in result.err


def test_a_damaged_model_is_refused(diabolo, digits_model, tmp_path):
    content = bytearray(digits_model.read_bytes())
    content[-100] ^= 1
    damaged = tmp_path / "damaged.st"
    damaged.write_bytes(content)
    for verb in (["encode", damaged, "digits", "-o", tmp_path / "c.csv"], ["verify", damaged]):
        result = diabolo(*verb)
        assert (result.code, result.out) == (1, "")
        assert f"Cannot use {damaged}: its contents do not match its SHA-256" in result.err


def test_a_missing_model(diabolo, tmp_path):
    result = diabolo("encode", tmp_path / "m.st", "digits", "-o", tmp_path / "c.csv")
    assert result == (1, "", f"error: {tmp_path / 'm.st'}: no such file or directory.\n")

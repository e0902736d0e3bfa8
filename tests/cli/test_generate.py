"""New rows as files: a folder of images, a sheet, or a table in the original columns."""

import json
import os

import numpy as np
import polars as pl
import pytest
from PIL import Image

from diabolo import load
from diabolo.cli import folders, generate, sheets


@pytest.fixture(scope="session")
def gan_model(diabolo, folder, quick):
    path = folder / "gan.safetensors"
    result = diabolo("train", "digits", "--model", "gan", "--code", 3, "-o", path, *quick)
    assert result.code == 0, result.err
    return path


@pytest.fixture(scope="session")
def mixed_model(diabolo, folder, quick):
    """Of a table with whole numbers in one of two columns."""
    random = np.random.default_rng(0)
    age, height = random.integers(20, 70, 200), random.normal(1.7, 0.1, 200)
    pl.DataFrame({"age": age, "height": height}).write_csv(folder / "mixed.csv")
    path = folder / "mixed.safetensors"
    flags = ("--model", "vae", "--code", 1, "-o", path)
    assert diabolo("train", folder / "mixed.csv", *flags, *quick).code == 0
    return path


def test_a_folder_of_images_and_a_sheet(diabolo, gan_model, tmp_path):
    path = tmp_path / "out"
    code, out, err = diabolo("generate", gan_model, "-n", 7, "-o", f"{path}/", "--seed", 5)
    assert (code, err) == (0, "")
    names = [f"{i:04}.png" for i in range(1, 8)]
    assert sorted(os.listdir(path)) == [*names, "sheet.png"]
    assert out.startswith(f"{path}: 7 images of 8x8, ")
    assert out.endswith(", seed 5\n")
    made = load(gan_model).sample(7, random_state=5)
    for image, name in zip(made, names, strict=True):
        with Image.open(path / name) as file:
            assert (file.mode, file.size) == ("L", (8, 8))
            assert np.abs(np.asarray(file) - image / 16 * 255).max() <= 0.5 + 1e-3
    with Image.open(path / "sheet.png") as sheet:
        side = sheets.SIDE + sheets.GAP
        assert sheet.size == (3 * side + sheets.GAP, 3 * side + sheets.GAP)
        cell = np.asarray(sheet)[sheets.GAP :: 6, side + sheets.GAP :: 6][:8, :8, 0]
    with Image.open(path / names[1]) as second:
        assert np.array_equal(cell, np.asarray(second))


def test_the_seed_that_is_told_gives_the_same_rows(diabolo, gan_model, tmp_path):
    told = json.loads(
        diabolo("generate", gan_model, "-n", 3, "-o", tmp_path / "a.npy", "--json").out
    )
    assert told["rows"] == 3
    assert told["shape"] == [8, 8]
    again = ("-o", tmp_path / "b.npy", "--seed", told["seed"])
    assert diabolo("generate", gan_model, "-n", 3, *again).code == 0
    first, second = (np.load(tmp_path / f"{name}.npy") for name in "ab")
    assert np.array_equal(first, second)
    assert first.shape == (3, 8, 8)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_keep_their_columns_and_types(diabolo, mixed_model, tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    assert diabolo("generate", mixed_model, "-n", 2000, "-o", path, "--seed", 0).code == 0
    read = (pl.read_csv if suffix == ".csv" else pl.read_parquet)(path)
    assert read.schema == {"age": pl.Int64, "height": pl.Float64}
    assert len(read) == 2000
    assert 15 < read["age"].mean() < 75


def test_a_pipe_gets_csv_alone(diabolo, mixed_model):
    code, out, err = diabolo("generate", mixed_model, "-n", 4, "-o", "-")
    assert (code, err) == (0, "")
    assert pl.read_csv(out.encode()).shape == (4, 2)


def test_a_sheet_alone(diabolo, gan_model, tmp_path):
    path = tmp_path / "sheet.png"
    assert diabolo("generate", gan_model, "-n", 4, "-o", path).code == 0
    with Image.open(path) as image:
        assert image.size == (2 * (48 + 4) + 4, 2 * (48 + 4) + 4)


def test_a_folder_is_kept_unless_forced_and_only_ours_is_replaced(diabolo, gan_model, tmp_path):
    path = tmp_path / "out"
    tokens = ("generate", gan_model, "-n", 2, "-o", path, "--seed", 0)
    assert diabolo(*tokens).code == 0
    result = diabolo(*tokens)
    assert result == (1, "", f"error: {path} exists already: pass -f to overwrite it.\n")
    assert diabolo("generate", gan_model, "-n", 1, "-o", path, "-f").code == 0
    assert sorted(os.listdir(path)) == ["0001.png", "sheet.png"]
    (path / "notes.txt").write_text("mine")
    result = diabolo(*tokens, "-f")
    assert result.code == 1
    assert f"{path} holds notes.txt, which is no image written by diabolo" in result.err
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_written_whole_or_not_at_all(tmp_path, there):
    path = tmp_path / "out"
    if there:
        folders.write_folder(path, [("0001.png", b"old")], force=False)

    def files():
        yield "0001.png", b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folders.write_folder(path, files(), force=True)
    assert os.listdir(tmp_path) == (["out"] if there else [])
    if there:
        assert (path / "0001.png").read_bytes() == b"old"


def test_what_was_there_comes_back_if_the_new_cannot_take_its_place(tmp_path, monkeypatch):
    path = tmp_path / "out"
    folders.write_folder(path, [("0001.png", b"old")], force=False)
    rename, calls = os.rename, []

    def failing(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "broken")
        rename(source, target)

    monkeypatch.setattr(folders.os, "rename", failing)
    with pytest.raises(OSError, match="broken"):
        folders.write_folder(path, [("0001.png", b"new")], force=True)
    assert os.listdir(tmp_path) == ["out"]
    assert (path / "0001.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        (["-n", "0", "-o", "out"], 2, "-n 0 makes nothing: pass a number of at least 1."),
        (["-n", "-5", "-o", "out"], 2, "-5"),
        (["-n", "200000", "-o", "out"], 1, "200,000 images would be as many files, about 13 MB"),
        (["-n", "500", "-o", "s.png"], 1, "a sheet of 500 images is more than can be looked at"),
        (["-n", str(10**15), "-o", "r.npy"], 1, "take about 512000000 GB, but"),
        (["-o", "rows.xlsx"], 1, "has to be one of .parquet, .csv, .npy, .png."),
        (["-o", "out", "--data", "digits"], 2, "draws from its own noise: no --data."),
        (["-o", "out", "--context", "a,b"], 2, "--context a,b should be numbers"),
        (["-o", "out", "--context", "1"], 1, "was fitted with no context columns, got 1"),
        (["-o", "out", "--temperature", "-1"], 1, "temperature=-1.0 must be a number of at"),
        (["-o", "out", "--draw"], 1, "has no likelihood to draw from"),
        (["-o", "out", "--prior", "mixture"], 1, "draws from its own noise"),
        (["-o", "missing/out"], 1, "Create the directory first"),
    ],
)
def test_bad_input_is_one_sentence(
    diabolo, gan_model, tmp_path, monkeypatch, flags, code, sentence
):
    monkeypatch.chdir(tmp_path)
    result = diabolo("generate", gan_model, *flags)
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_table_has_no_folder_of_images(diabolo, mixed_model, tmp_path):
    result = diabolo("generate", mixed_model, "-o", tmp_path / "out")
    assert (result.code, result.out) == (1, "")
    assert "rows of 2 features are no images: write .npy, .csv or .parquet" in result.err


def test_a_prior_is_fitted_to_the_codes_of_data(diabolo, digits_model, tmp_path):
    path = tmp_path / "rows.npy"
    tokens = ("generate", digits_model, "-n", 500, "-o", path, "--seed", 0)
    result = diabolo(*tokens)
    assert (result.code, result.out) == (1, "")
    assert "pass --prior mixture and --data with rows to fit it to." in result.err
    result = diabolo(*tokens, "--prior", "kernel")
    assert "pass --prior kernel and --data" in result.err
    assert diabolo(*tokens, "--prior", "mixture", "--data", "digits").code == 0
    rows, rebuilt = np.load(path), load(digits_model).reconstruct("digits")
    assert np.abs(rows.mean(0) - rebuilt.mean(0)).max() < 1.5
    result = diabolo(*tokens, "-f", "--prior", "magic")
    assert "prior='magic' is unknown. Known are own," in result.err


def test_rows_of_one_class(diabolo, gan_model, tmp_path):
    model, path = load(gan_model), tmp_path / "rows.npy"
    tokens = ("generate", gan_model, "-n", 5, "-o", path, "--seed", 2)
    assert diabolo(*tokens, "--class", "3", "--class", "7").code == 0
    expected = model.sample(5, random_state=2, labels=[3, 7, 3, 7, 3])
    assert np.abs(np.load(path) - expected).max() <= 0.5 + 1e-4
    result = diabolo(*tokens, "-f", "--class", "12")
    assert (result.code, result.out) == (1, "")
    assert "class '12' is not among those that the model learned: 0, 1, 2" in result.err


def test_large_sheets_show_fewer(gan_model, monkeypatch):
    monkeypatch.setattr(generate, "SHEET_PIXELS", 48 * 48 * 5)
    assert generate._on_sheet(load(gan_model)) == 5


@pytest.mark.parametrize("verb", ["encode", "reconstruct", "evaluate"])
def test_a_generator_encodes_nothing(diabolo, gan_model, tmp_path, verb):
    flags = [] if verb == "evaluate" else ["-o", tmp_path / "x.npy"]
    result = diabolo(verb, gan_model, "digits", *flags)
    assert (result.code, result.out) == (2, "")
    assert "holds a GenerativeAdversarialNetwork, which makes rows and encodes none" in result.err
    assert f"See diabolo {verb} --help." in result.err
    assert os.listdir(tmp_path) == []

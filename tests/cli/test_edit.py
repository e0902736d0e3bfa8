"""Edited rows as strips or files, with what the edit did."""

import json
import os

import numpy as np
import polars as pl
import pytest
from PIL import Image

from diabolo import load, open_dataset
from diabolo.cli import sheets


@pytest.fixture(scope="session")
def digits_vae(diabolo, folder):
    path = folder / "edited.safetensors"
    flags = ("--model", "vae", "--code", 6, "--epochs", 20, "--hidden", 64, "--threads", 1)
    assert diabolo("train", "digits", *flags, "-o", path).code == 0
    return path


@pytest.fixture(scope="session")
def digits_gan(diabolo, folder, quick):
    path = folder / "edited-gan.safetensors"
    flags = ("--model", "gan", "--code", 3, "-o", path)
    assert diabolo("train", "digits", *flags, *quick).code == 0
    return path


def test_a_direction_from_labels_is_shown_and_measured(diabolo, digits_vae, tmp_path):
    path = tmp_path / "strips.png"
    code, out, err = diabolo("edit", digits_vae, "digits", "--to", 0, "--from", 1, "-o", path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: 40 rows, ")
    assert "direction    1 to 0, on " in out
    assert "at +1 " in out
    assert "% taken for 0, rows moved by " in out
    assert "log-odds of 0 +" in out
    with Image.open(path) as image:  # 8 lines: the input and five strengths
        assert image.size == (6 * 52 + 4, 8 * 52 + 4)
        pixels = np.asarray(image)
    one = open_dataset("digits").rows.take(np.array([1]))[0]
    cell = pixels[4:52:6, 4:52:6, 0]
    assert np.abs(cell - np.round(one / 16 * 255)).max() <= 1


def test_what_is_measured_as_json(diabolo, digits_vae, tmp_path):
    path = tmp_path / "rows.npy"
    flags = ("--to", "0", "--from", "1", "--by", "probe", "--strengths", "-1,0,2", "--rows", "1,11")
    out = diabolo("edit", digits_vae, "digits", *flags, "-o", path, "--json").out
    report = json.loads(out)
    assert [line["strength"] for line in report["strengths"]] == [-1, 0, 2]
    taken = [line["taken_for_target"] for line in report["strengths"]]
    assert taken[0] == taken[1] == 0 < 0.8 < taken[2]
    assert report["per_step"]["0"] > 0 > report["per_step"]["1"]
    assert report["rows"] == 6
    assert np.load(path).shape == (6, 8, 8)


def test_holding_a_label_moves_it_less(diabolo, digits_vae, tmp_path):
    moved = []
    for hold in ([], ["--hold", "8"]):
        flags = ("--to", "0", "--from", "1", "-o", tmp_path / "a.npy", "-f", "--json", *hold)
        report = json.loads(diabolo("edit", digits_vae, "digits", *flags).out)
        moved.append(abs(report["per_step"]["8"]))
    assert moved[1] < moved[0]


def test_rows_as_a_table_say_what_they_are(diabolo, digits_vae, tmp_path):
    path = tmp_path / "rows.csv"
    flags = ("--component", 2, "--rows", "5,0", "--strengths", "0,1.5")
    code, out, _ = diabolo("edit", digits_vae, "digits", *flags, "-o", path)
    assert code == 0
    assert "principal 2" in out
    read = pl.read_csv(path)
    assert read["edit"].to_list() == ["1: +0", "1: +1.5", "2: +0", "2: +1.5"]
    assert read["x2"].dtype == pl.Int64
    rebuilt = load(digits_vae).reconstruct("digits")[5].ravel()
    assert np.abs(read.drop("edit").to_numpy()[0] - rebuilt.clip(0, 16)).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("kind", ["linear", "spherical", "geodesic"])
def test_a_way_from_one_row_to_another(diabolo, digits_vae, tmp_path, kind):
    path = tmp_path / "way.png"
    flags = ("--between", "0,1", "--between", "7,4", "--path", kind, "--steps", 4)
    code, out, err = diabolo("edit", digits_vae, "digits", *flags, "-o", path)
    assert (code, err) == (0, "")
    assert f"7 to 4  {kind}, length " in out
    with Image.open(path) as image:
        assert image.size == (6 * (sheets.SIDE + sheets.GAP) + 4, 2 * 52 + 4)


def test_sums_of_codes(diabolo, digits_vae, tmp_path):
    path = tmp_path / "sum.npy"
    assert diabolo("edit", digits_vae, "digits", "--combine", "3,1,2", "-o", path).code == 0
    model = load(digits_vae)
    a, b, c = model.transform("digits")[[3, 1, 2]]
    expected = model.inverse_transform((a - b + c)[None]).clip(0, 16)
    assert np.abs(np.load(path) - expected).max() <= 0.5 + 1e-4


def test_a_generator_is_inverted_first(diabolo, digits_gan, tmp_path):
    path = tmp_path / "way.npy"
    flags = ("--between", "0,1", "--steps", 3, "-o", path)
    assert diabolo("edit", digits_gan, "digits", *flags, "--refine", 30).code == 0
    assert np.load(path).shape == (3, 8, 8)
    result = diabolo("edit", digits_gan, "digits", "--component", 1, "-o", tmp_path / "c.npy")
    assert result.code == 1
    assert "the noise of a generator varies equally in all directions" in result.err
    flags = ("--factor", 1, "--rows", "0", "-o", tmp_path / "f.png", "--refine", 5)
    assert diabolo("edit", digits_gan, "digits", *flags).code == 0


def test_a_generator_that_is_told_the_class_has_no_direction_to_it(diabolo, digits_gan, tmp_path):
    result = diabolo("edit", digits_gan, "digits", "--to", 3, "-o", tmp_path / "e.png")
    assert (result.code, result.out) == (1, "")
    assert "make rows of it with diabolo generate --class 3." in result.err


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        ([], 2, "say what to do by one of --to, --component, --factor, --between, --combine; "),
        (["--to", "0", "--factor", "1"], 2, "given: --to and --factor."),
        (["--factor", "1", "--from", "0"], 2, "--from goes with --to, which names the label"),
        (["--factor", "1", "--hold", "0"], 2, "--hold goes with --to"),
        (["--between", "1"], 2, "--between 1 should be 2 numbers with commas between them, such"),
        (["--between", "1,b"], 2, "--between 1,b should be 2 numbers"),
        (["--combine", "1,2"], 2, "--combine 1,2 should be 3 numbers"),
        (["--to", "0", "--strengths", "0,nan"], 2, "--strengths 0,nan should be some numbers"),
        (["--to", "0", "--strengths", "1"], 1, "effects are measured between strengths"),
        (["--between", "0,1797"], 1, "row 1797 is not among the 1,797 rows of digits: they are"),
        (["--between", "0,-1"], 1, "row -1 is not among the 1,797 rows"),
        (["--between", "0,1", "--path", "curly"], 1, "path 'curly' is unknown: known are linear"),
        (["--between", "0,1", "--steps", "1"], 1, "steps=1 leaves no way between two codes"),
        (["--to", "12"], 1, "no row has the label '12'; there are 0, 1, 2"),
        (["--to", "0", "--by", "magic"], 1, "by='magic' is unknown"),
        (["--factor", "7"], 1, "factor 7 is not among the 6 of this code."),
        (["--factor", "1", "--context", "1"], 1, "was fitted with no context columns, got 1"),
    ],
)
def test_bad_input_is_one_sentence(
    diabolo, digits_vae, tmp_path, monkeypatch, flags, code, sentence
):
    monkeypatch.chdir(tmp_path)
    result = diabolo("edit", digits_vae, "digits", "-o", "e.png", *flags)
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_images_of_another_size_are_refused(diabolo, digits_vae, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((4, 9)))
    flags = ("--between", "0,1", "-o", tmp_path / "e.npy")
    result = diabolo("edit", digits_vae, tmp_path / "wide.npy", *flags)
    assert (result.code, result.out) == (1, "")
    assert "has 9 features, but the model was fitted on images of 8x8" in result.err


def test_a_table_has_no_strips(diabolo, vae_model, table, tmp_path):
    result = diabolo("edit", vae_model, table, "--factor", 1, "-o", tmp_path / "e.png")
    assert (result.code, result.out) == (1, "")
    assert "rows of 5 features are no images" in result.err
    assert diabolo("edit", vae_model, table, "--factor", 1, "-o", tmp_path / "e.csv").code == 0
    read = pl.read_csv(tmp_path / "e.csv")
    assert read.columns == ["height", "weight", "age", "pulse", "sleep", "edit"]


def test_an_existing_file_is_kept(diabolo, digits_vae, tmp_path):
    path = tmp_path / "e.npy"
    path.write_text("mine")
    assert diabolo("edit", digits_vae, "digits", "--factor", 1, "-o", path).code == 1
    assert path.read_text() == "mine"

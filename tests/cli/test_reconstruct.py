"""Reconstructions as files: in the data's own units and shape, or as a sheet of images."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from diabolo import load
from diabolo.cli import sheets


def test_images_keep_their_shape(diabolo, digits_model, tmp_path):
    path = tmp_path / "r.npy"
    code, out, err = diabolo("reconstruct", digits_model, "digits", "-o", path)
    assert (code, err) == (0, "")
    read, estimator = np.load(path), load(digits_model)
    assert np.array_equal(read, estimator.reconstruct("digits"))
    assert read.shape == (1797, 8, 8)
    error = -estimator.score("digits")
    assert f"1,797 rows, squared error {error:.4g} per feature (scaled units)" in out


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_keep_their_columns(diabolo, vae_model, table, tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    out = diabolo("reconstruct", vae_model, table, "-o", path, "--json").out
    read = (pl.read_csv if suffix == ".csv" else pl.read_parquet)(path)
    estimator = load(vae_model)
    assert read.columns == ["height", "weight", "age", "pulse", "sleep"]
    assert np.allclose(read.to_numpy(), estimator.reconstruct(table))
    assert json.loads(out)["squared_error"] == pytest.approx(-estimator.score(table), rel=1e-5)


def test_a_sheet_shows_images_above_their_reconstructions(diabolo, digits_model, tmp_path):
    path = tmp_path / "r.png"
    code, out, err = diabolo("reconstruct", digits_model, "digits", "-o", path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: 48 of 1,797 rows, ")
    with Image.open(path) as image:
        pixels = np.asarray(image)
    from diabolo import open_dataset

    rows = open_dataset("digits").rows.take(np.arange(1))
    rebuilt = load(digits_model).reconstruct(rows)
    side, gap = sheets.SIDE, sheets.GAP
    for top, expected in ((gap, rows), (gap + side + gap // 2, rebuilt)):
        cell = pixels[top : top + side : 6, gap : gap + side : 6]  # one of each 6 x 6 square
        assert np.abs(cell - np.round(expected[0, :, :, None] / 16 * 255)).max() <= 1
    assert (pixels[:gap] == sheets.PAPER).all()


def test_a_sheet_of_few_colour_images(diabolo, quick, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 12, 3), np.uint8)
    np.save(tmp_path / "few.npy", images[:3])
    np.save(tmp_path / "many.npy", images)
    model, path = tmp_path / "m.st", tmp_path / "r.png"
    assert diabolo("train", tmp_path / "many.npy", "-o", model, *quick).code == 0
    assert diabolo("reconstruct", model, tmp_path / "few.npy", "-o", path).code == 0
    with Image.open(path) as image:
        assert image.size == (3 * (72 + sheets.GAP) + sheets.GAP, 2 * 48 + 3 * sheets.GAP)
        assert image.getpixel((sheets.GAP, sheets.GAP)) == tuple(images[0, 0, 0])


def test_rows_that_are_no_images_have_no_sheet(diabolo, vae_model, table, tmp_path):
    result = diabolo("reconstruct", vae_model, table, "-o", tmp_path / "r.png")
    assert (result.code, result.out) == (1, "")
    assert "rows of 5 features are no images: write .npy, .csv or .parquet" in result.err
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(diabolo, digits_model, tmp_path):
    path = tmp_path / "r.png"
    path.write_text("mine")
    assert diabolo("reconstruct", digits_model, "digits", "-o", path).code == 1
    assert path.read_text() == "mine"

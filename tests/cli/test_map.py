"""Maps from the command line: every format, measured as the library measures, bad input refused."""

import io
import json

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import diabolo as library
from diabolo.measures.maps import map_quality

QUICK = ("--epochs", 3, "--threads", 1)


@pytest.fixture(scope="module")
def made(diabolo, tmp_path_factory):
    """A page of the digits and the model behind it."""
    folder = tmp_path_factory.mktemp("map")
    result = diabolo(
        "map", "digits", "-o", folder / "map.html", "--save", folder / "map.safetensors",
        "--rows", 600, *QUICK,
    )  # fmt: skip
    assert result.code == 0, result.err
    return folder, result


def test_the_page_and_what_is_printed(made):
    folder, result = made
    page = (folder / "map.html").read_text()
    assert "A map of digits" in page
    assert page.count("<svg") >= 2
    assert "data:image/png;base64" in page  # the decoded plane
    assert "https:" not in page
    assert "measured by 599 rows, 5 neighbours each:" in result.out
    assert "  PCA " in result.out
    assert "5-NN " in result.out


def test_measures_are_the_librarys(diabolo, made, tmp_path):
    folder, _ = made
    code, out, err = diabolo(
        "map", "digits", "--using", folder / "map.safetensors", "--rows", 400, "--json",
        "-o", tmp_path / "map.csv",
    )  # fmt: skip
    assert (code, err) == (0, "")
    report = json.loads(out)
    model = library.load(folder / "map.safetensors")
    X, y = load_digits(return_X_y=True)
    step = 5  # 1,797 rows, at most 400
    codes = model.transform("digits")
    expected = map_quality(X[::step] / 16, codes[::step], y[::step])
    found = report["maps"]["ParametricTSNE"]
    assert report["measured_rows"] == len(X[::step])
    for name, value in expected._asdict().items():
        assert found[name] == pytest.approx(value, abs=2e-3)
    table = pl.read_csv(tmp_path / "map.csv")
    assert table.columns == ["x", "y", "label"]
    assert table.select("x", "y").to_numpy() == pytest.approx(codes, abs=1e-4)
    assert (table["label"].to_numpy() == y).all()


def test_a_picture(diabolo, made, tmp_path):
    folder, _ = made
    for name in ("a.png", "b.png"):
        result = diabolo(
            "map", "digits", "--using", folder / "map.safetensors", "--rows", 100,
            "-o", tmp_path / name,
        )  # fmt: skip
        assert result.code == 0, result.err
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.size == (900, 900)
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 100


def test_text_columns_have_a_map(diabolo, labelled, tmp_path):
    result = diabolo("map", labelled, "-o", tmp_path / "map.csv", *QUICK)
    assert result.code == 0, result.err
    assert pl.read_csv(tmp_path / "map.csv").columns[:2] == ["x", "y"]


def test_a_table_without_labels(diabolo, table, tmp_path):
    result = diabolo("map", table, "-o", tmp_path / "map.html", *QUICK)
    assert result.code == 0, result.err
    assert "5-NN" not in result.out
    assert "data:image" not in (tmp_path / "map.html").read_text()


WRONG = {
    "a code of 4": (("digits", "--using", "{digits_model}"), 1, "has a code of 4, but a map needs"),
    "too few rows": (("{few}",), 1, "few.csv has 5 rows, too few for a map:"),
    "few rows measured": (("digits", "--rows", "3"), 2, "--rows 3 are too few"),
    "a model and epochs": (
        ("digits", "--using", "{digits_model}", "--epochs", "2"), 2, "leave out --save and --epoch"
    ),
    "no neighbours": (("digits", "--neighbors", "0"), 2, "--neighbors 0: one at least."),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(diabolo, case, digits_model, frame, tmp_path):
    frame.drop("kind").head(5).write_csv(tmp_path / "few.csv")
    places = {"digits_model": digits_model, "few": tmp_path / "few.csv"}
    words, code, sentence = WRONG[case]
    result = diabolo("map", *(w.format(**places) for w in words), "-o", tmp_path / "out.html")
    assert result.code == code, result
    assert sentence in result.err
    assert not (tmp_path / "out.html").exists()


def test_nothing_is_overwritten_and_the_suffix_says_the_format(diabolo, tmp_path):
    (tmp_path / "map.html").write_text("mine")
    assert "pass -f" in diabolo("map", "digits", "-o", tmp_path / "map.html").err
    result = diabolo("map", "digits", "-o", tmp_path / "map.svg")
    assert result.code == 1
    assert "the suffix says in which format to write" in result.err

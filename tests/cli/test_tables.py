"""Pieces → one file in the format that the suffix names, whole or not at all."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from diabolo.cli import tables

ROWS = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
LABELS = np.array(list("abcdefghij"))
READ = {".csv": pl.read_csv, ".parquet": pl.read_parquet}


def table(rows=ROWS, labels=None):
    pieces = iter([rows[:4], rows[4:8], rows[8:]])
    return tables.Table(pieces, len(rows), ["x", "y", "z"], labels, "kind")


@pytest.mark.parametrize("suffix", READ)
@pytest.mark.parametrize("labels", [None, LABELS], ids=["plain", "labelled"])
def test_columns_come_back(tmp_path, suffix, labels):
    path = tmp_path / f"t{suffix}"
    tables.write(path, table(labels=labels))
    read = READ[suffix](path)
    if labels is not None:
        assert read.columns == ["x", "y", "z", "kind"]
        assert read["kind"].to_list() == list(labels)
        read = read.drop("kind")
    assert np.array_equal(read.cast(pl.Float32).to_numpy(), ROWS)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 2, 3)])
def test_npy_keeps_shape_and_type(tmp_path, dtype, shape):
    rows = np.random.default_rng(1).normal(size=(10, *shape)).astype(dtype)
    path = tmp_path / "t.NPY"
    tables.write(path, table(rows))
    read = np.load(path, allow_pickle=False)
    assert read.dtype == dtype
    assert np.array_equal(read, rows)


def test_npy_is_byte_for_byte_what_numpy_writes(tmp_path):
    tables.write(tmp_path / "ours.npy", table())
    np.save(tmp_path / "numpy.npy", ROWS)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_standard_output_gets_csv():
    out = io.StringIO()
    with redirect_stdout(out):
        tables.write(tables.STDOUT, table())
    assert out.getvalue().splitlines()[0] == "x,y,z"
    assert np.allclose(pl.read_csv(out.getvalue().encode()).to_numpy(), ROWS)


@pytest.mark.parametrize("suffix", tables.SUFFIXES)
def test_a_piece_that_fails_leaves_what_was_there(tmp_path, suffix):
    def pieces():
        yield ROWS[:4]
        raise ValueError("NaN in row 4")

    path = tmp_path / f"t{suffix}"
    path.write_text("old")
    with pytest.raises(ValueError, match="NaN in row 4"):
        tables.write(path, tables.Table(pieces(), 10, ["x", "y", "z"]))
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_suffix_without_a_format():
    with pytest.raises(ValueError, match="one of .parquet, .csv, .npy, .png."):
        tables.check_suffix(Path("codes.xlsx"), (".png",))

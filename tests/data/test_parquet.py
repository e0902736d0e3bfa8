"""Parquet: the same rows in memory and unpacked, whatever the row groups."""

import numpy as np
import polars as pl
import pytest

from diabolo.data import parquet, spill
from diabolo.data.parquet import open_parquet
from diabolo.data.tables import from_frame

FRAME = pl.DataFrame(
    {
        "a": np.arange(1000, dtype=np.int16),
        "b": np.random.default_rng(0).normal(size=1000).astype(np.float32),
        "kind": ["x", "y"] * 500,
        "c": np.arange(1000) % 3 == 0,
    }
)
ROWS = FRAME.drop("kind").to_numpy().astype(np.float32)


@pytest.fixture(params=["in memory", "unpacked"])
def small_pieces(request, monkeypatch):
    monkeypatch.setattr(parquet, "_PIECE", 12 * 70)
    if request.param == "unpacked":
        monkeypatch.setattr(spill, "LARGE", 0)
    return request.param == "unpacked"


@pytest.mark.parametrize("group", [1, 33, 10_000])
def test_rows_names_and_labels(tmp_path, small_pieces, group):
    FRAME.write_parquet(tmp_path / "a.parquet", row_group_size=group)
    dataset = open_parquet(tmp_path / "a.parquet", "kind")
    assert (dataset.rows.array is None) == small_pieces
    assert dataset.names == ("a", "b", "c")
    assert dataset.rows.dtype == np.float32
    np.testing.assert_array_equal(np.concatenate(list(dataset.rows.chunks(300))), ROWS)
    np.testing.assert_array_equal(dataset.rows.take(np.array([999, 5])), ROWS[[999, 5]])
    assert dataset.labels.tolist() == FRAME["kind"].to_list()


def test_a_null_in_a_later_piece_is_named(tmp_path, small_pieces):
    values = pl.Series("b", [1.0] * 777 + [None] + [2.0] * 222)
    FRAME.with_columns(values).drop("kind").write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="NaN in row 777, column 'b'"):
        open_parquet(tmp_path / "a.parquet")


def test_text_is_refused_by_column(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="a.parquet has 'x' in row 0, column 'kind'"):
        open_parquet(tmp_path / "a.parquet")


def test_mixed_tables_are_read_in_pieces(tmp_path, small_pieces):
    mixed = FRAME.with_columns(
        b=pl.when(pl.col("a") % 7 == 3).then(None).otherwise(pl.col("b")),
        kind=pl.Series(["x", "y", None, "ä"] * 250),
        d=pl.Series(np.arange(1000) * 3).cast(pl.Date),
    )
    mixed.write_parquet(tmp_path / "a.parquet")
    dataset = open_parquet(tmp_path / "a.parquet", schema=None)
    assert (dataset.rows.array is None) == small_pieces
    assert dataset.schema == from_frame(mixed, schema=None).schema
    rows = np.concatenate(list(dataset.rows.chunks(300)))
    np.testing.assert_array_equal(rows, from_frame(mixed, schema=None).rows.array)
    assert np.isnan(rows).sum(0).tolist() == [0, 143, 250, 0, 0]
    codes = {"x": 0, "y": 1, "ä": 2}
    expected = [codes.get(value, np.nan) for value in mixed["kind"]]
    np.testing.assert_array_equal(rows[:, 2], expected)
    np.testing.assert_array_equal(rows[:, 4], np.arange(1000) * 3)
    known = FRAME.with_columns(b=pl.lit(None, pl.Float32), d=mixed["d"])
    with pytest.raises(ValueError, match="a.parquet has 'ä' in row 3, column 'kind', a category"):
        open_parquet(tmp_path / "a.parquet", schema=from_frame(known, schema=None).schema)


def test_numbers_with_nan_are_a_mixed_table_and_without_are_not(tmp_path, small_pieces):
    for value, kind in ((np.nan, True), (1.0, False)):
        values = pl.Series("b", [1.0] * 777 + [value] + [2.0] * 222)
        FRAME.with_columns(values).drop("kind").write_parquet(tmp_path / "a.parquet")
        dataset = open_parquet(tmp_path / "a.parquet", schema=None)
        assert (dataset.schema is not None) == kind
        assert dataset.rows.dtype == np.float64


def test_an_unknown_target_gets_a_guess(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="no column 'kin' to use as target; did you mean 'kind'"):
        open_parquet(tmp_path / "a.parquet", "kin")


def test_no_rows(tmp_path):
    FRAME.drop("kind").head(0).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 3\)\)"):
        open_parquet(tmp_path / "a.parquet")


def test_every_truncation_of_a_small_file_is_refused(tmp_path):
    FRAME.head(3).write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "b.parquet").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cannot be read as Parquet"):
            open_parquet(tmp_path / "b.parquet", "kind")

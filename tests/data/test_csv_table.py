"""CSV: separators, headers and types found, against Python's own csv reader."""

import csv
import io

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diabolo.data import csv_table
from diabolo.data.csv_table import open_csv


def opened(folder, text, target=None, name="a.csv"):
    (folder / name).write_text(text)
    return open_csv(folder / name, target)


@pytest.mark.parametrize(
    ("text", "names", "rows", "dtype"),
    [
        ("a,b\n1,2\n3,4\n", ("a", "b"), [[1, 2], [3, 4]], "int16"),
        ("1,2\n3,4\n", None, [[1, 2], [3, 4]], "int16"),
        ("1.5,2\n3,4\n", None, [[1.5, 2], [3, 4]], "float64"),
        ("a;b\n1;-2e3\n", ("a", "b"), [[1, -2000]], "float64"),
        ("a\tb\n1\t2\n", ("a", "b"), [[1, 2]], "int16"),
        ("a|b\n1|2\n", ("a", "b"), [[1, 2]], "int16"),
        ("a\n1\n2\n", ("a",), [[1], [2]], "int16"),
        ("0,1,2\n5,6,7\n", ("0", "1", "2"), [[5, 6, 7]], "int16"),
        ("1,2,3\n5,6,7\n", ("1", "2", "3"), [[5, 6, 7]], "int16"),
        ("0,1\n5,6\n", None, [[0, 1], [5, 6]], "int16"),
        ("a,b\ntrue,1\nfalse,0\n", ("a", "b"), [[1, 1], [0, 0]], "int16"),
        ("a\n40000\n", ("a",), [[40000]], "float64"),
        ('"a ""x"", b",c\n"1","2"\n', ('a "x", b', "c"), [[1, 2]], "int16"),
        ("a, b\n1, 2\n", ("a", " b"), [[1, 2]], "int16"),
        ("a,b\n1,2", ("a", "b"), [[1, 2]], "int16"),
    ],
)
def test_layout_and_types(tmp_path, text, names, rows, dtype):
    dataset = opened(tmp_path, text)
    assert dataset.names == names
    assert dataset.rows.dtype == dtype
    np.testing.assert_array_equal(dataset.rows.array, rows)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 5).flatmap(
        lambda d: st.lists(
            st.lists(
                st.one_of(st.integers(-40000, 40000), st.floats(-1e9, 1e9)), min_size=d, max_size=d
            ),
            min_size=1,
            max_size=20,
        )
    )
)
def test_numbers_come_back_exactly(tmp_path, rows):
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow([f"column {j}" for j in range(len(rows[0]))])
    table.writerows(rows)
    np.testing.assert_array_equal(opened(tmp_path, written.getvalue()).rows.array, rows)


@pytest.fixture
def streamed(monkeypatch):
    monkeypatch.setattr(csv_table, "_STREAM_ABOVE", 0)


def test_large_files_go_through_parquet_with_the_same_result(tmp_path, streamed):
    frame = pl.DataFrame({"a": np.arange(5000) % 300, "y": ["u", "v"] * 2500, "b": np.arange(5000)})
    dataset = opened(tmp_path, frame.write_csv(), "y")
    np.testing.assert_array_equal(dataset.rows.array, frame.drop("y").to_numpy())
    assert dataset.labels.tolist() == frame["y"].to_list()
    assert dataset.names == ("a", "b")


def test_large_files_are_refused_with_the_same_sentences(tmp_path, streamed):
    with pytest.raises(ValueError, match="a.csv has 'x' in row 3000, column 'b'"):
        opened(tmp_path, "a,b\n" + "1,2\n" * 3000 + "3,x\n")
    with pytest.raises(ValueError, match="a.csv contains NaN in row 3000, column 'b'"):
        opened(tmp_path, "a,b\n" + "1,2\n" * 3000 + "3,\n")


def test_types_that_change_after_the_sample(tmp_path):
    dataset = opened(tmp_path, "a,y\n" + "1,2\n" * 3000 + "1.25,spam\n", "y")
    assert dataset.rows.dtype == np.float64
    assert dataset.rows.array[-1] == 1.25
    assert dataset.labels[-1] == "spam"


def test_target_of_numbers(tmp_path):
    dataset = opened(tmp_path, "a,y\n1.5,7\n2.5,8\n", "y")
    assert dataset.labels.tolist() == [7, 8]
    assert dataset.names == ("a",)


def test_real_tables(data_directory):
    folder = data_directory / "tables"
    with pytest.raises(ValueError, match="titanic.csv has 'male' in row 0, column 'sex'"):
        open_csv(folder / "titanic.csv")
    with pytest.raises(ValueError, match="mpg.csv has 'usa' in row 0, column 'origin'"):
        open_csv(folder / "mpg.csv", "name")

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


MIXED = "s,n,d,b\n" + "u,1.5,2026-01-31,True\nv,,,\n,2,2025-12-31,false\n" * 40


def test_large_mixed_files_are_the_same_as_small_ones(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(MIXED)
    small = open_csv(tmp_path / "a.csv", schema=None)
    monkeypatch.setattr(csv_table, "_STREAM_ABOVE", 0)
    large = open_csv(tmp_path / "a.csv", schema=None)
    assert large.schema == small.schema
    assert [field.kind for field in small.fields] == ["category", "number", "date", "boolean"]
    np.testing.assert_array_equal(large.rows.array, small.rows.array)
    days = [20484.0, np.nan, 20453.0]
    expected = [[0, 1.5, days[0], 1], [1, np.nan, np.nan, np.nan], [np.nan, 2, days[2], 0]]
    np.testing.assert_array_equal(small.rows.array[:3], expected)


def test_a_mixed_file_is_read_as_the_model_knows_it(tmp_path):
    (tmp_path / "a.csv").write_text(MIXED)
    schema = open_csv(tmp_path / "a.csv", schema=None).schema
    (tmp_path / "b.csv").write_text("b,d,s,n\nfalse,1970-01-02T12:00:00,v,7\n")
    later = open_csv(tmp_path / "b.csv", schema=schema)
    np.testing.assert_array_equal(later.rows.array, [[1, 7, 1.5, 0]])
    for text, sentence in {
        "b,d,s,n\nfalse,,w,7\n": "b.csv has 'w' in row 0, column 's', a category that the model",
        "b,d,s,n\n,,u,7\n,,u,x\n": "b.csv has 'x' in row 1, column 'n', expected a number",
        "b,d,s,n\n,soon,u,7\n": "b.csv has 'soon' in row 0, column 'd', expected a date",
        "b,d,s,n\nperhaps,,u,7\n": "'perhaps' in row 0, column 'b', expected true or false",
        "b,d,s\n,,u\n": "b.csv lacks column 'n'",
        "b,d,s,n,m\n,,u,1,2\n": "b.csv has a column 'm' that the model was not fitted on",
    }.items():
        (tmp_path / "b.csv").write_text(text)
        with pytest.raises(ValueError, match=sentence):
            open_csv(tmp_path / "b.csv", schema=schema)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "x"], ValueError),
        (["1", "x", "y"], "category"),
        (["1", "x"], "category"),
        (["true", "no"], "category"),
        (["2026-01-31", "2026-02-30"], "category"),  # there is no such day
        (["2026-01-31", "2026-02-28T10:00:00"], "date"),
        (["1e3", ""], "number"),
    ],
)
def test_what_a_column_of_text_is(tmp_path, cells, kind):
    text = "a,n\n" + "".join(f"{cell},\n" for cell in cells) + ",1\n"
    (tmp_path / "a.csv").write_text(text)
    if kind is ValueError:
        with pytest.raises(ValueError, match="'x' in row 2, column 'a'.*schema="):
            open_csv(tmp_path / "a.csv", schema=None)
        kind, wish = "category", {"a": "category"}
    else:
        wish = None
    assert open_csv(tmp_path / "a.csv", schema=wish).fields[0].kind == kind


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
    with pytest.raises(ValueError, match="column 'name' of mpg.csv has 305 different texts in 398"):
        open_csv(folder / "mpg.csv", schema=None)
    titanic = open_csv(folder / "titanic.csv", schema=None)
    kinds = [field.kind for field in titanic.fields]
    assert [kinds.count(kind) for kind in ("number", "category", "boolean")] == [6, 7, 2]
    missing = np.isnan(titanic.rows.array).sum(0)
    assert dict(zip(titanic.names, missing.tolist(), strict=True))["deck"] == 688

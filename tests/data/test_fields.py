"""Schemas: inferred, asked for, stored and restored, and the sentences for what does not fit."""

import datetime
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from diabolo.data.columns import Columns
from diabolo.data.fields import NUMBERS, Field, Schema
from diabolo.data.sources import open_dataset

PEOPLE = {
    "age": [31.0, None, 45.5, 28.0],
    "sex": ["f", "m", None, "f"],
    "smokes": [True, False, None, True],
    "born": [
        datetime.date(1990, 2, 28),
        None,
        datetime.date(1969, 7, 20),
        datetime.date(1970, 1, 1),
    ],
    "class": [3, 1, 1, 3],
}
KINDS = ["number", "category", "boolean", "date", "number"]

HOLDERS = {
    "pandas": lambda: pd.DataFrame(PEOPLE),
    "polars": lambda: pl.DataFrame(PEOPLE),
    "pyarrow": lambda: pl.DataFrame(PEOPLE).to_arrow(),
    "lazy": lambda: pl.LazyFrame(PEOPLE),
}
every_holder = pytest.mark.parametrize("holder", HOLDERS)


def cells(dataset):
    return dataset.rows.take(np.arange(len(dataset)))


@every_holder
def test_the_same_cells_whatever_holds_them(holder):
    dataset = open_dataset(HOLDERS[holder]())
    assert [field.kind for field in dataset.fields] == KINDS
    nan = np.nan
    expected = [
        [31, 0, 1, 7363, 3],
        [nan, 1, 0, nan, 1],
        [45.5, nan, nan, -165, 1],
        [28, 0, 1, 0, 3],
    ]
    np.testing.assert_array_equal(cells(dataset), expected)
    assert dataset.fields[1].categories == ("f", "m")


@every_holder
@pytest.mark.parametrize("reader", HOLDERS)
def test_a_model_reads_any_library_and_gives_back_its_own(holder, reader):
    columns = Columns.learn(open_dataset(HOLDERS[holder]()))
    dataset = open_dataset(HOLDERS[reader](), schema=columns.schema)
    columns.check(dataset, values=True)
    back = columns.as_given(cells(dataset))
    own = open_dataset(HOLDERS[holder]())
    assert type(back) is type(own_frame(holder))
    np.testing.assert_array_equal(cells(open_dataset(back, schema=columns.schema)), cells(own))


def own_frame(holder):
    frame = HOLDERS[holder]()
    return frame.collect() if isinstance(frame, pl.LazyFrame) else frame


def test_numbers_without_gaps_have_no_schema():
    for frame in ({"a": [1, 2]}, {"a": [1.5, 2], "b": [True, False]}):
        for kind in (pd.DataFrame, pl.DataFrame):
            assert open_dataset(kind(frame)).schema is None
            assert open_dataset(kind(frame), schema={"a": "number"}).schema is None
    assert open_dataset(pd.DataFrame({"a": np.array([1, 2.5], object)})).schema is None


ASKED = {
    "whole numbers as categories": ("class", "category", (1, 3), [1, 0, 0, 1]),
    "text as yes or no": ("said", "boolean", (), [1, 0, np.nan, 1]),
    "text as dates": ("when", "date", (), [0, 1, np.nan, 0.5]),
    "text as numbers": ("count", "number", (), [1, 2.5, np.nan, -3]),
    "numbers as yes or no": ("one", "boolean", (), [1, 0, 1, 0]),
}


@pytest.mark.parametrize("case", ASKED)
@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_column_is_what_the_user_says(case, kind):
    name, wish, categories, expected = ASKED[case]
    frame = kind(
        PEOPLE
        | {
            "said": ["yes", "no", None, "TRUE"],
            "when": ["1970-01-01", "1970-01-02", None, "1970-01-01T12:00:00"],
            "count": ["1", " 2.5", None, "-3"],
            "one": [1, 0, 1, 0],
        }
    )
    dataset = open_dataset(frame, schema={name: wish})
    j = dataset.names.index(name)
    assert dataset.fields[j].kind == wish
    assert dataset.fields[j].categories == categories
    np.testing.assert_array_equal(cells(dataset)[:, j], expected)


def test_ignored_columns_are_left_out_and_may_be_there_later():
    frame = pd.DataFrame(PEOPLE)
    dataset = open_dataset(frame, schema={"age": "ignore"})
    assert dataset.names == ("sex", "smokes", "born", "class")
    for later in (frame, frame.drop(columns="age")):
        assert len(open_dataset(later, schema=dataset.schema)) == 4


WRONG = {
    "unknown kind": ({"sex": "categry"}, "'sex' is 'categry'; did you mean 'category'"),
    "unknown column": ({"sexx": "category"}, "no column 'sexx', of which .*; did you mean 'sex'"),
    "no number": ({"sex": "number"}, "X has 'f' in row 0, column 'sex', expected a number"),
    "no yes or no": ({"age": "boolean"}, "'31.0' in row 0, column 'age', expected true or false"),
    "no date": ({"sex": "date"}, "'f' in row 0, column 'sex', expected a date"),
    "all ignored": (dict.fromkeys(PEOPLE, "ignore"), r"X has 0 feature\(s\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wishes_that_cannot_be_met(case):
    wish, sentence = WRONG[case]
    with pytest.raises(ValueError, match=sentence):
        open_dataset(pd.DataFrame(PEOPLE), schema=wish)


@pytest.mark.parametrize("source", [np.zeros((2, 2)), "digits", [[1, 2]]], ids=str)
def test_what_has_no_named_columns_has_no_schema(source):
    with pytest.raises(ValueError, match="has no named columns, so the schema names nothing"):
        open_dataset(source, schema={"a": "number"})


LATER = {
    "missing column": (lambda f: f.drop(columns="sex"), "X lacks column 'sex'"),
    "misspelt": (
        lambda f: f.rename(columns={"sex": "sx"}),
        "lacks column 'sex'; did you mean 'sx'",
    ),
    "another column": (lambda f: f.assign(m=1), "X has a column 'm' that the model was not"),
    "unseen category": (
        lambda f: f.assign(sex=["f", "d", "m", None]),
        "'d' in row 1, column 'sex', a category that the model was not fitted on. Known are f, m",
    ),
    "text for numbers": (lambda f: f.assign(age=list("abcd")), "'a' in row 0, column 'age', expec"),
    "numbers for text": (lambda f: f.assign(sex=[1.5, 2, 3, 4]), "'1.5' in row 0, column 'sex'"),
    "lists": (lambda f: f.assign(sex=[[1], [2], [3], [4]]), r"'\[1\]' in row 0, column 'sex'"),
    "two for yes or no": (lambda f: f.assign(smokes=[0, 1, 2, 1]), "'2' in row 2, column 'smokes'"),
    "infinity": (lambda f: f.assign(age=[1, 2, np.inf, 3]), "infinity .* row 2, column 'age'"),
    "far away": (lambda f: f.assign(age=[1, 2, 1e300, 3]), "'age', which float32 cannot hold"),
    "numbers alone": (lambda f: np.zeros((4, 5)), "knows column 'sex' as category. Pass a frame"),
}


@pytest.mark.parametrize("case", LATER)
def test_later_rows_that_do_not_fit_are_named(case):
    change, sentence = LATER[case]
    columns = Columns.learn(open_dataset(pd.DataFrame(PEOPLE)))
    with pytest.raises(ValueError, match=sentence):
        columns.check(
            open_dataset(change(pd.DataFrame(PEOPLE)), schema=columns.schema), values=True
        )


def test_columns_are_found_by_name_in_any_order():
    frame = pd.DataFrame(PEOPLE)
    dataset = open_dataset(frame)
    other = open_dataset(frame[frame.columns[::-1]], schema=dataset.schema)
    np.testing.assert_array_equal(cells(other), cells(dataset))


def test_a_data_set_that_was_opened_otherwise_is_refused():
    frame = pd.DataFrame(PEOPLE)
    columns = Columns.learn(open_dataset(frame))
    other = open_dataset(frame.assign(sex=["f", "x", None, "f"]))
    with pytest.raises(ValueError, match="another idea of column 'sex'.*schema=model.columns_"):
        columns.check(other)
    plain = Columns.learn(open_dataset(np.arange(10.0).reshape(2, 5) ** 2))
    with pytest.raises(ValueError, match="opened as a mixed table"):
        plain.check(open_dataset(frame))


def test_numbers_with_gaps_may_later_be_an_array():
    columns = Columns.learn(open_dataset(pd.DataFrame({"a": [1.0, None, 4], "b": [1.0, 2, 3]})))
    columns.check(open_dataset(np.array([[1.0, 2.0]]), schema=columns.schema), values=True)


def test_texts_that_name_rows_are_refused_unless_insisted_on():
    frame = pl.DataFrame({"id": [f"no {i}" for i in range(80)], "n": range(80)})
    with pytest.raises(ValueError, match="'id' of X has 80 different texts in 80 rows"):
        open_dataset(frame)
    assert open_dataset(frame, schema={"id": "category"}).fields[0].levels == 80
    few = pl.DataFrame({"id": [f"no {i}" for i in range(50)], "n": range(50)})
    assert open_dataset(few).fields[0].levels == 50
    often = pl.DataFrame({"id": [f"no {i % 80}" for i in range(160)], "n": range(160)})
    assert open_dataset(often).fields[0].levels == 80


def test_means_and_deviations_are_those_of_known_cells():
    rng = np.random.default_rng(0)
    values = rng.normal(1e6, 3, (5000, 3))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 2] = np.where(np.arange(5000) < 4000, np.nan, values[:, 2])
    columns = Columns.learn(open_dataset(pl.DataFrame(values, nan_to_null=False)))
    np.testing.assert_allclose(columns.offset, np.nanmean(values, 0), rtol=1e-12)
    np.testing.assert_allclose(columns.scale, np.nanstd(values, 0), rtol=1e-7)


def test_scaling_of_mixed_tables_is_standard():
    dataset = open_dataset(pd.DataFrame(PEOPLE))
    assert Columns.learn(dataset, "standard") == Columns.learn(dataset)
    with pytest.raises(ValueError, match="scaling='minmax' is for numbers alone"):
        Columns.learn(dataset, "minmax")


# stored


@every_holder
def test_stored_as_json_and_restored(holder):
    columns = Columns.learn(open_dataset(HOLDERS[holder](), schema={"class": "category"}))
    stored = json.loads(json.dumps(columns.to_json(), allow_nan=False))
    again = Columns.from_json(stored)
    assert again == columns
    assert again.schema == columns.schema


DAMAGE = {
    "no library": lambda s: s["schema"].pop("library"),
    "unknown library": lambda s: s["schema"].update(library="os"),
    "no fields": lambda s: s["schema"].update(fields=[]),
    "unknown kind": lambda s: s["schema"]["fields"][0].update(kind="magic"),
    "another name": lambda s: s["schema"]["fields"][0].update(name="eve"),
    "categories of numbers": lambda s: s["schema"]["fields"][0].update(categories=[1]),
    "no categories": lambda s: s["schema"]["fields"][1].update(categories=[]),
    "equal categories": lambda s: s["schema"]["fields"][1].update(categories=["f", "f"]),
    "a list as category": lambda s: s["schema"]["fields"][1].update(categories=["f", ["m"]]),
    "a type with code": lambda s: s["schema"]["fields"][1].update(dtype="x;import os\n"),
    "more than there is": lambda s: s["schema"]["fields"][1].update(more=1),
    "not mixed": lambda s: s.update(kind="real"),
    "codes that are scaled": lambda s: s["scale"].__setitem__(1, 2.0),
    "mixed without schema": lambda s: s.pop("schema"),
    "ignored twice": lambda s: s["schema"].update(ignored=["age"]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_schemas_are_refused(name):
    stored = Columns.learn(open_dataset(pl.DataFrame(PEOPLE))).to_json()
    Columns.from_json(stored)
    DAMAGE[name](stored)
    with pytest.raises(ValueError, match="description of the columns"):
        Columns.from_json(stored)


def test_a_schema_of_nothing_is_numbers():
    assert Schema(()) == NUMBERS
    assert Field("a", "category", ("u", "v")).codes == {"u": 0, "v": 1}


# annotated matrices


@pytest.mark.parametrize("hold", [np.asarray, scipy.sparse.csr_matrix])
def test_annotated_matrices_are_taken_by_their_look(hold):
    X = np.random.default_rng(0).poisson(2, (6, 3)).astype(np.float32)
    data = SimpleNamespace(X=hold(X), obs_names=list("abcdef"), var_names=["g1", "g2", "g3"])
    dataset = open_dataset(data)
    np.testing.assert_array_equal(cells(dataset), X)
    assert dataset.names == ("g1", "g2", "g3")

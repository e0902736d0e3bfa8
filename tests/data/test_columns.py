"""Scaling and back, stored and restored, and what does not fit."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from diabolo.data.columns import Columns, as_tensor
from diabolo.data.scalings import SCALINGS
from diabolo.data.sources import open_dataset

DTYPES = ["float64", "float32", "float16", "uint8", "int8", "int16", "int32", "int64", "bool"]


@st.composite
def any_rows(draw):
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(array_shapes(min_dims=2, max_dims=4, max_side=4))
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.startswith("f") else None
    return draw(arrays(dtype, shape, elements=elements))


def learned(rows, scaling="auto"):
    """The columns, unless the values are among those refused by a sentence of their own."""
    try:
        return Columns.learn(open_dataset(rows), scaling)
    except ValueError as error:
        assert "float32 cannot hold" in str(error) or "overflow float64" in str(error)  # noqa: PT017
        return None


@settings(deadline=None, max_examples=200)
@given(any_rows(), st.sampled_from(list(SCALINGS)))
def test_there_and_back_again(rows, scaling):
    columns = learned(rows, scaling)
    if columns is None:
        return
    x = columns.scaled(as_tensor(rows))
    assert x.dtype == torch.float32
    assert x.shape == (len(rows), columns.n_features)
    assert torch.isfinite(x).all()
    with np.errstate(over="ignore"):
        back = columns.original(x)
    assert back.shape == rows.shape
    assert back.dtype == (np.float64 if rows.dtype == np.float64 else np.float32)
    wide = rows.astype(np.float64)
    scale = columns.scale.reshape(rows.shape[1:])
    # x is float32: it is good to 6e-8 of itself, or to float32's smallest number.
    room = 1.2e-7 * np.abs(wide) + 3e-7 * (np.abs(wide - columns.offset.reshape(scale.shape)))
    np.testing.assert_array_less(np.abs(back - wide), room + 2e-45 * (scale + 1) + 1e-320)


@settings(deadline=None, max_examples=60)
@given(any_rows(), st.sampled_from(list(SCALINGS)))
def test_stored_as_json_and_restored_bit_for_bit(rows, scaling):
    columns = learned(rows, scaling)
    if columns is not None:
        stored = json.loads(json.dumps(columns.to_json(), allow_nan=False))
        assert Columns.from_json(stored) == columns


def test_scaled_is_the_formula_in_float64():
    rows = np.random.default_rng(0).normal([1e9, 3, -2e-9], [2, 5, 1e-9], (500, 3))
    columns = Columns.learn(open_dataset(rows))
    mean = [math.fsum(column) / 500 for column in rows.T]  # numpy's is off by 1e-7 near 1e9
    expected = ((rows - mean) / rows.std(axis=0)).astype(np.float32)
    np.testing.assert_allclose(columns.scaled(torch.from_numpy(rows)), expected, rtol=1e-6)


def test_float32_far_from_zero_is_scaled_in_float64():
    rows = (np.random.default_rng(0).normal(size=(500, 1)) * 1e3 + 1.6e9).astype(np.float32)
    columns = Columns.learn(open_dataset(rows))
    wide = rows.astype(np.float64)
    expected = (wide - wide.mean()) / wide.std()
    np.testing.assert_allclose(columns.scaled(torch.from_numpy(rows)), expected, rtol=1e-6)


def test_what_is_scaled_is_not_changed():
    rows = torch.ones(4, 3)
    Columns.learn(open_dataset(rows), "none").scaled(rows).zero_()
    assert (rows == 1).all()


def test_bytes_become_exact_grey_values():
    rows = torch.arange(256, dtype=torch.uint8).reshape(4, 8, 8)
    columns = Columns.learn(open_dataset(rows))
    expected = (np.arange(256) / 255).astype(np.float32).reshape(4, 64)
    np.testing.assert_array_equal(columns.scaled(rows), expected)
    np.testing.assert_allclose(columns.original(columns.scaled(rows)), rows, atol=1e-5)


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
FRAME = pd.DataFrame({"age": [1.0, 2.5, 4], "height": [3.0, 4, 6]})

MISFITS = {
    "image size": (IMAGES, IMAGES[:, :20], "X has images of 20x28, but the model was fitted on "
                   "images of 28x28."),
    "width": (IMAGES, np.zeros((2, 10)), "X has 10 features, but the model was fitted on images"),
    "missing column": (FRAME, FRAME[["height"]], "X lacks column 'age'. The model was fitted on 2"),
    "misspelt column": (FRAME, FRAME.rename(columns={"age": "agee"}), "did you mean 'agee'?"),
    "extra column": (FRAME, FRAME.assign(id=[1, 2, 3]), "X has a column 'id' that the model was"),
    "order": (FRAME, FRAME[["height", "age"]], "column 0 is 'height', expected 'age'"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_later_data_that_do_not_fit_are_named(name):
    before, later, sentence = MISFITS[name]
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Columns.learn(open_dataset(before)).check(open_dataset(later))
    assert sentence in str(caught.value)


def test_flat_rows_are_taken_for_images_and_come_back_as_such():
    columns = Columns.learn(open_dataset(IMAGES))
    flat = open_dataset(IMAGES.reshape(5, 784))
    columns.check(flat)
    x = columns.scaled(torch.from_numpy(flat.rows.array))
    assert columns.original(x).shape == (5, 28, 28)


WHOLE = {
    "by column": ({"age": [20, 30, 41], "height": [1.7, 1.8, 2.0]}, [True, False]),
    "integers": (np.array([[20, 30], [41, -5], [7, 0]]), [True, True]),
    "levels": (np.array([[0.0, 3.0], [2.0, 1.0]]), [True, True]),
    "bytes": (np.array([[0, 255], [255, 1]], np.uint8), [True, True]),
    "fractions": (np.array([[0.5, 1000.2], [0.25, 20.0]]), [False, False]),
}


@pytest.mark.parametrize("scaling", ["auto", "standard", "minmax"])
@pytest.mark.parametrize("name", WHOLE)
def test_columns_of_whole_numbers_are_remembered(name, scaling):
    rows, expected = WHOLE[name]
    rows = pd.DataFrame(rows) if isinstance(rows, dict) else rows
    columns = Columns.learn(open_dataset(rows), scaling)
    stored = json.loads(json.dumps(columns.to_json()))
    for found in (columns, Columns.from_json(stored)):
        assert found.whole_numbers.tolist() == expected


def test_descriptions_without_them_are_read():
    stored = Columns.learn(open_dataset(pd.DataFrame({"a": [1.0, 7.0], "b": [0.5, 9.0]}))).to_json()
    assert stored.pop("whole") == ["a"]
    assert Columns.from_json(stored).whole_numbers.tolist() == [False, False]


def test_values_of_later_data_are_checked_when_asked():
    columns = Columns.learn(open_dataset(FRAME.to_numpy() * 1e-30))
    for value, sentence in [
        (np.nan, "NaN in row 1, column 0"),
        (np.inf, "infinity (inf) in row 1, column 0"),
        (1e20, "has 1e+20 in row 1, column 0, which float32 cannot hold after scaling"),
    ]:
        later = FRAME.to_numpy().copy()
        later[:, :] = 0
        later[1, 0] = value
        columns.check(open_dataset(later))
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            columns.check(open_dataset(later), values=True)
        assert sentence in str(caught.value)


DAMAGE = {
    "no shape": lambda stored: stored.pop("shape"),
    "shape of text": lambda stored: stored.update(shape="ab"),
    "negative shape": lambda stored: stored.update(shape=[-2]),
    "shape of floats": lambda stored: stored.update(shape=[2.0]),
    "huge shape": lambda stored: stored.update(shape=[10**9, 10**9]),
    "true as a size": lambda stored: stored.update(shape=[2, True]),
    "unknown kind": lambda stored: stored.update(kind="imaginary"),
    "scale of zero": lambda stored: stored["scale"].__setitem__(0, 0.0),
    "offset of text": lambda stored: stored["offset"].__setitem__(0, "1"),
    "one offset too few": lambda stored: stored["offset"].pop(),
    "one name too few": lambda stored: stored["names"].pop(),
    "a name that is none": lambda stored: stored["names"].__setitem__(0, 3),
    "unknown dtype": lambda stored: stored.update(dtype="float7"),
    "dtype of objects": lambda stored: stored.update(dtype="O"),
    "levels of text": lambda stored: stored.update(levels="2"),
    "constant that is no column": lambda stored: stored.update(constant=["weight"]),
    "whole column that is none": lambda stored: stored.update(whole=["weight"]),
    "nested offset": lambda stored: stored.update(offset=[[1.0], [2.0]]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_descriptions_are_refused(name):
    stored = Columns.learn(open_dataset(FRAME)).to_json()
    Columns.from_json(stored)
    DAMAGE[name](stored)
    with pytest.raises(ValueError, match="description of the columns"):
        Columns.from_json(stored)


def test_new_rows_stay_within_what_was_learned_from():
    """Fares are not negative, children are whole, and what is rebuilt is left as it is."""
    random = np.random.default_rng(0)
    fares, children = random.exponential(30, 200), random.poisson(1.0, 200)
    rows = np.stack([fares, children, random.normal(size=200)], 1)
    columns = learned(rows, "standard")
    wild = torch.from_numpy(random.normal(size=(500, 3)) * 5)
    drawn, rebuilt = columns.drawn(wild), columns.original(wild)
    assert (drawn >= rows.min(0)).all()
    assert (drawn <= rows.max(0)).all()
    assert (rebuilt < rows.min(0)).any(0).all()
    inside = (rebuilt >= rows.min(0)) & (rebuilt <= rows.max(0))
    np.testing.assert_array_equal(drawn[inside], rebuilt[inside])
    assert (columns.drawn(wild, whole=True)[:, 1] % 1 == 0).all()
    again = Columns.from_json(json.loads(json.dumps(columns.to_json())))
    np.testing.assert_array_equal(again.drawn(wild), drawn)
    stored = columns.to_json()
    del stored["range"]  # as files had it before: nobody knows
    np.testing.assert_array_equal(Columns.from_json(stored).drawn(wild), rebuilt)


@pytest.mark.parametrize("scaling", ["unit", "minmax", "shared", "none"])
def test_the_range_holds_for_every_scaling(scaling):
    rows = np.random.default_rng(0).uniform(0, 7, (60, 3))
    drawn = learned(rows, scaling).drawn(torch.full((2, 3), 1e6) * torch.tensor([[1], [-1]]))
    np.testing.assert_allclose(drawn.max(), rows.max(), rtol=1e-6)
    np.testing.assert_allclose(drawn.min(), rows.min(), rtol=1e-6)


@pytest.mark.parametrize(
    "broken", [[[0.0], [1.0]], [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [np.inf, 1.0]], [[0.0, 0.0]]]
)
def test_a_damaged_range_is_refused(broken):
    stored = learned(np.random.default_rng(0).normal(size=(9, 2))).to_json()
    assert len(stored["range"]) == 2
    with pytest.raises(ValueError, match="columns"):
        Columns.from_json({**stored, "range": broken})

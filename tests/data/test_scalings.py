"""Which kind of data is seen in which table, and what the named scalings do."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(5, 2, (200, 4))
BYTES = RANDOM.integers(0, 256, (50, 8, 8)).astype(np.uint8)

# data, kind, offset, scale, levels
CHOICES = {
    "0 and 1": (RANDOM.integers(0, 2, (50, 4)), "binary", 0, 1, 2),
    "0.0 and 1.0": (RANDOM.integers(0, 2, (50, 4)) * 1.0, "binary", 0, 1, 2),
    "bool": (RANDOM.normal(size=(50, 4)) > 0, "binary", 0, 1, 2),
    "uint8 of 0 and 1": (RANDOM.integers(0, 2, (50, 4)).astype(np.uint8), "binary", 0, 1, 2),
    "only zeros": (np.zeros((5, 4)), "binary", 0, 1, 2),
    "bytes": (BYTES, "unit", 0, 255, 256),
    "bytes, flat": (BYTES.reshape(50, 64), "unit", 0, 255, 256),
    "bytes, bright": (np.maximum(BYTES, 40), "unit", 0, 255, 256),
    "bytes, dark": (BYTES // 16, "unit", 0, 15, 16),
    "digits as floats": (load_digits().data, "unit", 0, 16, 17),
    "grey values as floats": (BYTES / 255, "unit", 0, 1, None),
    "images of float": (RANDOM.uniform(-1, 3, (9, 4, 4)).clip(-1, 3), "unit", None, None, None),
    "marks 1 to 5": (np.resize([[1, 5, 3], [5, 1, 4], [2, 2, 1]], (9, 3)), "unit", 1, 4, 5),
    "counts of all sizes": (
        np.array([[0, 0, 0, 0, 0], [900, 3, 5, 9, 1], [0, 1, 0, 2, 0]]),
        "real",
        None,
        None,
        None,
    ),
    "real": (REAL, "real", None, None, None),
    "one column": (np.arange(9.0).reshape(9, 1), "real", None, None, None),
    "1e30": (REAL * 1e30, "real", None, None, None),
}


@pytest.mark.parametrize("name", CHOICES)
def test_auto_tells_kinds_apart(name):
    data, kind, offset, scale, levels = CHOICES[name]
    columns = Columns.learn(open_dataset(data))
    assert (columns.kind, columns.levels) == (kind, levels)
    if offset is not None:
        assert (columns.offset == offset).all()
        assert (columns.scale == scale).all()


def test_standard_is_scikit_learns():
    twin = StandardScaler().fit(REAL)
    columns = Columns.learn(open_dataset(REAL), "standard")
    np.testing.assert_allclose(columns.offset, twin.mean_, rtol=1e-13)
    np.testing.assert_allclose(columns.scale, twin.scale_, rtol=1e-13)


def test_minmax_is_scikit_learns():
    twin = MinMaxScaler().fit(REAL)
    columns = Columns.learn(open_dataset(REAL), "minmax")
    np.testing.assert_array_equal(columns.offset, twin.data_min_)
    np.testing.assert_array_equal(columns.scale, twin.data_range_)
    assert columns.kind == "unit"


def test_unit_has_one_scale():
    columns = Columns.learn(open_dataset(REAL), "unit")
    assert (columns.offset == REAL.min()).all()
    assert (columns.scale == REAL.max() - REAL.min()).all()


def test_none_leaves_values_but_still_looks_at_them():
    columns = Columns.learn(open_dataset(REAL), "none")
    assert (columns.offset == 0).all()
    assert (columns.scale == 1).all()
    assert columns.kind == "real"
    assert Columns.learn(open_dataset(BYTES / 255), "none").kind == "unit"
    with pytest.raises(ValueError, match="NaN in row 0, column 1"):
        Columns.learn(open_dataset([[1, np.nan]]), "none")


@pytest.mark.parametrize("scaling", ["auto", "standard", "minmax"])
def test_constant_columns_keep_their_value_and_are_listed(scaling):
    table = np.c_[REAL[:, 0], np.full(200, 0.1), REAL[:, 1], np.full(200, -3e8)]
    columns = Columns.learn(open_dataset(table), scaling)
    assert columns.constant == (1, 3)
    assert columns.scale[1] == columns.scale[3] == 1
    # Exactly, although the mean of 200 times 0.1 is not 0.1 in floating point.
    assert columns.offset[[1, 3]].tolist() == [0.1, -3e8]


def test_constant_columns_are_listed_by_name_where_there_are_names():
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 2.5, 4], "b": [7.0, 7, 7]})
    assert Columns.learn(open_dataset(frame)).constant == ("b",)


def test_values_that_float32_cannot_hold_are_refused_by_column():
    table = REAL.copy()
    table[3, 2] = 1e39
    with pytest.raises(ValueError, match=r"column 2 of X has values .* which float32 cannot hold"):
        Columns.learn(open_dataset(table), "none")
    assert Columns.learn(open_dataset(table), "standard").kind == "real"
    with pytest.raises(ValueError, match="column 2 of X reaches 1e\\+160"):
        Columns.learn(open_dataset(table * 1e121), "standard")


def test_unknown_scaling_gets_a_guess():
    with pytest.raises(ValueError, match="did you mean 'standard'"):
        Columns.learn(open_dataset(REAL), "standart")


def test_one_scale_for_all_keeps_the_proportions_of_distances():
    rows = np.random.default_rng(0).normal(size=(30, 3)) * [1.0, 5.0, 20.0] + [7, 0, -3]
    columns = Columns.learn(open_dataset(rows), "shared")
    assert columns.kind == "real"
    scaled = columns.scaled(torch.from_numpy(rows)).double().numpy()
    np.testing.assert_allclose(pdist(scaled) * columns.scale[0], pdist(rows), rtol=1e-5)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-6)
    assert np.mean(scaled.var(0)) == pytest.approx(1)
    assert (columns.scale == columns.scale[0]).all()


@pytest.mark.parametrize("rows", [np.eye(4), np.arange(64.0).reshape(4, 4, 4)])
def test_where_there_is_one_scale_already_it_stays(rows):
    assert Columns.learn(open_dataset(rows), "shared") == Columns.learn(open_dataset(rows))

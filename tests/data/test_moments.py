"""Statistics against numpy, exact sums and each other's sources."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from diabolo.data import moments
from diabolo.data.moments import extent_of, moments_of
from diabolo.data.sources import open_dataset

tables = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=30),
    elements=st.floats(-1e6, 1e6, width=32),
)


@settings(deadline=None, max_examples=60)
@given(tables)
def test_extent_and_moments_are_numpys(table):
    dataset = open_dataset(table)
    extent, found = extent_of(dataset), moments_of(dataset)
    np.testing.assert_array_equal(extent.low, table.min(axis=0))
    np.testing.assert_array_equal(extent.high, table.max(axis=0))
    np.testing.assert_array_equal(extent.whole_columns, (table == np.rint(table)).all(axis=0))
    assert extent.whole == extent.whole_columns.all()
    size = np.abs(table).max() + 1e-300
    np.testing.assert_allclose(found.mean, table.mean(axis=0), atol=1e-14 * size)
    np.testing.assert_allclose(found.variance, table.var(axis=0), rtol=1e-12, atol=1e-24 * size**2)


def test_moments_far_from_zero_are_those_of_exact_arithmetic(monkeypatch):
    monkeypatch.setattr(moments, "PIECE", 100)  # many pieces to merge
    values = np.random.default_rng(0).normal(size=(1001, 3)) + [1e9, -1e6, 0]
    found = moments_of(open_dataset(values))
    for j in range(3):
        column = [Fraction(v) for v in values[:, j].tolist()]
        mean = sum(column) / len(column)
        variance = sum((v - mean) ** 2 for v in column) / len(column)
        assert found.mean[j] == pytest.approx(float(mean), rel=1e-15)
        assert found.variance[j] == pytest.approx(float(variance), rel=1e-12)
    naive = (values**2).mean(axis=0) - values.mean(axis=0) ** 2
    assert abs(naive[0] - found.variance[0]) > 1e-3  # what the textbook formula would do here


def test_the_source_does_not_change_a_bit(tmp_path):
    table = np.random.default_rng(0).normal(3, 2, (30_000, 41))
    np.save(tmp_path / "rows.npy", table)
    plain = moments_of(open_dataset(table))
    others = [
        np.asfortranarray(table),
        np.load(tmp_path / "rows.npy", mmap_mode="r"),
        scipy.sparse.csr_array(table),
        table.astype(">f8"),
        table[::-1][::-1],
    ]
    for other in others:
        found = moments_of(open_dataset(other))
        np.testing.assert_array_equal(found.mean, plain.mean)
        np.testing.assert_array_equal(found.variance, plain.variance)


def test_nan_is_found_in_later_pieces(monkeypatch):
    monkeypatch.setattr(moments, "PIECE", 100)
    table = np.zeros((1000, 7))
    table[777, 3] = math.nan
    with pytest.raises(ValueError, match="NaN in row 777, column 3"):
        extent_of(open_dataset(table))

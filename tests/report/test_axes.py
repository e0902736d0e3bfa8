import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diabolo.report.axes import LEAST, apart, axis

VALUES = st.floats(-1e12, 1e12)


def test_ends_of_the_axis_are_the_ends_of_the_values():
    scale = axis([3, 7, 5], 40, 300)
    assert (scale.at(3), scale.at(7), scale.at(5)) == (40, 300, 170)


def test_equal_ratios_are_equally_far_apart_on_a_logarithmic_axis():
    scale = axis([1, 100], 0, 10, log=True)
    assert scale.at(10) == pytest.approx(5)
    assert scale.ticks == [1, 10, 100]


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf, math.nan]])
def test_no_axis_without_finite_values(values):
    assert axis(values, 0, 1) is None


def test_no_logarithmic_axis_without_positive_values():
    assert axis([0, -1], 0, 1, log=True) is None


@given(st.lists(VALUES, min_size=1), st.booleans())
def test_all_values_and_ticks_lie_on_the_axis(values, log):
    scale = axis(values, 10, 90, log)
    if scale is None:
        assert log
        assert max(values) < LEAST
        return
    for value in [v for v in values if v >= LEAST or not log] + scale.ticks:
        assert 10 - 1e-6 <= scale.at(value) <= 90 + 1e-6


@given(VALUES, VALUES)
def test_there_are_two_to_eleven_ticks(low, high):
    scale = axis([low, high], 0, 1)
    assert 2 <= len(scale.ticks) <= 11


@given(st.floats(1e-9, 1e9), st.floats(1.01, 1e12))
def test_there_are_two_to_eleven_ticks_on_a_logarithmic_axis(low, ratio):
    scale = axis([low, low * ratio], 0, 1, log=True)
    assert 2 <= len(scale.ticks) <= 11


@given(st.lists(st.floats(0, 100), max_size=6).map(sorted))
def test_labels_keep_their_distance_and_their_order(heights):
    moved = apart(heights, 10, 0, 100)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(moved))
    assert all(height <= 100 for height in moved)


def test_labels_that_are_apart_stay_where_they_are():
    assert apart([10, 30, 80], 10, 0, 100) == [10, 30, 80]

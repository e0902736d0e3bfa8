"""Every order is a permutation, known from seed and epoch, and can be entered anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diabolo.data.shuffle import Shuffle

sizes = st.integers(1, 500)
kinds = st.sampled_from([{}, {"largest": 64, "block": 8}, {"largest": 16, "block": 16}])


@settings(deadline=None)
@given(sizes, st.integers(-(2**70), 2**70), st.integers(0, 10**6), kinds)
def test_every_number_comes_once(n, seed, epoch, kind):
    order = Shuffle(n, seed, epoch, **kind).between(0, n)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(n))


@settings(deadline=None)
@given(sizes, kinds, st.data())
def test_any_stretch_is_had_without_the_earlier_ones(n, kind, data):
    first = data.draw(st.integers(0, n))
    last = data.draw(st.integers(first, n))
    whole = Shuffle(n, 1, 2, **kind).between(0, n)
    np.testing.assert_array_equal(Shuffle(n, 1, 2, **kind).between(first, last), whole[first:last])


def test_seeds_and_epochs_give_different_orders():
    orders = {
        tuple(Shuffle(50, seed, epoch).between(0, 50)) for seed in range(9) for epoch in range(9)
    }
    assert len(orders) == 81


@pytest.mark.parametrize("kind", [{}, {"largest": 2048, "block": 16}])
def test_positions_are_uniform(kind):
    # Mean place of the first 100 of 4096 numbers over 200 epochs: 2048 ± 8.4 (one deviation).
    places = [
        np.argsort(Shuffle(4096, 0, epoch, **kind).between(0, 4096))[:100] for epoch in range(200)
    ]
    assert abs(np.mean(places) - 2047.5) < 5 * 4096 / np.sqrt(12 * 200)


def test_neighbours_are_parted():
    order = Shuffle(10_000, 0, 0, largest=2048, block=16).between(0, 10_000)
    # In a random order of 2048 a number is followed by its successor about once.
    assert (np.diff(order) == 1).sum() < 30


def test_beyond_the_limit_memory_is_that_of_a_window():
    n = 10**9
    shuffle = Shuffle(n, 0, 0, largest=2**16)
    stretch = shuffle.between(500_000_000, 500_000_128)
    assert len(np.unique(stretch)) == 128
    assert stretch.min() >= 0
    assert stretch.max() < n
    assert len(shuffle._current[1]) == 2**16

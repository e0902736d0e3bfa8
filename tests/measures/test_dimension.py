"""Dimensions of rows whose dimension is known, and the law behind the estimate."""

import numpy as np
import pytest
from sklearn.datasets import make_s_curve, make_swiss_roll

from diabolo.doctor.nearest import nearest
from diabolo.measures.dimension import by_scale, significant, two_nn


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_a_ball_of_noise_has_its_dimension_in_any_space(d):
    random = np.random.default_rng(d)
    rows = random.normal(size=(1500, d)) @ random.normal(size=(d, 20))  # dense here, thin there
    found = two_nn(rows)
    assert found.n_rows == 1500
    assert abs(found.value - d) < 3 * found.standard_error


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_swiss_roll(2000, random_state=0)[0],
        lambda: make_s_curve(2000, random_state=0)[0],
    ],
)
def test_rolled_up_planes_are_planes(make):
    found = two_nn(make())
    assert round(found.value) == 2
    assert found.standard_error < 0.1


def test_the_ratio_follows_the_law_where_the_density_is_even():
    """P(μ > m) = m^−d, on a torus, which has no rim; by the largest gap of the two curves."""
    d, n = 2, 3000
    rows = np.random.default_rng(0).random((n, d)).astype(np.float32)
    angles = 2 * np.pi * rows
    torus = np.concatenate([np.cos(angles), np.sin(angles)], 1)
    first, second = nearest(torus, torus, 3)[:, 1:].T
    ratio = np.sort(second / first)
    seen = 1 - (np.arange(n) + 0.5) / n
    assert np.abs(seen - ratio**-d).max() < 1.63 / np.sqrt(n) * np.sqrt(2)  # 1 %; pairs repeat


def test_the_standard_error_is_the_spread_of_many_estimates():
    random = np.random.default_rng(1)
    found = [two_nn(random.normal(size=(400, 2))) for _ in range(60)]
    spread = np.std([one.value for one in found])
    claimed = np.mean([one.standard_error for one in found])
    assert 0.75 < claimed / spread < 1.35
    assert np.mean([one.value for one in found]) == pytest.approx(2, abs=0.05)


def test_noise_is_seen_by_its_scale():
    rows = make_swiss_roll(2400, noise=0.3, random_state=0)[0]
    fine, *_, coarse = by_scale(rows)
    assert fine.value > 2.4
    assert coarse.value < 2.2
    assert [one.n_rows for one in by_scale(rows)] == [2400, 1200, 600, 300, 150]


def test_copies_count_once():
    rows = np.random.default_rng(0).normal(size=(100, 3))
    assert two_nn(np.concatenate([rows, rows[:50]])) == two_nn(rows)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (np.zeros((50, 2)), "1 different rows are too few to tell their dimension by: pass 10"),
        (np.arange(50.0)[:, None], "they lie on a grid"),
    ],
)
def test_rows_that_say_nothing_are_one_sentence(rows, sentence):
    with pytest.raises(ValueError, match=sentence):
        two_nn(rows)


def test_significant_values_are_counted_against_the_largest():
    assert significant(np.array([[2.0, 0.3, 0.1], [1.0, 1.0, 1.0]])).tolist() == [2, 3]

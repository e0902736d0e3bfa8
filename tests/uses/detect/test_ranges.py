"""Scores in ranges, beside the normal law that gave the range its name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from diabolo.uses.detect.ranges import EXTENT, added, range_of, stranger


def test_a_range_of_normal_scores_is_a_standard_deviation():
    scores = norm.ppf(np.linspace(0, 1, 10_001)[1:-1], loc=3, scale=2)
    assert range_of(scores) == pytest.approx((3, 2), abs=0.02)


def test_what_lies_far_above_does_not_change_it():
    scores = np.arange(100.0)
    far = np.where(scores > 90, 1e9, scores)
    assert range_of(far) == range_of(scores)


def test_scores_that_are_all_alike_have_a_range_of_one():
    assert range_of(np.full(7, 4.0)) == (4.0, 1.0)


def test_the_stranger_view_counts():
    views = torch.tensor([[1.0, 10.0], [3.0, 10.0], [1.0, 30.0]])
    found = stranger(views, [(1.0, 2.0), (10.0, 5.0)])
    assert found.tolist() == [0.0, 1.0, 4.0]
    assert stranger(views[:, :1], [(5.0, 5.0)]).tolist() == [1.0, 3.0, 1.0]


def test_no_score_outweighs_the_other_without_bound():
    own, other = np.array([0.0, 1e6, -1e6]), np.array([2.0, 2.0, 2.0])
    low, high = EXTENT
    found = added((own, other), [(0.0, 1.0), (1.0, 1.0)])
    assert found.tolist() == [1.0, high + 1, low + 1]

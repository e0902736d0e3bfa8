"""Partners of a detector, beside scipy and numpy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis

from diabolo.parts.outliers import Ellipsoid, IsolationForest, Usual


def test_an_ellipsoid_is_scipys():
    rng = np.random.default_rng(0)
    root, x = rng.normal(size=(3, 3)), rng.normal(size=(6, 3))
    part = Ellipsoid(3)
    part.middle.copy_(torch.tensor([1.0, 2.0, 3.0]))
    part.precision.copy_(torch.from_numpy(root @ root.T))
    wanted = [mahalanobis(row, [1, 2, 3], root @ root.T) for row in x]
    found = part.strangeness(torch.from_numpy(x).float())
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_one_cut_by_hand():
    part = IsolationForest(2, 1, 3, 1, usual=2.0)
    part.feature[0, 0], part.threshold[0, 0] = 1, 0.5
    part.branches[:, 0, 0] = torch.tensor([1, 2])
    part.length[0] = torch.tensor([0.0, 1.0, 3.0])
    found = part.strangeness(torch.tensor([[9.0, 0.5], [9.0, 0.6]]))
    np.testing.assert_allclose(found, [2 ** (-1 / 2), 2 ** (-3 / 2)], rtol=1e-6)


@pytest.mark.parametrize(("what", "value"), [("feature", 2), ("branches", 3), ("branches", -1)])
def test_a_forest_that_points_to_nowhere_is_refused(what, value):
    part = IsolationForest(2, 1, 3, 1)
    part.check()
    getattr(part, what).view(-1)[0] = value
    with pytest.raises(ValueError, match="points to columns or nodes that are not there"):
        part.check()


def test_the_share_above_counts_rows_at_least_as_strange():
    part = Usual(4, 1)
    part.scores.copy_(torch.tensor([1.0, 2.0, 2.0, 5.0]))
    found = part.share_above(torch.tensor([0.0, 2.0, 3.0, 9.0]))
    np.testing.assert_allclose(found, [5 / 5, 4 / 5, 2 / 5, 1 / 5])

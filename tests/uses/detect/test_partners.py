"""Forests kept as arrays score as scikit-learn's do, to rounding."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest

from diabolo.uses.detect.partners import PARTNERS, as_arrays, spread_out

X = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)


@pytest.mark.parametrize("settings", [{}, {"max_samples": 2}, {"max_features": 0.6}], ids=str)
@pytest.mark.parametrize("rows", [400, 3])
def test_a_forest_is_scikit_learns(settings, rows):
    fitted = IsolationForest(n_estimators=20, random_state=0, **settings).fit(X[:rows])
    new = np.concatenate([X, 4 * X[:50]])
    found = as_arrays(fitted, 5).strangeness(torch.from_numpy(new))
    np.testing.assert_allclose(found, -fitted.score_samples(new), rtol=2e-6)


def test_mahalanobis_is_that_of_the_shrunk_covariance():
    found = PARTNERS["mahalanobis"](X, 0).strangeness(torch.from_numpy(X))
    wanted = np.sqrt(LedoitWolf().fit(X.astype(float)).mahalanobis(X))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_cells_as_plain_numbers():
    x = torch.tensor([[30.0, 2.0, torch.nan], [torch.nan, torch.nan, 39.0]])
    found = spread_out(x, (0, 3, 40), 10.0)
    assert found.tolist() == [[10, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert spread_out(x[:, :1].nan_to_num(), (), 10.0).tolist() == [[10], [0]]

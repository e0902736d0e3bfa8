"""PCA's error against the spectrum: what is lost are the smallest variances."""

import numpy as np
import pytest

from diabolo.doctor.linear import fitted_pca, squared_errors


@pytest.mark.parametrize("k", [1, 3, 7])
def test_the_error_is_the_sum_of_the_variances_left_out(k):
    rows = np.random.default_rng(0).normal(size=(500, 7)) * np.arange(1, 8) + 3
    variances = np.sort(np.linalg.eigvalsh(np.cov(rows.T, bias=True)))
    error = squared_errors(fitted_pca(rows, k), rows)
    assert error.shape == (500,)
    assert error.mean() == pytest.approx(variances[: 7 - k].sum() / 7, abs=1e-10)


def test_more_components_than_there_can_be():
    rows = np.random.default_rng(0).normal(size=(3, 7))
    assert squared_errors(fitted_pca(rows, 20), rows).max() < 1e-20


def test_wide_rows_give_the_same_twice():
    # wide enough for scikit-learn's random solver
    rows = np.random.default_rng(0).normal(size=(600, 700)).astype(np.float32)
    first, second = (squared_errors(fitted_pca(rows, 5), rows) for _ in range(2))
    assert np.array_equal(first, second)

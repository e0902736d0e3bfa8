"""Dead, always-on and active units, on codes made by hand."""

import numpy as np

from diabolo.doctor.units import active_units, use_of_bounded, use_of_thresholded


def test_bounded_units():
    n = 100
    on_at_times = np.r_[np.full(5, 0.95), np.full(95, 0.01)]
    codes = np.stack([on_at_times, np.full(n, 0.05), np.full(n, 0.99), np.linspace(0, 1, n)], 1)
    # the second keeps to a target of 0.05 by saying nothing
    assert use_of_bounded(codes) == (1, 1, 4)


def test_units_with_a_threshold():
    n = 100
    rare = np.zeros(n)
    rare[3] = -0.2  # top-k keeps negative values, too
    codes = np.stack([rare, np.zeros(n), np.linspace(1, 2, n)], 1)
    assert use_of_thresholded(codes) == (1, 1, 3)


def test_latent_units():
    means = np.random.default_rng(0).normal(size=(10_000, 3)) * [1.0, 0.2, 0.05]
    assert active_units(means) == 2  # variances 1, 0.04, 0.0025

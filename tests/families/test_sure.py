"""Denoising without clean rows: the linear case is known in closed form."""

import numpy as np
import pytest

from diabolo.families import family


def noisy_rows(n, sigma, d=6):
    random = np.random.default_rng(0)
    clean = random.normal(size=(n, 2)) @ random.normal(size=(2, d))
    return clean + sigma * random.normal(size=(n, d)), clean


def test_linear_it_is_the_wiener_filter():
    sigma = 0.6
    noisy, clean = noisy_rows(4000, sigma)
    model = family("SUREAutoencoder")(
        n_components=6, hidden_layer_sizes=(), activation="identity", scaling="none", sigma=sigma,
        random_state=0, n_threads=1, max_epochs=80, early_stopping=False,
        lr=1e-2, weight_decay=0.0,
    ).fit(noisy)  # fmt: skip
    covariance = np.cov(noisy.T)
    wiener = (noisy - noisy.mean(0)) @ np.linalg.solve(
        covariance, covariance - sigma**2 * np.eye(6)
    ) + noisy.mean(0)
    errors = {
        name: np.square(rows - clean).mean()
        for name, rows in {
            "noisy": noisy, "wiener": wiener, "ours": model.reconstruct(noisy)
        }.items()
    }  # fmt: skip
    print(errors)
    assert errors["ours"] == pytest.approx(errors["wiener"], rel=0.05)
    assert errors["wiener"] < 0.5 * errors["noisy"]


def test_without_noise_there_is_nothing_to_remove():
    _, clean = noisy_rows(500, 0.0)
    model = family("SUREAutoencoder")(
        n_components=2, sigma=0.0, random_state=0, n_threads=1, max_epochs=200
    ).fit(clean)
    assert -model.score(clean) < 0.02


def test_only_the_squared_error_has_such_an_estimate():
    model = family("SUREAutoencoder")(likelihood="bernoulli")
    with pytest.raises(ValueError, match="Stein's estimate is of the squared error: pass 'gauss"):
        model.fit(np.eye(4))

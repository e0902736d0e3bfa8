"""Densities of codes against SciPy's; the laws of all priors are in test_priors.py."""

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde, multivariate_normal

from diabolo.parts import densities
from laws import drawn, noise, normal


def test_a_blend_is_scipys():
    prior, z = drawn(lambda: densities.Blend(3, 4)), normal(6, 3, seed=1)
    parts = [
        multivariate_normal(mean, root @ root.T).pdf(z.numpy())
        for mean, root in zip(prior.means.numpy(), prior.roots.numpy(), strict=True)
    ]
    expected = prior.log_weights.exp().numpy() @ np.array(parts)
    np.testing.assert_allclose(prior.log_prob(z).exp().numpy(), expected)


def test_draws_of_a_blend_have_its_moments():
    prior = drawn(lambda: densities.Blend(2, 1))
    z = prior.sample(100_000, noise())
    torch.testing.assert_close(z.mean(0), prior.means[0], atol=0.02, rtol=0)
    torch.testing.assert_close(z.T.cov(), prior.roots[0] @ prior.roots[0].T, atol=0.02, rtol=0)


def test_a_kernel_density_is_scipys(monkeypatch):
    monkeypatch.setattr(densities, "TABLE", 100)  # in pieces
    points, z = normal(30, 3), normal(11, 3, seed=1)
    reference = gaussian_kde(points.numpy().T, bw_method=0.4)
    prior = densities.KernelDensity(3, 30).double()
    prior.points.copy_(points)
    prior.root.copy_(torch.from_numpy(np.linalg.cholesky(reference.covariance)))
    np.testing.assert_allclose(prior.log_prob(z).numpy(), reference.logpdf(z.numpy().T))


def test_the_mean_posterior_is_the_mean():
    prior, z = drawn(lambda: densities.MeanPosterior(3, 5)), normal(6, 3, seed=1)
    parts = [
        multivariate_normal(mean, np.diag(np.exp(logvar))).pdf(z.numpy())
        for mean, logvar in zip(prior.means.numpy(), prior.logvars.numpy(), strict=True)
    ]
    np.testing.assert_allclose(prior.log_prob(z).exp().numpy(), np.mean(parts, 0))


@pytest.mark.parametrize("kind", [densities.Blend, densities.KernelDensity])
def test_at_temperature_zero_only_the_centres_are_drawn(kind):
    prior = drawn(lambda: kind(3, 4))
    centres = prior.means if kind is densities.Blend else prior.points
    z = prior.sample(50, noise(), temperature=0.0)
    assert (torch.cdist(z, centres).min(1).values == 0).all()


@pytest.mark.parametrize(
    "kind", [densities.Blend, densities.KernelDensity, densities.MeanPosterior]
)
def test_a_density_of_nothing_is_refused(kind):
    with pytest.raises(ValueError, match="count=0 leaves no component to draw from"):
        kind(3, 0)

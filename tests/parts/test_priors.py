"""Priors: density, draws and divergence belong to the same law."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from diabolo.parts import priors
from laws import PRIORS, noise, normal, uniform

every_prior = pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)


@every_prior
def test_its_density_integrates_to_one(make):
    """By importance sampling from a wider normal."""
    prior = make()
    z = 2 * normal(200_000, prior.dim)
    wider = multivariate_normal(np.zeros(prior.dim), 4 * np.eye(prior.dim)).logpdf(z.numpy())
    assert np.exp(prior.log_prob(z).numpy() - wider).mean() == pytest.approx(1, abs=0.01)


@every_prior
def test_its_draws_follow_its_density(make):
    """E[p(z)] over draws is ∫p², which importance sampling gives, too."""
    prior = make()
    seen = prior.log_prob(prior.sample(200_000, noise()).double()).exp().mean().item()
    z = 2 * normal(200_000, prior.dim, seed=1)
    wider = multivariate_normal(np.zeros(prior.dim), 4 * np.eye(prior.dim)).logpdf(z.numpy())
    wanted = np.exp(2 * prior.log_prob(z).numpy() - wider).mean()
    assert seen == pytest.approx(wanted, rel=0.02)


@every_prior
def test_it_keeps_leading_dimensions(make):
    prior = make()
    z = normal(4, 5, prior.dim)
    torch.testing.assert_close(prior.log_prob(z)[2, 3], prior.log_prob(z[2, 3]))
    assert prior.log_prob(z).shape == (4, 5)


def test_the_standard_normal_is_as_far_as_torch_says():
    prior = priors.StandardNormal(3)
    mu, logvar = normal(6, prior.dim), 4 * uniform(6, prior.dim) - 2
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    wanted = torch.distributions.kl_divergence(q, p).sum(1)
    torch.testing.assert_close(prior.divergence(mu, logvar), wanted)


def test_standard_normal_is_scipys():
    z = normal(5, 3)
    wanted = multivariate_normal(np.zeros(3)).logpdf(z.numpy())
    np.testing.assert_allclose(priors.StandardNormal(3).log_prob(z).numpy(), wanted)

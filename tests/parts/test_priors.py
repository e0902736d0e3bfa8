"""Priors: density, draws and divergence belong to the same law."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from diabolo.parts import codes, networks, priors
from diabolo.parts.spec import initialise
from laws import PRIORS, drawn, met, noise, normal, uniform

every_prior = pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)


@torch.no_grad()
@every_prior
def test_its_density_integrates_to_one(make):
    """By importance sampling from a wider normal."""
    prior = drawn(make)
    z = 2 * normal(200_000, prior.dim)
    wider = multivariate_normal(np.zeros(prior.dim), 4 * np.eye(prior.dim)).logpdf(z.numpy())
    assert np.exp(prior.log_prob(z).numpy() - wider).mean() == pytest.approx(1, abs=0.01)


@torch.no_grad()
@every_prior
def test_its_draws_follow_its_density(make):
    """E[p(z)] over draws is ∫p², which importance sampling gives, too."""
    prior = drawn(make)
    seen = prior.log_prob(prior.sample(200_000, noise()).double()).exp().mean().item()
    z = 2 * normal(200_000, prior.dim, seed=1)
    wider = multivariate_normal(np.zeros(prior.dim), 4 * np.eye(prior.dim)).logpdf(z.numpy())
    wanted = np.exp(2 * prior.log_prob(z).numpy() - wider).mean()
    assert seen == pytest.approx(wanted, rel=0.02)


@every_prior
def test_it_keeps_leading_dimensions(make):
    prior = drawn(make)
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


@pytest.mark.parametrize("name", ["mixture", "pseudo-inputs"])
def test_a_mixture_is_scipys(name):
    prior, z = drawn(PRIORS[name]), normal(5, 3)
    with torch.no_grad():
        mu, logvar, log_weight = (value.numpy() for value in prior.components())
        found = prior.log_prob(z).numpy()
    parts = [
        multivariate_normal(m, np.diag(np.exp(v))).pdf(z.numpy())
        for m, v in zip(mu, logvar, strict=True)
    ]
    np.testing.assert_allclose(np.exp(found), np.exp(log_weight) @ np.array(parts))


def test_a_mixture_keeps_its_digits_far_from_the_origin():
    """In float32, where squares of coordinates near 1000 would leave nothing of a spread of 1."""
    prior = drawn(lambda: priors.Mixture(3, 4)).float()
    z = normal(50, 3).float()
    with torch.no_grad():
        near = prior.log_prob(z)
        prior.means.add_(1024.0)
        torch.testing.assert_close(prior.log_prob(z + 1024.0), near, atol=5e-3, rtol=0)


def test_what_a_draw_costs_is_the_divergence_on_average():
    """A mixture of one component is a Gaussian, whose divergence has a closed form."""
    prior = drawn(lambda: priors.Mixture(3, 1))
    mu, logvar = normal(1, 3), normal(1, 3, seed=1)
    draws = mu + (0.5 * logvar).exp() * normal(100_000, 3, seed=2)
    with torch.no_grad():
        centre, spread, _ = prior.components()
        costs = prior.divergence(mu, logvar, draws)
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = torch.distributions.Normal(centre, (0.5 * spread).exp())
    wanted = torch.distributions.kl_divergence(q, p).sum().item()
    assert costs.mean().item() == pytest.approx(wanted, abs=4 * costs.std().item() / 100_000**0.5)


def test_pseudo_inputs_prior_is_the_mean_posterior_of_its_inputs():
    code = met(codes.Gaussian(3, prior=priors.VampPrior(3, 5, 4)))
    code.double()
    initialise(code, noise())
    z, prior = normal(6, 3), code.prior
    with torch.no_grad():
        mu, logvar = code.posterior(prior.encoder(prior.pseudo))
        of_each = torch.stack([priors.log_normal(z, m, v) for m, v in zip(mu, logvar, strict=True)])
        torch.testing.assert_close(prior.log_prob(z).exp(), of_each.exp().mean(0))


def test_pseudo_inputs_carry_a_context():
    encoder = drawn(lambda: networks.Dense((5, 6), context=2))
    code = codes.Gaussian(3, prior=priors.VampPrior(3, 5, 4, context=2)).double()
    initialise(code, noise())
    code.meet(encoder)
    with torch.no_grad():
        mu, _, _ = code.prior.components()
        pseudo = code.prior.pseudo
        torch.testing.assert_close(mu, encoder(pseudo[:, :5], pseudo[:, 5:])[:, :3])


@pytest.mark.parametrize("make", [lambda: priors.Mixture(3, 0), lambda: priors.VampPrior(3, 5, 0)])
def test_a_prior_of_nothing_is_refused(make):
    with pytest.raises(ValueError, match="count=0 leaves no component to draw from"):
        make()

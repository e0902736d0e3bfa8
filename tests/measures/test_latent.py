"""Measures of the latent space: closed forms, and what each must see."""

import math

import numpy as np
import pytest
import torch

from diabolo.families import family
from diabolo.measures.latent import evidence, prior_gap, unit_prices
from diabolo.parts.priors import log_normal


@pytest.fixture(scope="module")
def data():
    return np.random.default_rng(0).normal(size=(400, 3)) @ np.diag([3.0, 1.0, 0.2])


@pytest.fixture(scope="module")
def vae(data):
    return family("VariationalAutoencoder")(n_components=3, max_epochs=25, random_state=0).fit(data)


def moments(model, X):
    x = model.columns_.scaled(torch.from_numpy(X))
    with torch.no_grad():
        return x, *model.module_.code.posterior(model.module_.encoder(x))


def test_prices_are_torchs_divergence(vae, data):
    _, mu, logvar = moments(vae, data)
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    wanted = torch.distributions.kl_divergence(q, p).mean(0)
    found = unit_prices(vae, data)
    np.testing.assert_allclose(found.nats, wanted, rtol=1e-4)
    assert found.active == (mu.var(0, correction=0) > 0.01).sum()
    assert found.n_rows == 400


def test_the_terms_add_up_to_the_bound(vae, data):
    found = evidence(vae, data, n_draws=20, random_state=0)
    assert found.elbo == pytest.approx(-found.reconstruction - found.rate)
    assert found.rate == pytest.approx(unit_prices(vae, data).nats.sum(), rel=1e-4)
    assert found.rate == pytest.approx(found.information + found.gap)
    assert 0 < found.information < math.log(400)
    by_weights = vae.log_likelihood(data, 1, random_state=1)  # one draw: the bound itself
    assert found.elbo == pytest.approx(by_weights.mean, abs=4 * by_weights.standard_error)
    assert found.elbo < vae.log_likelihood(data, 50, random_state=1).mean


def test_the_gap_is_what_the_mean_posterior_lacks(vae, data):
    """KL(q(z) ‖ p(z)) by drawing from the mixture itself."""
    _, mu, logvar = moments(vae, data)
    generator = torch.Generator().manual_seed(0)
    which = torch.randint(len(mu), (4000,), generator=generator)
    noise = torch.empty(4000, 3).normal_(generator=generator)
    z = mu[which] + (0.5 * logvar[which]).exp() * noise
    log_q = torch.stack([log_normal(z, m, v) for m, v in zip(mu, logvar, strict=True)])
    log_q = log_q.logsumexp(0) - math.log(len(mu))
    log_p = -0.5 * (z * z + math.log(2 * math.pi)).sum(1)
    difference = log_q - log_p
    found = evidence(vae, data, random_state=0).gap
    assert found == pytest.approx(difference.mean().item(), abs=0.15)


def test_codes_that_fill_the_prior_are_not_told_apart(vae, data):
    """A prior of the very codes leaves no gap, one far off a wide one."""
    vae.fit_prior(data, "vamp", most=400)
    own, far = (prior_gap(vae, data, prior=p) for p in (None, Shifted(3)))
    assert abs(own.mmd) < 4 * own.standard_error
    assert own.two_sample.p_value > 0.001
    assert far.mmd > 20 * own.standard_error
    assert far.two_sample.accuracy > 0.95
    assert (own.prior, own.n_rows, own.blocks) == ("MeanPosterior", 400, 10)


class Shifted:
    def __init__(self, dim):
        self.dim = dim

    def sample(self, n, generator):
        return 5 + torch.empty(n, self.dim).normal_(generator=generator)


def test_a_plain_autoencoder_with_a_prior_fitted(data):
    model = family("Autoencoder")(n_components=2, max_epochs=3, random_state=0).fit(data)
    with pytest.raises(ValueError, match="no prior to draw codes from"):
        prior_gap(model, data)
    model.fit_prior(data, "kernel")
    fitted, normal = (prior_gap(model, data, prior=p) for p in (None, "normal"))
    assert fitted.mmd < normal.mmd
    assert fitted.two_sample.accuracy < 0.65


def test_other_posteriors(data):
    mixture = family("MixtureVAE")(n_components=2, max_epochs=2, random_state=0).fit(data)
    with pytest.raises(ValueError, match="a prior of kind Mixture has no price by unit"):
        unit_prices(mixture, data)
    assert np.isfinite(evidence(mixture, data, random_state=0)).all()
    two = family("HierarchicalVAE")(n_components=2, max_epochs=2, random_state=0).fit(data)
    found = evidence(two, data, random_state=0)
    assert math.isnan(found.information)
    assert math.isfinite(found.elbo)


def test_bad_input_is_one_sentence(vae, data):
    plain = family("Autoencoder")(max_epochs=1, random_state=0).fit(data)
    for call in (evidence, unit_prices):
        with pytest.raises(ValueError, match="Autoencoder has no posterior"):
            call(plain, data)
    with pytest.raises(ValueError, match="n_draws=0 must be at least 1"):
        evidence(vae, data, n_draws=0)
    with pytest.raises(ValueError, match="3 rows are too few"):
        prior_gap(vae, data[:3], prior="own")

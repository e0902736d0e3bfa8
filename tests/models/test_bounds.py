"""Bounds on log p(x) against exact integrals; `tests/uses/test_verify.py` proves their order."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import multivariate_normal, norm

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.bounds import (
    ImportanceWeighted,
    importance_weights,
    log_likelihood,
    summary,
)
from diabolo.parts import codes, likelihoods, networks, priors
from laws import MODELS, drawn, greys, noise, normal

LATE = torch.tensor(1e9)


def model(units=1, likelihood=None, context=0, hidden=()):
    likelihood = likelihood or likelihoods.Bernoulli()
    vae = drawn(
        lambda: AutoencoderModule(
            networks.Dense((3, *hidden, 2 * units), context=context),
            codes.Gaussian(units),
            networks.Dense((units, *hidden, likelihood.outputs(3)), context=context),
            likelihood,
        )
    )
    with torch.no_grad():  # nearer to the prior: a bad q needs millions of draws
        vae.encoder.layers[-1].weight.mul_(0.3)
    return vae


def integrated(model, row):
    """log ∫ p(x|z) p(z) dz over a code of one unit."""
    weight, bias = (p.detach().numpy() for p in model.decoder.parameters())

    def joint(z):
        p = expit(weight[:, 0] * z + bias)
        return np.prod(np.where(row == 1, p, 1 - p)) * norm.pdf(z)

    return math.log(quad(joint, -12, 12)[0])


def test_many_draws_reach_the_integral():
    vae, x = model(), greys(5, 3, levels=2)
    estimate = log_likelihood(vae, x, 100_000, noise())
    wanted = [integrated(vae, row) for row in x.numpy()]
    np.testing.assert_allclose(estimate.numpy(), wanted, atol=0.005)


def test_one_draw_is_the_loss_on_average():
    vae, x = model(units=2), greys(5, 3, levels=2)
    bound = log_likelihood(vae, x.repeat(20_000, 1), 1, noise()).view(20_000, 5).mean(0)
    loss = torch.stack([-vae(Example(row.repeat(20_000, 1)), LATE, noise())["loss"] for row in x])
    torch.testing.assert_close(bound, loss.detach(), atol=0.02, rtol=0)


def test_weights_average_to_the_likelihood():
    """E_q[p(x|z) p(z) / q(z|x)] = p(x) for any encoder."""
    vae, x = model(), greys(2, 3, levels=2)
    with torch.no_grad():
        weights = importance_weights(vae, x, 100_000, noise()).exp()
    error = weights.std(1) / math.sqrt(100_000)
    wanted = torch.tensor([math.exp(integrated(vae, row)) for row in x.numpy()]).double()
    assert ((weights.mean(1) - wanted).abs() < 4 * error).all()


@pytest.mark.parametrize("budget", [48, 96, 480, 2**22])
def test_pieces_are_the_whole(budget):
    """One row and pieces of whole multiples of 16 numbers: the noise is the same then."""
    vae, x = model(units=2, hidden=(6,)), greys(1, 3, levels=2)
    whole = log_likelihood(vae, x, 160, noise())
    torch.testing.assert_close(log_likelihood(vae, x, 160, noise(), budget=budget), whole)


@pytest.mark.parametrize("budget", [1, 7, 100, 1000])
def test_pieces_keep_the_budget_whatever_is_widest(budget):
    vae, x = model(units=2, hidden=(40, 5)), greys(4, 3, levels=2)
    rows, numbers = [], []
    vae.decoder.register_forward_hook(lambda m, i, out: rows.append(len(out)))
    vae.decoder.layers[0].register_forward_hook(lambda m, i, out: numbers.append(out.numel()))
    log_likelihood(vae, x, 11, noise(), budget=budget)
    assert max(numbers) <= max(budget, 4 * 40)  # one draw of every row there has to be
    assert sum(rows) == 4 * 11 + 1  # every draw once, and the one that measured the width


def test_context_stays_with_its_row():
    vae, x = model(units=1, context=2), greys(3, 3, levels=2)
    context = 3 * normal(3, 2)
    together = log_likelihood(vae, x, 50_000, noise(), context)
    for row in range(3):
        alone = log_likelihood(vae, x[row : row + 1], 50_000, noise(1), context[row : row + 1])
        assert together[row].item() == pytest.approx(alone.item(), abs=0.02)


def test_rows_keep_their_precision_and_stay_finite():
    vae = model(likelihood=likelihoods.Gaussian(scale=0.01))
    rows = log_likelihood(vae, normal(4, 3), 5, noise())
    assert rows.dtype == torch.float64
    assert torch.isfinite(rows).all()  # thousands of nats below 0: only as logarithms


def test_codes_without_a_posterior_are_refused():
    with pytest.raises(
        TypeError, match="need a code that is drawn from a posterior, not Deterministic"
    ):
        log_likelihood(drawn(MODELS["plain"]), normal(3, 6), 5, noise())


def test_summary_is_mean_and_standard_error():
    rows = normal(50)
    result = summary(rows, 7)
    assert result.mean == pytest.approx(rows.numpy().mean())
    assert result.standard_error == pytest.approx(rows.numpy().std(ddof=1) / np.sqrt(50))
    assert result.n_samples == 7
    assert torch.equal(result.rows, rows)
    assert math.isnan(summary(rows[:1], 7).standard_error)


# every kind of drawn code


DRAWN = {name: make for name, make in MODELS.items() if make().is_variational}


@torch.no_grad()
@pytest.mark.parametrize("make", DRAWN.values(), ids=DRAWN)
def test_more_draws_are_a_tighter_bound(make):
    vae = drawn(make)
    x = greys(4, 6, levels=2).repeat(500, 1)
    loose, middle, tight = (log_likelihood(vae, x, k, noise(k)) for k in (1, 5, 50))
    assert loose.mean() < middle.mean() < tight.mean()
    terms = vae(Example(x), LATE, noise())
    elbo = -(terms["reconstruction"] + terms["rate"]).item()
    assert loose.mean().item() == pytest.approx(elbo, abs=6 * loose.std().item() / 2000**0.5)


def linear(code):
    """A linear Gaussian decoder of a code of two units, and weights that are not at odds."""
    vae = drawn(
        lambda: AutoencoderModule(
            networks.Dense((3, 4)), code, networks.Dense((2, 3)), likelihoods.Gaussian(scale=0.8)
        )
    )
    with torch.no_grad():
        vae.encoder.layers[0].weight.mul_(0.3)
        vae.encoder.layers[0].bias[2:] = 0.7  # wide enough to reach all of the prior
    return vae


def hierarchy():
    code = codes.Hierarchical(2, networks.Dense((2, 2)), codes.Gaussian(1), networks.Dense((1, 4)))
    vae = linear(code)
    with torch.no_grad():  # a spread that does not depend on u keeps z a Gaussian
        code.down.layers[0].weight.div_(codes.BEGINNING)
        code.down.layers[0].weight[2:] = 0
    return vae


def components_of(code):
    """p(z) as a mixture: weights, means, covariances."""
    if isinstance(code, codes.Hierarchical):
        weight, bias = (codes.BEGINNING * p.detach().numpy() for p in code.down.parameters())
        spread = np.exp(code.bound * np.tanh(bias[2:] / code.bound))
        return [(1.0, bias[:2], weight[:2] @ weight[:2].T + np.diag(spread))]
    with torch.no_grad():
        mu, logvar, log_weight = (value.numpy() for value in code.prior.components())
    covariances = [np.diag(np.exp(v)) for v in logvar]
    return list(zip(np.exp(log_weight), mu, covariances, strict=True))


LINEAR = {
    "mixture": lambda: linear(codes.Gaussian(2, prior=priors.Mixture(2, 3))),
    "pseudo-inputs": lambda: linear(codes.Gaussian(2, prior=priors.VampPrior(2, 3, 4))),
    "two latents": hierarchy,
}


@pytest.mark.parametrize("make", LINEAR.values(), ids=LINEAR)
def test_bounds_stay_below_the_exact_likelihood_and_reach_it(make):
    vae, x = make(), normal(4, 3)
    weight, bias = (p.detach().numpy() for p in vae.decoder.parameters())
    density = 0.0
    for share, mean, spread in components_of(vae.code):
        covariance = weight @ spread @ weight.T + 0.64 * np.eye(3)
        density += share * multivariate_normal(weight @ mean + bias, covariance).pdf(x)
    exact = np.log(density)
    bounds = [log_likelihood(vae, x.repeat(500, 1), k, noise(k)).mean().item() for k in (1, 5, 50)]
    assert bounds == sorted(bounds)
    assert bounds[-1] < exact.mean()
    many = log_likelihood(vae, x, 50_000, noise())
    np.testing.assert_allclose(many.numpy(), exact, atol=0.04)


# the importance-weighted objective


def test_importance_weighted_loss_and_gradient_are_those_of_a_double_loop():
    vae, x, k = model(units=2), greys(4, 3, levels=2), 3
    parameters = list(vae.parameters())
    loss = ImportanceWeighted(vae, k)(Example(x), LATE, noise(1))["loss"]
    gradients = torch.autograd.grad(loss, parameters)

    eps = torch.empty(4 * k, 2, dtype=torch.float64).normal_(generator=noise(1)).view(4, k, 2)
    total = 0.0
    for row in range(4):
        mu, logvar = vae.code.posterior(vae.encoder(x[row : row + 1]))
        q = torch.distributions.Normal(mu[0], (0.5 * logvar[0]).exp())
        weights = 0.0
        for draw in range(k):
            z = q.loc + q.scale * eps[row, draw]
            coins = torch.distributions.Bernoulli(logits=vae.decoder(z[None])[0])
            log_p = (
                coins.log_prob(x[row]).sum() + torch.distributions.Normal(0, 1).log_prob(z).sum()
            )
            weights = weights + torch.exp(log_p - q.log_prob(z).sum())
        total = total - torch.log(weights / k) / 4
    torch.testing.assert_close(loss, total)
    wanted = torch.autograd.grad(total, parameters)
    for found, right in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(found, right)


def test_one_importance_sample_is_the_variational_loss_on_average():
    vae, x = model(units=2), greys(5, 3, levels=2).repeat(20_000, 1)
    parameters = list(vae.parameters())
    one = ImportanceWeighted(vae, 1)(Example(x), LATE, noise())["loss"]
    plain = vae(Example(x), LATE, noise(1))["loss"]
    torch.testing.assert_close(one, plain, atol=0.01, rtol=0)
    for found, right in zip(
        torch.autograd.grad(one, parameters), torch.autograd.grad(plain, parameters), strict=True
    ):
        torch.testing.assert_close(found, right, atol=0.02, rtol=0)


def test_importance_weighted_terms_are_the_looser_bound_and_warm_up():
    vae, x = model(units=2), greys(5, 3, levels=2)
    terms = ImportanceWeighted(vae, 7)(Example(x), LATE, noise())
    assert terms["loss"] < terms["reconstruction"] + terms["rate"]
    vae.warmup = 10.0
    cold = ImportanceWeighted(vae, 1)(Example(x), torch.tensor(0.0), noise())
    torch.testing.assert_close(cold["loss"], cold["reconstruction"])


def test_importance_weighted_refuses_a_code_that_is_not_drawn():
    with pytest.raises(TypeError, match="need a code that is drawn from a posterior"):
        ImportanceWeighted(drawn(MODELS["plain"]), 5)(Example(normal(3, 6)), LATE, noise())

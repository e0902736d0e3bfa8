"""Codes: what reaches the encoder, what a code costs, which units are kept."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from diabolo.parts import codes
from diabolo.parts.activations import ACTIVATIONS
from laws import CODES, drawn, noise, normal

every_code = pytest.mark.parametrize("make", CODES.values(), ids=CODES)


@every_code
def test_it_takes_and_gives_what_it_declares(make):
    code = drawn(make)
    z, rate, aux = code(normal(7, code.inputs), noise())
    assert z.shape == (7, code.dim)
    assert rate.shape == (7,)
    assert all(term.shape == () for term in aux.values())


@every_code
def test_the_gradient_reaches_every_number_of_the_encoder(make):
    code = drawn(make)
    h = normal(50, code.inputs).requires_grad_()
    z, rate, _ = code(h, noise())
    (gradient,) = torch.autograd.grad(z.square().sum() + rate.sum(), h)
    assert (gradient != 0).any(0).all()


@every_code
def test_its_mean_is_the_mean_of_its_draws(make):
    code = drawn(make)
    h = normal(3, code.inputs)
    draws = code(h.repeat(4000, 1), noise()).z.unflatten(0, (4000, 3))
    error = draws.std(0) / 4000**0.5
    assert ((draws.mean(0) - code.mean(h)).abs() <= 4.5 * error + 1e-12).all()


@every_code
def test_its_mean_is_the_same_twice_and_for_a_row_alone(make):
    code = drawn(make)
    h = normal(6, code.inputs)
    assert torch.equal(code.mean(h), code.mean(h))
    torch.testing.assert_close(code.mean(h)[2:3], code.mean(h[2:3]))


@every_code
def test_its_rate_is_no_income(make):
    code = drawn(make)
    assert (code(normal(100, code.inputs), noise()).rate >= 0).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_deterministic_slope_is_its_derivative(activation):
    code = codes.Deterministic(4, activation)
    h = normal(5, 4).requires_grad_()
    (derivative,) = torch.autograd.grad(code.mean(h).sum(), h)
    torch.testing.assert_close(code.slope(h.detach()), derivative)


def test_top_k_keeps_the_largest_units_and_sends_the_gradient_through_them():
    code = codes.TopK(6, 2)
    h = normal(40, 6).requires_grad_()
    z = code(h, None).z
    kept = np.sort(np.argsort(h.detach().numpy(), axis=1)[:, -2:], axis=1)
    np.testing.assert_array_equal(z.detach().nonzero()[:, 1].reshape(40, 2).numpy(), kept)
    (gradient,) = torch.autograd.grad(z.sum(), h)
    support = torch.zeros(40, 6, dtype=torch.float64).scatter_(1, torch.from_numpy(kept), 1.0)
    assert torch.equal(gradient, support)
    assert torch.equal(z.detach(), h.detach() * support)


def test_top_k_of_all_units_changes_nothing():
    h = normal(5, 6)
    assert torch.equal(codes.TopK(6, 6).mean(h), h)


def test_gaussian_draws_follow_the_posterior_that_the_rate_pays_for():
    code = codes.Gaussian(3)
    h = normal(2, 6)
    mu, logvar = code.posterior(h)
    draws = code(h.repeat(20_000, 1), noise()).z.unflatten(0, (20_000, 2)).numpy()
    deviation = np.exp(0.5 * logvar.numpy())
    np.testing.assert_allclose(draws.std(0), deviation, rtol=0.03)
    ratios = norm.logpdf(draws, mu.numpy(), deviation) - norm.logpdf(draws)
    ratios = ratios.sum(2)
    error = ratios.std(0) / np.sqrt(len(ratios))
    assert (np.abs(ratios.mean(0) - code(h, noise()).rate.numpy()) < 4 * error).all()


def test_gaussian_is_free_exactly_where_it_says_nothing():
    assert torch.equal(codes.Gaussian(3)(torch.zeros(4, 6), noise()).rate, torch.zeros(4))


@pytest.mark.parametrize("extreme", [1e4, -1e4, 1e30, -1e30])
def test_gaussian_survives_any_log_variance_in_float32(extreme):
    code = codes.Gaussian(2)
    h = torch.tensor([[0.5, -0.5, extreme, extreme]], requires_grad=True)
    z, rate, _ = code(h, noise())
    (gradient,) = torch.autograd.grad(z.sum() + rate.sum(), h)
    assert all(torch.isfinite(value).all() for value in (z, rate, gradient))


def test_gaussian_hardly_bends_ordinary_log_variances():
    code = codes.Gaussian(1)
    wanted = torch.linspace(-4, 4, 50, dtype=torch.float64)[:, None]
    _, logvar = code.posterior(torch.cat([wanted, wanted], 1))
    assert (logvar - wanted).abs().max() < 0.15

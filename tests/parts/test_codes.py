"""Codes: what reaches the encoder, what a code costs, which units are kept."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from diabolo.parts import codes, networks, priors
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.spec import initialise
from laws import CODES, drawn, noise, normal

# what these draw depends on other rows, or leaves units out
UNBIASED = {n: m for n, m in CODES.items() if n not in ("top-k of a batch", "nested")}
every_code = pytest.mark.parametrize("make", CODES.values(), ids=CODES)


@every_code
def test_it_takes_and_gives_what_it_declares(make):
    code = drawn(make)
    z, rate, aux = code(normal(7, code.inputs), noise())
    assert z.shape == (7, code.dim)
    assert rate.shape == (7,)
    assert all(term.shape == () for term in aux.values())


@torch.no_grad()
@every_code
def test_rounding_gives_codes_and_leaves_codes_as_they_are(make):
    code = drawn(make).eval()
    codes = code.mean(normal(50, code.inputs))
    torch.testing.assert_close(code.rounded(codes), codes)
    once = code.rounded(2 * normal(50, code.dim))
    torch.testing.assert_close(code.rounded(once), once)
    if len(codes.unique(dim=0)) < 50:  # there are few codes
        assert set(once[:, 0].tolist()) <= set(
            code.mean(5 * normal(2000, code.inputs))[:, 0].tolist()
        )


@every_code
def test_the_gradient_reaches_every_number_of_the_encoder(make):
    code = drawn(make)
    h = normal(50, code.inputs).requires_grad_()
    z, rate, _ = code(h, noise())
    (gradient,) = torch.autograd.grad(z.square().sum() + rate.sum(), h)
    assert (gradient != 0).any(0).all()


@pytest.mark.parametrize("make", UNBIASED.values(), ids=UNBIASED)
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
    """On average over draws, where it is paid by the draw."""
    code = drawn(make)
    rate = code(normal(30, code.inputs).repeat(2000, 1), noise()).rate.unflatten(0, (2000, 30))
    assert (rate.mean(0) >= -4 * rate.std(0) / 2000**0.5).all()


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


def test_a_prior_of_another_width_is_refused():
    with pytest.raises(ValueError, match="a prior of 2 units is none of 3"):
        codes.Gaussian(3, prior=priors.StandardNormal(2))


DRAWN = {name: make for name, make in CODES.items() if hasattr(make(), "weigh")}


@torch.no_grad()
@pytest.mark.parametrize("make", DRAWN.values(), ids=DRAWN)
def test_the_rate_is_the_mean_ratio_of_posterior_and_prior(make):
    code = drawn(make)
    h = normal(2, code.inputs).repeat(20_000, 1)
    rate = code(h, noise()).rate.unflatten(0, (20_000, 2))
    _, log_p, log_q = code.weigh(h, noise(1))
    ratio = (log_q - log_p).unflatten(0, (20_000, 2))
    error = (rate.var(0) + ratio.var(0)).sqrt() / 20_000**0.5
    assert ((rate.mean(0) - ratio.mean(0)).abs() < 4 * error + 1e-12).all()


@torch.no_grad()
@pytest.mark.parametrize("make", DRAWN.values(), ids=DRAWN)
def test_weights_average_to_one(make):
    """E_q[p(z) / q(z|x)] = 1 for all latents together, where q reaches wherever p does."""
    code = drawn(make)
    mu, logvar = torch.zeros(1, code.dim), torch.ones(1, code.dim)
    h = torch.cat([mu, logvar], 1).double().repeat(200_000, 1)
    _, log_p, log_q = code.weigh(h, noise())
    weights = (log_p - log_q).exp()
    assert weights.mean().item() == pytest.approx(1, abs=5 * weights.std().item() / 200_000**0.5)


def linear_hierarchy(chain):
    """z = (1), u = (1), all maps affine: p(z) is N(b, w² + s²)."""
    code = codes.Hierarchical(
        1, networks.Dense((1, 2)), codes.Gaussian(1), networks.Dense((1, 2))
    ).double()
    initialise(code, noise())
    counts = 1.0, codes.BEGINNING
    with torch.no_grad():
        for network, (weight, bias), count in zip((code.up, code.down), chain, counts, strict=True):
            network.layers[0].weight.copy_(torch.tensor(weight)[:, None] / count)
            network.layers[0].bias.copy_(torch.tensor(bias) / count)
    return code


@torch.no_grad()
def test_a_hierarchy_draws_from_the_top_down():
    code = linear_hierarchy((([0.4, 0.0], [0.1, -0.3]), ([1.5, 0.0], [0.7, -1.0])))
    draws = code.prior.sample(100_000, noise())
    assert draws.shape == (100_000, 1)
    assert draws.mean().item() == pytest.approx(0.7, abs=0.03)
    spread = 12 * np.tanh(-1 / 12)
    assert draws.var().item() == pytest.approx(1.5**2 + np.exp(spread), rel=0.02)


@torch.no_grad()
def test_rates_of_a_hierarchy_add_up_to_the_divergence_of_all_latents():
    """Affine maps make q(z, u) and p(z, u) Gaussians, whose divergence torch knows."""
    code = linear_hierarchy((([0.4, 0.0], [0.1, -0.3]), ([1.5, 0.0], [0.7, -1.0])))
    h = torch.tensor([[0.3, -0.5]]).double()

    def gaussian(first, slope, second, variances):
        """Of v ~ N(first, ·), w = slope v + second + noise, as (v, w)."""
        a, b = variances
        mean = torch.tensor([first, slope * first + second])
        covariance = torch.tensor([[a, slope * a], [slope * a, slope**2 * a + b]])
        return mean, covariance

    var = {v: float(np.exp(12 * np.tanh(v / 12))) for v in (-0.5, -0.3, -1.0)}
    q = torch.distributions.MultivariateNormal(*gaussian(0.3, 0.4, 0.1, (var[-0.5], var[-0.3])))
    mean, covariance = gaussian(0.0, 1.5, 0.7, (1.0, var[-1.0]))  # (u, z)
    p = torch.distributions.MultivariateNormal(mean.flip(0), covariance.flip(0, 1))
    wanted = torch.distributions.kl_divergence(q, p).item()
    rate = code(h.repeat(200_000, 1), noise()).rate
    assert rate.mean().item() == pytest.approx(wanted, abs=4 * rate.std().item() / 200_000**0.5)


def test_a_hierarchy_whose_levels_do_not_meet_is_refused():
    with pytest.raises(ValueError, match="a level of the hierarchy gives 3 where 4 fit"):
        codes.Hierarchical(3, networks.Dense((3, 3)), codes.Gaussian(2), networks.Dense((2, 6)))


def test_top_k_keeps_one_unit_at_least_and_no_more_than_there_are():
    assert codes.TopK(4, 1).rounded(torch.tensor([[1.0, -3.0, 2.0, 0.0]])).tolist() == [
        [0.0, -3.0, 0.0, 0.0]
    ]
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"k={k} units cannot be kept of 4."):
            codes.TopK(4, k)


def test_a_matched_code_hands_encoder_and_itself_to_its_prior():
    met = []

    class Curious(priors.StandardNormal):
        def meet(self, encoder, code):
            met.append((encoder, code))

    encoder = networks.Dense((3, 2))
    code = codes.Matched(2, prior=Curious(2))
    code.meet(encoder)
    assert met == [(encoder, code)]


def test_an_anchored_code_is_the_mean_of_its_places():
    code = codes.Anchored(2, 3, sharpness=2.0)
    code.places.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]]))
    h = torch.log(torch.tensor([[0.6, 0.2, 0.2], [1e-9, 1.0, 1e-9]]))
    # to the power of 2: 0.36, 0.04, 0.04 of 0.44
    wanted = torch.tensor([[1 / 11, 4 / 11], [1.0, 0.0]])
    torch.testing.assert_close(code.mean(h), wanted, atol=1e-6, rtol=0)
    assert code.inputs == 3
    assert code(h, None).rate.tolist() == [0, 0]


def test_anchors_are_somewhere_before_they_are_known():
    first, again = codes.Anchored(2, 5), codes.Anchored(2, 5)
    for code in (first, again):
        code.initialise(noise())
    assert torch.equal(first.places, again.places)
    assert len(first.places.unique(dim=0)) == 5

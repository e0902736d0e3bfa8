"""Likelihoods: each is normalised, and its mean and its draws are those of its density."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import bernoulli, laplace, logistic, norm
from torch.distributions import Categorical

from diabolo.parts import likelihoods
from laws import LIKELIHOODS, drawn, greys, noise, normal, uniform

every_likelihood = pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS)

DISCRETE = {
    name: make
    for name, make in LIKELIHOODS.items()
    if not isinstance(make(), likelihoods.Gaussian | likelihoods.Laplace)
}
CONTINUOUS = {name: make for name, make in LIKELIHOODS.items() if name not in DISCRETE}


def levels_of(likelihood):
    return getattr(likelihood, "levels", 2)


def is_integrated(likelihood):
    """Whether its mean is an integral in place of a sum, right to a fraction of a grey."""
    return isinstance(likelihood, likelihoods.DiscretisedLogistic) and likelihood.levels == 256


def outputs(likelihood, n=4, d=3, seed=0):
    return 2 * normal(n, likelihood.outputs(d), seed=seed)


def density(likelihood, value, out):
    """p(value) of every entry."""
    x = torch.full((len(out), out.shape[1] // likelihood.per_entry), value, dtype=out.dtype)
    return likelihood.log_prob(x, out).exp()


@pytest.mark.parametrize("make", DISCRETE.values(), ids=DISCRETE)
def test_the_masses_of_all_levels_sum_to_one(make):
    likelihood = drawn(make)
    out, count = outputs(likelihood), levels_of(likelihood)
    total = sum(density(likelihood, level / (count - 1), out) for level in range(count))
    torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("make", CONTINUOUS.values(), ids=CONTINUOUS)
def test_the_density_integrates_to_one(make):
    likelihood = drawn(make)
    out = outputs(likelihood, n=1, d=1)
    area, _ = quad(lambda v: density(likelihood, v, out).item(), -60, 60, points=[0, 1], limit=200)
    assert area == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("make", DISCRETE.values(), ids=DISCRETE)
def test_the_mean_is_the_masses_own(make):
    likelihood = drawn(make)
    out, count = outputs(likelihood), levels_of(likelihood)
    values = [level / (count - 1) for level in range(count)]
    wanted = sum(value * density(likelihood, value, out) for value in values)
    close = 0.03 / 255 if is_integrated(likelihood) else 1e-12
    assert (likelihood.mean(out) - wanted).abs().max() < close


@every_likelihood
def test_draws_have_the_mean(make):
    likelihood = drawn(make)
    out = outputs(likelihood)
    draws = likelihood.sample(out.repeat(20_000, 1), noise()).unflatten(0, (20_000, 4))
    error = draws.std(0) / 20_000**0.5
    slack = 1e-4  # what is rarer may happen never
    assert ((draws.mean(0) - likelihood.mean(out)).abs() < 4.5 * error + slack).all()


@pytest.mark.parametrize("make", DISCRETE.values(), ids=DISCRETE)
def test_draws_come_as_often_as_their_mass_says(make):
    likelihood = drawn(make)
    out, count = outputs(likelihood, n=1, d=2), levels_of(likelihood)
    draws = likelihood.sample(out.repeat(50_000, 1), noise())
    for level in {0, count // 2, count - 1}:
        mass = density(likelihood, level / (count - 1), out)[0]
        share = (draws == level / (count - 1)).double().mean(0)
        assert ((share - mass).abs() < 4.5 * (mass * (1 - mass) / 50_000).sqrt() + 1e-9).all()


@every_likelihood
def test_each_entry_has_its_own_numbers(make):
    """Moving the numbers of one entry moves the density of that entry alone."""
    likelihood = drawn(make)
    out, x = outputs(likelihood, n=2, d=3), greys(2, 3, levels=2)
    before = likelihood.log_prob(x, out)
    assert before.shape == (2, 3)
    for entry in range(3):
        moved = out.clone()
        moved.unflatten(1, (likelihood.per_entry, 3))[:, :, entry] += torch.linspace(
            0.1, 0.2, likelihood.per_entry, dtype=out.dtype
        )
        changed = (likelihood.log_prob(x, moved) != before).any(0)
        assert changed.tolist() == [column == entry for column in range(3)]


@every_likelihood
def test_the_gradient_reaches_every_number_and_stays_finite(make):
    likelihood = drawn(make)
    x = greys(50, 3, levels=levels_of(likelihood))
    for stretch in (1.0, 1e4):
        out = (stretch * normal(50, likelihood.outputs(3))).requires_grad_()
        log_prob = likelihood.log_prob(x, out)
        assert torch.isfinite(log_prob).all()
        (gradient,) = torch.autograd.grad(log_prob.sum(), out)
        assert torch.isfinite(gradient).all()
        if stretch == 1.0:
            assert (gradient != 0).any(0).all()


@every_likelihood
def test_float32_is_float64_in_short(make):
    likelihood = drawn(make)
    x, out = greys(40, 3, levels=levels_of(likelihood)), outputs(likelihood, n=40)
    wide = likelihood.log_prob(x, out)
    short = likelihood.float().log_prob(x.float(), out.float()).double()
    torch.testing.assert_close(short, wide, rtol=2e-4, atol=2e-4)


# against scipy and torch


def test_gaussians_are_scipys():
    x, out = normal(4, 3, seed=1), normal(4, 6)
    fixed = likelihoods.Gaussian(scale=0.3)
    wanted = norm.logpdf(x.numpy(), out[:, :3].numpy(), 0.3)
    np.testing.assert_allclose(fixed.log_prob(x, out[:, :3]).numpy(), wanted)
    shared = drawn(lambda: likelihoods.Gaussian("sigmoid", "shared", 0.5))
    wanted = norm.logpdf(x.numpy(), expit(out[:, :3].numpy()), 0.5 + shared.floor)
    np.testing.assert_allclose(shared.log_prob(x, out[:, :3]).detach().numpy(), wanted, rtol=1e-6)
    entry = likelihoods.Gaussian(variance="entry")
    deviation = np.log1p(np.exp(out[:, 3:].numpy())) + entry.floor
    wanted = norm.logpdf(x.numpy(), out[:, :3].numpy(), deviation)
    np.testing.assert_allclose(entry.log_prob(x, out).numpy(), wanted)


def test_laplace_is_scipys():
    x, out, part = normal(4, 3, seed=1), normal(4, 6), likelihoods.Laplace()
    width = np.log1p(np.exp(out[:, 3:].numpy())) + part.floor
    wanted = laplace.logpdf(x.numpy(), out[:, :3].numpy(), width)
    np.testing.assert_allclose(part.log_prob(x, out).numpy(), wanted)
    draws = part.sample(out[:1].expand(40_000, -1), noise()).numpy()
    np.testing.assert_allclose(draws.mean(0), out[0, :3], atol=0.03)
    np.testing.assert_allclose(draws.std(0), 2**0.5 * width[0], rtol=0.03)


@every_likelihood
def test_a_mixtures_mean_is_the_mean_of_means(make):
    part = drawn(make)
    outs = torch.stack([outputs(part, seed=seed) for seed in range(3)])
    wanted = sum(part.mean(out) for out in outs) / 3
    torch.testing.assert_close(part.blend(outs), wanted)
    x = greys(4, 3, levels=levels_of(part))
    torch.testing.assert_close(part.miss(x, outs[0]) ** 2, part.distance(x, part.mean(outs[0])))


def test_a_fixed_variance_of_one_is_half_the_squared_error_and_a_constant():
    x, out = normal(4, 3, seed=1), normal(4, 3)
    constant = 0.5 * np.log(2 * np.pi)
    wanted = 0.5 * (x - out) ** 2 + constant
    torch.testing.assert_close(-likelihoods.Gaussian().log_prob(x, out), wanted)


def test_a_learned_variance_finds_the_datas_own():
    x, out = 0.2 * normal(5000, 2), torch.zeros(5000, 2, dtype=torch.float64)
    own = x.square().mean().sqrt().item()
    slopes = []
    for deviation in (0.5 * own, own, 2 * own):
        start = deviation - likelihoods.Gaussian.floor
        likelihood = drawn(lambda start=start: likelihoods.Gaussian("identity", "shared", start))
        likelihood.log_prob(x, out).sum(1).mean().backward()
        slopes.append(likelihood.log_scale.grad.item())
    assert slopes[0] > 1
    assert slopes[1] == pytest.approx(0, abs=1e-6)
    assert slopes[2] < -1


def test_bernoulli_is_scipys_and_greys_give_the_cross_entropy():
    logits, x = 2 * normal(4, 3), greys(4, 3, levels=2)
    wanted = bernoulli.logpmf(x.numpy(), expit(logits.numpy()))
    part = likelihoods.Bernoulli()
    np.testing.assert_allclose(part.log_prob(x, logits).numpy(), wanted)
    grey, p = uniform(4, 3), torch.sigmoid(logits)
    wanted = grey * p.log() + (1 - grey) * (1 - p).log()
    torch.testing.assert_close(part.log_prob(grey, logits), wanted)
    floor = -part.log_prob(grey, torch.logit(grey))  # the entropy of the greys
    assert (-part.log_prob(grey, logits) >= floor - 1e-12).all()


def test_categorical_is_torchs():
    out, x = normal(4, 15), greys(4, 3)
    wanted = Categorical(logits=out.unflatten(1, (5, 3)).movedim(1, 2)).log_prob((4 * x).long())
    torch.testing.assert_close(likelihoods.Categorical(5).log_prob(x, out), wanted)


def test_discretised_logistic_is_scipys_mass_on_the_bins():
    part = likelihoods.DiscretisedLogistic(9)
    out, x = 2 * normal(6, 10), greys(6, 5, levels=9)
    location, scale = (v.numpy() for v in part._location_scale(out))
    upper = np.where(x == 1, np.inf, x + 1 / 16)
    lower = np.where(x == 0, -np.inf, x - 1 / 16)
    law = logistic(location, scale)
    above = law.sf(lower) - law.sf(upper)  # has digits where the other has none
    mass = np.where(lower > location, above, law.cdf(upper) - law.cdf(lower))
    np.testing.assert_allclose(part.log_prob(x, out).numpy(), np.log(mass), rtol=1e-6)


def test_discretised_logistic_far_from_the_grey_is_unlikely_not_impossible():
    part = likelihoods.DiscretisedLogistic(256)
    out = torch.tensor([[30.0, -30.0, -1e4, -1e4]])  # location 1 and 0, the narrowest scale
    log_prob = part.log_prob(torch.tensor([[100 / 255, 100 / 255]]), out)
    assert torch.isfinite(log_prob).all()
    assert (log_prob < -100).all()


# weights


@every_likelihood
def test_a_weight_of_two_is_an_entry_twice(make):
    likelihood = drawn(make)
    x, out = greys(4, 3, levels=levels_of(likelihood)), outputs(likelihood)
    weight = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)
    columns = [0, 0, 2]
    by_parameter = out.unflatten(1, (likelihood.per_entry, 3))
    twice = likelihood.log_prob(x[:, columns], by_parameter[:, :, columns].flatten(1)).sum(1)
    torch.testing.assert_close((likelihood.log_prob(x, out) * weight).sum(1), twice)


def test_the_error_of_a_row_is_the_mean_square_of_its_entries():
    x, mean = normal(5, 3), normal(5, 3, seed=1)
    found = likelihoods.Gaussian().error(x, mean)
    np.testing.assert_allclose(found, ((x - mean) ** 2).numpy().mean(1))


@pytest.mark.parametrize("kind", [likelihoods.Categorical, likelihoods.DiscretisedLogistic])
def test_one_level_is_refused(kind):
    with pytest.raises(ValueError, match="levels=1 leaves nothing to tell apart: there must be 2"):
        kind(1)
    assert kind(2).levels == 2


def test_draws_of_a_gaussian_scatter_as_widely_as_it_says():
    draws = likelihoods.Gaussian(scale=3.0).sample(torch.zeros(1, 50_000), noise())
    assert draws.std().item() == pytest.approx(3, rel=0.02)


def test_discretised_scales_are_bounded_and_begin_at_e_to_the_minus_two():
    """log s = 7 tanh((a − 2)/7): s = 1 at a = 2, of slope 1 there, within e^±7."""
    part = likelihoods.DiscretisedLogistic(256)

    def scale(a):
        out = torch.tensor([[0.0, a]], dtype=torch.float64)
        return part._location_scale(out)[1].item()

    assert scale(2.0) == pytest.approx(1)
    assert np.log(scale(2.001)) == pytest.approx(0.001, rel=1e-5)
    assert np.log(scale(1e6)) == pytest.approx(7)
    assert np.log(scale(-1e6)) == pytest.approx(-7)
    assert np.log(scale(0.0)) == pytest.approx(7 * np.tanh(-2 / 7))


def test_a_new_start_forgets_a_shared_deviation():
    part = likelihoods.Gaussian(variance="shared", scale=2.0)
    with torch.no_grad():
        part.log_scale.fill_(5)
    part.initialise(noise())
    assert part.log_scale.item() == pytest.approx(np.log(2))
    likelihoods.Gaussian().initialise(noise())  # has none


def test_whole_rows_of_several_draws_against_scipy():
    """Draws of a row follow each other: 3 rows with 2 draws each are 6 sums."""
    x, out = uniform(3, 5), normal(6, 5)
    rows, values = x.numpy().repeat(2, 0), out.numpy()
    # the cross-entropy of greys is linear in x, as between the two that are certain
    certain = [bernoulli(expit(values)).logpmf(bit) for bit in (0, 1)]
    expected = ((1 - rows) * certain[0] + rows * certain[1]).sum(1)
    found = likelihoods.Bernoulli().log_prob_of_rows(x, out)
    assert found.shape == (6,)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = likelihoods.Gaussian().log_prob_of_rows(x, out)
    np.testing.assert_allclose(found, norm(values).logpdf(rows).sum(1), rtol=1e-5)


def test_whole_rows_of_none():
    none = torch.zeros(0, 5)
    assert likelihoods.Gaussian().log_prob_of_rows(none, none).shape == (0,)

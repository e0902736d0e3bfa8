"""Bounds on log p(x) against exact integrals; `tests/uses/test_verify.py` proves their order."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.bounds import importance_weights, log_likelihood, summary
from diabolo.parts import codes, likelihoods, networks
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

"""The divergence against the trace of the exact Jacobian, and Stein's identity by Monte Carlo."""

import pytest
import torch

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, likelihoods, networks
from diabolo.parts.spec import initialise
from diabolo.parts.stein import Divergence
from laws import noise, normal


def small():
    module = AutoencoderModule(
        networks.Dense((6, 9, 4), "tanh"),
        codes.Deterministic(4),
        networks.Dense((4, 9, 6), "tanh"),
        likelihoods.Gaussian(),
        penalties=(Divergence(),),
    )
    initialise(module, noise(0))
    return module.double()


def divergence(module, x, repeats=4000):
    """Mean over many draws of the signs, and its standard error."""
    record, generator = module.observe(Example(x), None), noise(1)
    with torch.no_grad():
        values = torch.stack(
            [
                module.penalties[0].along_signs(record, module, generator).mean()
                for _ in range(repeats)
            ]
        )
    return float(values.mean()), float(values.std() / repeats**0.5)


def test_mean_is_the_trace_of_the_jacobian():
    module, x = small(), normal(3, 6)
    traces = [
        torch.autograd.functional.jacobian(lambda r: module.reconstruct(r[None])[0], row).trace()
        for row in x
    ]
    mean, error = divergence(module, x)
    assert mean == pytest.approx(float(torch.stack(traces).mean()), abs=4 * error + 1e-3)


def test_stein_says_what_clean_rows_would():
    """½‖f(y) − y‖² + σ² div f − ½dσ² and ½‖f(y) − x‖² have one mean."""
    module, sigma, n = small(), 0.5, 40_000
    x = normal(n, 6, seed=3)
    y = x + sigma * normal(n, 6, seed=4)
    with torch.no_grad():
        record = module.observe(Example(y), None)
        f = module.likelihood.mean(record.out)
        risk = 0.5 * (f - x).square().sum(1).mean()
        term = module.penalties[0].along_signs(record, module, noise(5)).mean()
    estimate = 0.5 * (f - y).square().sum(1).mean() + sigma**2 * term - 0.5 * 6 * sigma**2
    assert float(estimate) == pytest.approx(float(risk), rel=0.02)


def test_no_row_counts_less_than_nothing():
    module, x = small(), normal(200, 6)
    record = module.observe(Example(x), None)
    rows = module.penalties[0].along_signs(record, module, noise(1)).detach()
    assert (rows < 0).any()
    value = module.penalties[0](record, module, noise(1)).detach()
    assert float(value) == pytest.approx(float(rows.clamp(min=0).mean()))

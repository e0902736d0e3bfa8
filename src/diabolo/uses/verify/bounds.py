"""Bounds on the likelihood where the likelihood is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.bounds import log_likelihood
from diabolo.parts import codes, likelihoods, networks
from diabolo.uses.verify import textbook
from diabolo.uses.verify.proof import proof
from diabolo.uses.verify.small import LATE, Array, put, seeded


@proof("ELBO ≤ L₅ ≤ L₅₀ ≤ log p(x)", at_most=0)
def order_of_bounds() -> float:
    """Largest excess of a bound over the next one, in nats; the encoder is wrong on purpose."""
    model, x, exact = _known_likelihood(rows=200)
    many = x.repeat(40, 1)
    elbo = -model(Example(many), LATE, seeded())["loss"].item()
    tighter = [log_likelihood(model, many, k, seeded(k)).mean().item() for k in (5, 50)]
    steps = [elbo, *tighter, float(exact.mean())]
    return max(lower - upper for lower, upper in pairwise(steps))


@proof("enough draws reach log p(x)", at_most=0.01)
def limit_of_bounds() -> float:
    """Difference between the bound of 20,000 draws and the exact log-likelihood, in nats."""
    model, x, exact = _known_likelihood(rows=20)
    return abs(log_likelihood(model, x, 20_000, seeded()).mean().item() - float(exact.mean()))


def _known_likelihood(rows: int) -> tuple[AutoencoderModule, Tensor, Array]:
    """A linear Gaussian model, rows drawn from it and their exact log-likelihoods.

    The encoder has the posterior's mean too short and its spread too wide, so that every bound
    stays visibly below the next.
    """
    random, d, k, s = np.random.default_rng(0), 5, 2, 0.6
    weight, bias = random.normal(size=(d, k)), random.normal(size=d)
    x = random.normal(size=(rows, k)) @ weight.T + bias + s * random.normal(size=(rows, d))
    # the posterior: covariance s² M⁻¹ and mean M⁻¹ Wᵀ (x − b), with M = WᵀW + s² I
    inverse = np.linalg.inv(weight.T @ weight + s**2 * np.eye(k))
    inwards = 0.7 * inverse @ weight.T
    spread = np.log(1.5**2 * s**2 * np.diag(inverse))
    encoder, decoder = networks.Dense((d, 2 * k)), networks.Dense((k, d))
    code, likelihood = codes.Gaussian(k, bound=1e6), likelihoods.Gaussian(scale=s)
    model = AutoencoderModule(encoder, code, decoder, likelihood).double()
    put(
        encoder,
        np.vstack([inwards, np.zeros((k, d))]),
        np.concatenate([-inwards @ bias, spread]),
    )
    put(decoder, weight, bias)
    return model, torch.from_numpy(x), textbook.linear_gaussian(x, weight, bias, s)

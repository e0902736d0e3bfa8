"""Divergences, slopes and Jacobians against Monte Carlo, finite differences and autograd."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, likelihoods, networks, penalties
from diabolo.parts.record import Pass
from diabolo.parts.spec import initialise
from diabolo.uses.verify import textbook
from diabolo.uses.verify.proof import proof
from diabolo.uses.verify.small import LATE, distance, seeded


@proof("every KL is the Monte Carlo mean of log ratios", at_most=4)
def divergences() -> float:
    """Distance from the mean of 200,000 draws, in standard errors, the worst."""
    return max(*_normal_distances(), *_bernoulli_distances())


def _normal_distances() -> Iterator[float]:
    """The Gaussian code's rate, row by row."""
    random = np.random.default_rng(0)
    code, h = codes.Gaussian(3), torch.from_numpy(random.normal(size=(4, 6)))
    rates = code(h, seeded()).rate.numpy()
    means, logvars = (part.numpy() for part in code.posterior(h))
    for mean, deviation, rate in zip(means, np.exp(0.5 * logvars), rates, strict=True):
        z = random.normal(mean, deviation, (200_000, 3))
        yield distance(norm.logpdf(z, mean, deviation).sum(1) - norm.logpdf(z).sum(1), rate)


def _bernoulli_distances() -> Iterator[float]:
    """The sparsity penalty: a sum over units of KL(ρ ‖ ρ̂)."""
    random, target = np.random.default_rng(1), 0.1
    active = np.array([0.02, 0.3, 0.9])
    on = random.random((200_000, 3)) < target
    ratios = np.where(on, np.log(target / active), np.log((1 - target) / (1 - active)))
    yield distance(ratios.sum(1), penalties.kl_sparsity(torch.from_numpy(active), target).item())


@proof("the sparse penalty's gradient is the textbook's slope", at_most=1e-6)
def sparse_gradient() -> float:
    """Relative difference from finite differences of Σ KL in NumPy, the worst."""
    z = np.random.default_rng(0).uniform(0.05, 0.6, (32, 5))
    active = torch.tensor(z, requires_grad=True)
    penalty = penalties.KLSparsity(1.0, 5, 0.1).double()(_pass(active), None, None)
    (ours,) = torch.autograd.grad(penalty, active)
    step = 1e-6
    slopes = np.empty_like(z)
    for place in np.ndindex(z.shape):
        there, back = z.copy(), z.copy()
        there[place] += step
        back[place] -= step
        slopes[place] = (textbook.sparsity(there, 0.1) - textbook.sparsity(back, 0.1)) / (2 * step)
    return float(np.abs(ours.numpy() - slopes).max() / np.abs(slopes).max())


def _pass(z: Tensor) -> Pass:
    """The record of a pass of which only the code matters."""
    free = z.new_zeros(len(z))
    return Pass(z, z, None, None, z, z, free, {}, z)


@proof("the contractive penalty is the full Jacobian's squared norm", at_most=1e-9)
def contraction() -> float:
    """Relative difference from automatic differentiation of whole models, the worst."""
    worst = 0.0
    for encoder in _encoders():
        module = _contracting(encoder, probes=0)
        x = _greys(encoder.inputs)
        ours = module(Example(x), LATE, seeded())["contraction"]
        theirs = module.jacobian(x).square().sum((1, 2)).mean()
        worst = max(worst, abs(float(ours.detach() / theirs.detach()) - 1))
    return worst


@proof("contractive probes are unbiased", at_most=4)
def contractive_probes() -> float:
    """Distance of the mean of 400 estimates from the exact value, in standard errors, the worst."""
    worst = 0.0
    for encoder in _encoders():
        module = _contracting(encoder, probes=1)
        x, noise = _greys(encoder.inputs), seeded()
        exact = module.jacobian(x).square().sum((1, 2)).mean().item()
        draws = [module(Example(x), LATE, noise)["contraction"].item() for _ in range(400)]
        worst = max(worst, distance(np.array(draws), exact))
    return worst


def _encoders() -> Iterator[networks.Dense | networks.ConvolutionalEncoder]:
    yield networks.Dense((20, 6), "sigmoid")
    yield networks.Dense((20, 12, 9, 6), "sigmoid")
    yield networks.Dense((5, 12, 6), "tanh")
    yield networks.ConvolutionalEncoder((8, 8, 1), 6, (3,), "tanh")


def _contracting(
    encoder: networks.Dense | networks.ConvolutionalEncoder, probes: int
) -> AutoencoderModule:
    module = AutoencoderModule(
        encoder,
        codes.Deterministic(6, "sigmoid"),
        networks.Dense((6, encoder.inputs)),
        likelihoods.Gaussian(),
        penalties=(penalties.Contractive(1.0, probes),),
    )
    initialise(module, seeded())
    return module.double()


def _greys(width: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((8, width)))

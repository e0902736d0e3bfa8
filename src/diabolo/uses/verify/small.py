"""Small models whose every number can be followed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts import codes, likelihoods, networks
from diabolo.parts.spec import initialise

Array = np.ndarray
LATE = torch.tensor(1e9)  # epochs: every warm-up is over


def small(code: codes.Code, likelihood: likelihoods.Likelihood, **words: Any) -> AutoencoderModule:
    """One layer in, one layer out, 6 features, double precision."""
    encoder = networks.Dense((6, code.inputs))
    decoder = networks.Dense((code.dim, likelihood.outputs(6)))
    module = AutoencoderModule(encoder, code, decoder, likelihood, **words)
    initialise(module, seeded())
    return module.double()


def linear(network: nn.Module, x: Array) -> Array:
    weight, bias = numbers(network)
    return x @ weight.T + bias


def numbers(network: nn.Module) -> tuple[Array, Array]:
    """Matrix and biases of a network of one layer."""
    weight, bias = network.parameters()
    return weight.detach().double().numpy(), bias.detach().double().numpy()


@torch.no_grad()
def put(network: nn.Module, weight: Array, bias: Array) -> None:
    """Give a network of one layer this matrix and these biases."""
    for parameter, value in zip(network.parameters(), (weight, bias), strict=True):
        parameter.copy_(torch.from_numpy(value))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distance(draws: Array, value: float) -> float:
    """From the draws' mean to a value, in standard errors of the mean."""
    return abs(draws.mean() - value) / (draws.std(ddof=1) / math.sqrt(len(draws)))

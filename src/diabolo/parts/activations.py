"""Non-linearities by name, with their slopes and the gain their weights should start with.

The slope is needed where a Jacobian is written out by hand (the contractive penalty).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Activation(NamedTuple):
    """f and f′ elementwise; `gain` keeps the variance of a layer's output near its input's."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]  # (input, value) → derivative at the input
    gain: float


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer 2017, eq. 2


def _gelu_slope(a: Tensor, _: Tensor) -> Tensor:
    cdf = 0.5 * (1 + torch.erf(a / math.sqrt(2)))
    return cdf + a * torch.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)


def _silu_slope(a: Tensor, f: Tensor) -> Tensor:
    gate = torch.sigmoid(a)
    return gate + f * (1 - gate)


def _selu_slope(a: Tensor, f: Tensor) -> Tensor:
    return torch.where(a > 0, SELU_SCALE, f + SELU_SCALE * SELU_ALPHA)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda a: a, lambda a, f: torch.ones_like(a), 1.0),
    "relu": Activation(F.relu, lambda a, f: (a > 0).to(a.dtype), math.sqrt(2)),
    "leaky_relu": Activation(
        F.leaky_relu, lambda a, f: torch.where(a > 0, torch.ones_like(a), 0.01), math.sqrt(2)
    ),
    "elu": Activation(F.elu, lambda a, f: torch.where(a > 0, 1.0, f + 1.0), math.sqrt(2)),
    "selu": Activation(F.selu, _selu_slope, 1.0),
    "gelu": Activation(F.gelu, _gelu_slope, math.sqrt(2)),
    "silu": Activation(F.silu, _silu_slope, math.sqrt(2)),
    "softplus": Activation(F.softplus, lambda a, f: torch.sigmoid(a), math.sqrt(2)),
    "tanh": Activation(torch.tanh, lambda a, f: 1 - f * f, 1.0),
    "sigmoid": Activation(torch.sigmoid, lambda a, f: f * (1 - f), 1.0),
}

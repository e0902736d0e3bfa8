"""Codes: from what the encoder said, h, to what the decoder sees, z, and what z costs.

A code declares how many numbers it wants from the encoder (`inputs`) and how wide it is (`dim`).
`mean` is the deterministic code, which `transform` returns.
"""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

import torch
from torch import Tensor

from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.priors import StandardNormal
from diabolo.parts.record import Pass
from diabolo.parts.spec import Part, among


class Draw(NamedTuple):
    """A code of n rows, what it costs, and what only training needs."""

    z: Tensor  # (n, dim)
    rate: Tensor  # (n,) nats
    aux: dict[str, Tensor] = {}  # noqa: RUF012  terms of the loss by name, each ()


class Code(Part, abstract=True):
    """What all kinds share."""

    dim: int

    @property
    def inputs(self) -> int:
        """Numbers that the encoder gives for each row."""
        return self.dim

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        """As in training: drawn, where the code is random."""
        z = self.mean(h)
        return Draw(z, z.new_zeros(len(z)))

    def mean(self, h: Tensor) -> Tensor:
        """The deterministic code, (n, inputs) → (n, dim)."""
        raise NotImplementedError

    def measures(self, record: Pass) -> dict[str, Tensor]:
        """What the history shows besides, by name, each (); nothing of the loss."""
        return {}

    def statistics(self, record: Pass, generator: torch.Generator | None) -> dict[str, Tensor]:
        """New values of this part's buffers after the step, by name."""
        return {}


class Deterministic(Code):
    """z = f(h): the plain autoencoder's code, free of charge.

    activation : f; "sigmoid" bounds the units in (0, 1), which KL sparsity needs.
    """

    activation: str = among(ACTIVATIONS, default="identity")

    def mean(self, h: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation].value(h)

    def slope(self, h: Tensor) -> Tensor:
        """∂z/∂h, elementwise, (n, dim)."""
        return ACTIVATIONS[self.activation].slope(h, self.mean(h))


class TopK(Code):
    """z keeps the k largest units of each row and sets the others to zero.

    Makhzani & Frey 2013, "k-sparse autoencoders": the support is chosen by the encoder, the
    gradient flows through the units that were kept.
    """

    k: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.dim:
            raise ValueError(f"k={self.k} units cannot be kept of {self.dim}.")

    def mean(self, h: Tensor) -> Tensor:
        values, units = h.topk(self.k, dim=1)
        return torch.zeros_like(h).scatter(1, units, values)


class Gaussian(Code):
    """q(z|x) = N(μ, diag σ²): the variational code; its rate is KL(q ‖ p).

    h holds the means, then the log-variances. These are bounded, smoothly, to ±`bound`:
    exp(log-variance) overflowed in nearly every library's early reports of NaN losses.
    With μ = h₁ and σ² = exp(h₂): z = μ + σ ε, ε ~ N(0, I) (Kingma & Welling 2014, eq. 4).
    """

    bound: float = 12.0
    prior: StandardNormal = field(init=False)

    def __post_init__(self) -> None:
        self.prior = StandardNormal(self.dim)

    @property
    def inputs(self) -> int:
        return 2 * self.dim

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ², each (n, dim)."""
        mu, logvar = h.chunk(2, dim=1)
        return mu, self.bound * torch.tanh(logvar / self.bound)

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        mu, logvar = self.posterior(h)
        noise = torch.empty_like(mu).normal_(generator=generator)
        z = mu + torch.exp(0.5 * logvar) * noise
        return Draw(z, self.prior.divergence(mu, logvar))

    def mean(self, h: Tensor) -> Tensor:
        return h[:, : self.dim]

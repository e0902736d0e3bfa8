"""Priors p(z): where codes are drawn from when there is no x."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diabolo.parts.spec import Part


class Prior(Part, abstract=True):
    """What all kinds share: codes of `dim` units."""

    dim: int

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        raise NotImplementedError

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, dim)."""
        raise NotImplementedError


class StandardNormal(Prior):
    """p(z) = N(0, I)."""

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        return -0.5 * (z * z + math.log(2 * math.pi)).sum(-1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, dim)."""
        return torch.empty(n, self.dim).normal_(generator=generator)

    def divergence(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − log σ²), (n,) in nats.

        Kingma & Welling 2014, appendix B.
        """
        return 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum(1)


class Uniform(Prior):
    """Every unit evenly between −1 and 1: the noise of the first generators."""

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats; −∞ outside."""
        inside = (z.abs() <= 1).all(-1)
        return torch.where(inside, -self.dim * math.log(2), -math.inf)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, dim)."""
        return torch.empty(n, self.dim).uniform_(-1, 1, generator=generator)

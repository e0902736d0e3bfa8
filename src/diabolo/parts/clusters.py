"""Clusters of codes: how strongly each code belongs to each, and the targets that sharpen that.

    q_ik = (1 + ‖z_i − μ_k‖²)⁻¹ / Σ_l (1 + ‖z_i − μ_l‖²)⁻¹
    p_ik = (q_ik² / f_k) / Σ_l (q_il² / f_l),   f_k = Σ_i q_ik

Xie, Girshick & Farhadi 2016, "Unsupervised deep embedding for clustering analysis", eq. 1 and 3
(α = 1, as there). Of a mixture q is what Bayes' rule makes of it.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import torch
from torch import Tensor, nn

from diabolo.parts.densities import Blend
from diabolo.parts.priors import Mixture, Prior
from diabolo.parts.spec import Part


class Assignment(Part, abstract=True):
    """What all kinds share: codes of `dim` units, `count` clusters."""

    dim: int
    count: int

    def log_share(self, z: Tensor) -> Tensor:
        """log of how strongly codes belong to each cluster, (n, dim) → (n, count)."""
        raise NotImplementedError

    def forward(self, z: Tensor) -> Tensor:
        """(n, dim) → (n, count); rows sum to 1."""
        return self.log_share(z).exp()

    @property
    def centres(self) -> Tensor:
        """(count, dim)"""
        raise NotImplementedError


class StudentT(Assignment):
    """Around centres, by a Student t kernel; the nearest centre has the largest share.

    scale : of distances, in units of the codes; 1 is the paper's.
    """

    scale: float = 1.0
    means: nn.Parameter = field(init=False)  # (count, dim)

    def __post_init__(self) -> None:
        self.means = nn.Parameter(torch.zeros(self.count, self.dim))

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.means, generator=generator)

    def log_share(self, z: Tensor) -> Tensor:
        # differences, not squares and a product: a code at a centre would cancel
        squared = (z.unsqueeze(1) - self.means).square().sum(2) / self.scale**2
        return torch.log_softmax(-torch.log1p(squared), 1)

    @property
    def centres(self) -> Tensor:
        return self.means.detach()


class Responsibility(Assignment):
    """Of the components of a mixture: p(k|z) = w_k p_k(z) / Σ_l w_l p_l(z).

    mixture : a `Blend` or a `Mixture` of `count` components over `dim` units.
    """

    mixture: Prior = field(default_factory=lambda: Blend(1, 1))

    def __post_init__(self) -> None:
        if not isinstance(self.mixture, Blend | Mixture):
            raise ValueError(f"{type(self.mixture).__name__} has no components to belong to.")
        if (self.mixture.dim, self.mixture.count) != (self.dim, self.count):
            raise ValueError(
                f"a mixture of {self.mixture.count} components over {self.mixture.dim} units is "
                f"none of {self.count} over {self.dim}."
            )

    def log_share(self, z: Tensor) -> Tensor:
        mixture: Any = self.mixture  # one of components, see above
        return torch.log_softmax(mixture.log_joint(z), -1)

    @property
    def centres(self) -> Tensor:
        mixture: Any = self.mixture
        return mixture.means.detach()


def sharpened(q: Tensor) -> Tensor:
    """The targets p that follow from all rows' q (n, count); clusters count alike, not by size."""
    weight = q * q / q.sum(0).clamp_min(1e-12)
    return weight / weight.sum(1, keepdim=True)

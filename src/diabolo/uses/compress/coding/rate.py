"""What weights take in the file, as training is charged for it.

A file holds its model, each weight under a logistic density around 0 as wide as the weights of its
tensor (`weights`). So the length of everything is that of the code plus

    Σ −log₂ p(w)        p(w) = 1 / (4 s cosh²(w / 2 s)),   s = E|w| / 2 ln 2

where w are whole numbers, before they are rounded. Charged with it, a weight stays only where it
saves as much as it takes: the principle of minimum description length (Rissanen 1978; for networks
Hinton & van Camp 1993; Oktay et al. 2020, "Scalable model compression by entropy penalized
reparameterization").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST = 0.5  # of s: narrower densities make no difference to whole numbers


class WeightRate(nn.Module):
    """Bits of some tensors together; their densities' widths hold for an epoch.

    tensors : real numbers, of which 1 is `grain` whole ones.
    """

    factor: Tensor  # (weights,) of each weight: grain / s
    constant: Tensor  # bits that do not depend on the weights

    def __init__(self, tensors: Sequence[tuple[nn.Parameter, float]]) -> None:
        super().__init__()
        self._tensors = [(w, grain) for w, grain in tensors if w.numel()]
        sizes = sum(w.numel() for w, _ in self._tensors)
        self.register_buffer("factor", torch.zeros(sizes))
        self.register_buffer("constant", torch.zeros(()))
        self.renew()

    @torch.no_grad()
    def renew(self) -> None:
        """Fit the densities to the weights as they are."""
        factors, constant = [torch.zeros(0)], 0.0
        for w, grain in self._tensors:
            s = max(LEAST, float(w.abs().mean()) * grain / (2 * math.log(2)))
            factors.append(torch.full((w.numel(),), grain / s))
            constant += w.numel() * math.log2(s)
        self.factor.copy_(torch.cat(factors))
        self.constant.fill_(constant)

    def forward(self) -> Tensor:
        """Bits of all tensors, 0-d."""
        z = (torch.cat([w.reshape(-1) for w, _ in self._tensors]) * self.factor).abs()
        return (2 * F.softplus(z) - z).sum() / math.log(2) + self.constant

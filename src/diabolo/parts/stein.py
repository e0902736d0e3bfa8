"""Stein's unbiased estimate of a denoiser's risk: what a clean image would say, without one.

For y = x + σ·noise, Gaussian, and any f with slopes

    E ½‖f(y) − x‖²  =  E[ ½‖f(y) − y‖² + σ² div f(y) ] − ½ d σ²

Copying makes the first term small and the divergence as large as can be; the sum is least where f
gives back the x that is most likely behind y, although no x was ever seen. Stein 1981, "Estimation
of the mean of a multivariate normal distribution"; for networks Soltanayev & Chun 2018, "Training
deep learning based denoisers without ground truth data".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from diabolo.parts import coins
from diabolo.parts.penalties import Penalty
from diabolo.parts.record import Pass

if TYPE_CHECKING:
    from diabolo.models.autoencoder import AutoencoderModule


class Divergence(Penalty):
    """div f = Σ_j ∂f_j/∂x_j of f = decode(encode(·)), mean over rows; σ² is its weight.

    No row counts less than 0. At the f that is looked for, ∂f/∂x is the covariance of what may be
    behind x, over σ², so that bᵀ(∂f/∂x)b is never negative (Efron 2011, "Tweedie's formula and
    selection bias"); but where entries do not vary, a net can make it as negative as it likes.

    Estimated with one random sign b_j for each entry, bᵀ(f(x + s b) − f(x)) / s, whose mean is the
    divergence but for what is of the order s (Ramani, Blu & Unser 2008, "Monte-Carlo SURE").

    step : s, in units of the scaled rows.
    """

    term: ClassVar[str] = "divergence"
    step: float = 0.02

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        return self.along_signs(record, model, generator).clamp(min=0).mean()

    def along_signs(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        """bᵀ(∂f/∂x)b of every row, (n,)."""
        x = record.x_in
        signs = 2 * coins.alike(x, 0.5, generator) - 1
        here = model.likelihood.mean(record.out)
        there = model.reconstruct(x + self.step * signs, record.context)
        return ((there - here) * signs).sum(1) / self.step

"""An encoder taught which of its code's anchors a row belongs to."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, call
from diabolo.models.guided import apart
from diabolo.models.model import Objective


class Placed(Objective[AutoencoderModule]):
    """−Σ_k t_k log softmax_k(h), mean over rows, in nats; t_k ∝ exp(−‖y − a_k‖² / 2σ²).

    The row's place y comes as the last columns of the batch's context, as many as the code has
    units; the code is `Anchored`. σ² is `spread`.
    """

    def __init__(self, module: AutoencoderModule, spread: float) -> None:
        super().__init__(module)
        self.spread = spread

    def forward(
        self, batch: Any, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        module: Any = self.module
        example, place = apart(batch, module.code.dim)
        x, _ = module.corruption(module.augmentation(example.x, generator, clock), generator)
        h = call(module.encoder, x, example.context)
        away = (place.unsqueeze(1) - module.code.places).square().sum(2)
        wanted = torch.softmax(-away / (2 * self.spread), dim=1)
        return {"loss": F.cross_entropy(h, wanted)}

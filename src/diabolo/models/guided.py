"""A code led to places that are known beforehand, for a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.model import Objective


class Guided(Objective[AutoencoderModule]):
    """The model's own loss and weight · ½ ‖z(x) − z*‖², mean over rows.

    The targets z* come as the last columns of the batch's context, as many as the code has units.
    """

    def __init__(self, module: AutoencoderModule, weight: float = 1.0) -> None:
        super().__init__(module)
        self.weight = weight

    def forward(
        self, batch: Any, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """Terms by name, "guide" besides the model's own."""
        example, target = apart(batch, self.module.code.dim)
        terms = self.module(example, clock, generator)
        away = self.module.encode(example.x, example.context) - target
        terms["guide"] = 0.5 * away.square().sum(1).mean()
        terms["loss"] = terms["loss"] + self.weight * terms["guide"]
        return terms


def apart(batch: Any, dim: int) -> tuple[Example, Tensor]:
    """A batch without the places (n, dim) that end its context, and these."""
    beside = batch.context.shape[1] - dim
    own, places = batch.context.tensor_split([beside], dim=1)
    return Example(batch.x, own if beside else None, batch.y), places

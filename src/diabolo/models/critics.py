"""An autoencoder and its critic as two players of one game; the critic sits in a penalty."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.model import Objective, parameters_under
from diabolo.parts.critics import Critic

PLACE = "penalties.0"  # of the penalty that holds the critic, in the module


def critic_of(module: AutoencoderModule) -> Critic:
    """The penalty that holds the critic."""
    penalty = module.penalties[0]
    if not isinstance(penalty, Critic):
        raise TypeError(f"{type(penalty).__name__} has no critic")
    return penalty


class CriticSide(Objective[AutoencoderModule]):
    """What the critic minimises; the autoencoder stays as it is."""

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            record = self.module.observe(batch, generator)
        return {"loss": critic_of(self.module).objection(record, self.module, generator)}


class WithoutCritic(Objective[AutoencoderModule]):
    """The loss without what the critic says, which changes its standard all the time."""

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        terms: dict[str, Any] = self.module(batch, clock, generator)
        penalty = critic_of(self.module)
        return {**terms, "loss": terms["loss"] - penalty.weight * terms[penalty.term]}


def sides(module: AutoencoderModule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters of the autoencoder, and of the critic as `CriticSide` names them."""
    critics = parameters_under(f"{PLACE}.critic", module)
    names = (name for name, _ in module.named_parameters())
    return tuple(name for name in names if f"module.{name}" not in critics), critics

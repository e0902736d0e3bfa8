"""An autoencoder and its critic as two players of one game; the critic sits in a penalty."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts.critics import Critic

PLACE = "penalties.0"  # of the penalty that holds the critic, in the module


def critic_of(module: AutoencoderModule) -> Critic:
    """The penalty that holds the critic."""
    penalty = module.penalties[0]
    if not isinstance(penalty, Critic):
        raise TypeError(f"{type(penalty).__name__} has no critic")
    return penalty


class CriticSide(nn.Module):
    """What the critic minimises; the autoencoder stays as it is."""

    def __init__(self, module: AutoencoderModule) -> None:
        super().__init__()
        self.module = module

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            record = self.module.observe(batch, generator)
        return {"loss": critic_of(self.module).objection(record, self.module, generator)}


class WithoutCritic(nn.Module):
    """The loss without what the critic says, which changes its standard all the time."""

    def __init__(self, module: AutoencoderModule) -> None:
        super().__init__()
        self.module = module

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        terms: dict[str, Any] = self.module(batch, clock, generator)
        penalty = critic_of(self.module)
        return {**terms, "loss": terms["loss"] - penalty.weight * terms[penalty.term]}


def sides(module: AutoencoderModule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters of the autoencoder, and of the critic as `CriticSide` names them."""
    names = [name for name, _ in module.named_parameters()]
    critics = [name for name in names if name.startswith(f"{PLACE}.critic.")]
    own = tuple(name for name in names if name not in critics)
    return own, tuple(f"module.{name}" for name in critics)

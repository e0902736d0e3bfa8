"""The fastest form of a training step that is equal, bit for bit, to the eager one."""

from __future__ import annotations

from torch import nn

from diabolo.engine.speed import EagerStep, FlatParameters


def best_step(
    objective: nn.Module, flat: FlatParameters, *, expected_steps: int | None = None
) -> EagerStep:
    """The step that will train `flat` soonest, given that it will be called so many times."""
    return EagerStep(objective, flat)

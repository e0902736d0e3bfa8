"""Families of two players: an autoencoder, and a critic that learns against it."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval
from torch import nn

from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.critics import CriticSide, WithoutCritic, sides
from diabolo.parts.networks import Dense


class Criticised(Estimator):
    """Estimator with a critic; epochs are judged by the loss without the critic's term.

    critic_weight : of what the critic says in the autoencoder's loss.
    critic_lr : highest learning rate of the critic.
    """

    critic_weight: float = 1.0
    critic_lr: float = 1e-3

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "critic_weight": [Interval(Real, 0, None, closed="left")],
        "critic_lr": [Interval(Real, 0, None, closed="neither")],
    }

    def critic(self, inputs: int, facts: Facts) -> nn.Module:
        """Dense, as wide as the autoencoder's levels but no narrower than 64."""
        hidden = [max(64, width) for width in self.hidden(facts)] or [64]
        return Dense((inputs, *hidden, 1), "leaky_relu", facts.context)

    def players(self, module: AutoencoderModule, fits: Fits) -> tuple[Player, ...]:
        own, critics = sides(module)
        return (
            fits.player("autoencoder", module, own),
            fits.player(
                "critic", CriticSide(module), critics, lr=self.critic_lr, betas=(0.5, 0.99)
            ),
        )

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        return [fits.phase("joint", self.players(module, fits), judge=WithoutCritic(module))]

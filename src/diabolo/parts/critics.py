"""Penalties that ask a critic: a network that learns, against the autoencoder, what to object to.

The penalty is the autoencoder's side; `objection` is what the critic minimises, as another player
of the same game (`diabolo.models.critics`). A critic's verdict is a logit.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts.games import Game, NonSaturating
from diabolo.parts.networks import Dense, Identity
from diabolo.parts.penalties import Penalty
from diabolo.parts.record import Pass

if TYPE_CHECKING:
    from diabolo.models.autoencoder import AutoencoderModule


class Critic(Penalty, abstract=True):
    """What all kinds share: the critic's network, (n, inputs) → (n, 1).

    Where there is a context the critic sees it, too, and so objects to what does not suit it.
    """

    critic: nn.Module = field(default_factory=Identity)

    def verdict(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, inputs) and (n, c) → (n,) in logits."""
        return (self.critic(x) if context is None else self.critic(x, context))[:, 0]

    def objection(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        """What the critic minimises, (); of the autoencoder nothing is differentiated."""
        raise NotImplementedError


class CodeCritic(Critic):
    """Tells codes from draws of their prior, which the encoder has to make impossible.

    Makhzani et al. 2015, "Adversarial autoencoders", sec. 2. At the best critic of the original
    game it is 2 JSD(q(z) ‖ p(z)) that is made small; with a context, that of q(z|c) on average.
    """

    term: ClassVar[str] = "deception"
    game: Game = field(default_factory=NonSaturating)

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        fake = self.verdict(record.z, record.context)
        return self.game.generator(self._real(record, model, generator), fake)

    def objection(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        fake = self.verdict(record.z.detach(), record.context)
        return self.game.discriminator(self._real(record, model, generator), fake)

    def _real(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        return self.verdict(drawn_codes(record, model, generator), record.context)


class RowCritic(Critic):
    """Tells rows from decoded draws of the prior; its features also compare reconstructions.

    The penalty is the decoder's loss in the game plus ½ ‖D_l(x) − D_l(x̂)‖², the squared distance
    of row and reconstruction in the critic's last hidden level, which sees what a squared error of
    pixels does not. Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
    metric", eq. 6-8; there it replaces the reconstruction error, here it stands beside it.

    likeness : weight of that distance.
    """

    term: ClassVar[str] = "deception"
    critic: nn.Module = field(default_factory=lambda: Dense((1, 1, 1)))
    game: Game = field(default_factory=NonSaturating)
    likeness: float = 1.0

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        side = record.context
        fake = self.verdict(self._drawn(record, model, generator), side)
        real = self.verdict(record.x, side) if self.game.pairs else fake
        loss = self.game.generator(real, fake)
        shown = model.likelihood.mean(record.out)
        apart = self._features(record.x, side) - self._features(shown, side)
        return loss + self.likeness * 0.5 * apart.square().sum(1).mean()

    def objection(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        drawn, side = self._drawn(record, model, generator).detach(), record.context
        return self.game.discriminator(self.verdict(record.x, side), self.verdict(drawn, side))

    def _features(self, x: Tensor, context: Tensor | None) -> Tensor:
        levels: list[Tensor] = self.critic.levels(x, context)  # type: ignore[operator]
        return levels[-1].flatten(1)

    def _drawn(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        return model.decode(drawn_codes(record, model, generator), record.context)


class TotalCorrelation(Critic):
    """KL(q(z) ‖ Π_j q(z_j)) as the critic sees it: E[C(z)], C = log q(z) / Π_j q(z_j) at its best.

    The critic learns to tell codes from such whose units were shuffled among the rows, each unit
    by itself. Kim & Mnih 2018, "Disentangling by factorising", eq. 2 and 3, algorithm 1. Beside a
    context it is KL(q(z, c) ‖ q(c) Π_j q(z_j)): units shall not depend on the context either.
    """

    term: ClassVar[str] = "total correlation"

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        return self.verdict(record.z, record.context).mean()

    def objection(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        z, side = record.z.detach(), record.context
        joint, apart = self.verdict(z, side), self.verdict(shuffled(z, generator), side)
        return F.softplus(-joint).mean() + F.softplus(apart).mean()


def drawn_codes(
    record: Pass, model: AutoencoderModule, generator: torch.Generator | None
) -> Tensor:
    """As many draws of the code's prior as there are codes, (n, dim)."""
    code: Any = model.code  # one that has a prior
    return code.prior.sample(len(record.z), generator).to(record.z)


def shuffled(z: Tensor, generator: torch.Generator | None) -> Tensor:
    """Each column in an order of its own, (n, d): draws of Π_j q(z_j)."""
    order = torch.empty_like(z).uniform_(generator=generator).argsort(0)
    return z.gather(0, order)

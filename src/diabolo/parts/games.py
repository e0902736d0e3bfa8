"""Games of a generator and a discriminator: what each side minimises, from the verdicts alone.

A verdict is the discriminator's output on a row, in logits; the higher, the likelier it is real.
`real` and `fake` hold verdicts of as many real and generated rows, (n,) each; every loss is the
mean over rows, () in nats.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from diabolo.parts.spec import Part


class Game(Part, abstract=True):
    """What the two sides minimise.

    pairs : whether the generator's loss depends on the verdicts of real rows, too.
    """

    pairs: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """−E[log D(x)] − E[log(1 − D(G(z)))], D the sigmoid of the verdict."""
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        raise NotImplementedError


class MinMax(Game):
    """The original game: the generator minimises E[log(1 − D(G(z)))].

    Goodfellow et al. 2014, "Generative adversarial nets", eq. 1. Its gradient vanishes where the
    discriminator is sure of itself.
    """

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -F.softplus(fake).mean()


class NonSaturating(Game):
    """The generator minimises −E[log D(G(z))] instead (Goodfellow et al. 2014, sec. 3)."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(-fake).mean()


class Relativistic(Game):
    """Only the difference to a real row counts, row by row.

    The discriminator minimises E[softplus(−(C(x) − C(G(z))))], the generator the same with sides
    changed. A generator that dropped a mode is still pulled to it, since every real row takes
    part. Jolicoeur-Martineau 2019; with R1 and R2 penalties it converges locally (Huang et al.
    2024, "The GAN is dead; long live the GAN!", eq. 2).
    """

    pairs: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(fake - real).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(real - fake).mean()

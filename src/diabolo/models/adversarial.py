"""A generator and its discriminator: a game of two players."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from diabolo.models.autoencoder import Example, call
from diabolo.models.model import Joint, Model, Objective, is_ours
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.discrepancies import NegativeDistance, chance, mmd
from diabolo.parts.games import Game
from diabolo.parts.priors import Prior
from diabolo.parts.spec import among

# rows of either kind whose slopes are penalised: unbiased with any number, and a slope's gradient
# takes three times as long as a verdict's
PENALISED = 32
FEWEST = 1024  # generated rows that are compared: with fewer, chance would choose the epoch


class AdversarialModule(Model):
    """Noise z ~ p(z) becomes a row G(z); the discriminator tells rows from such.

    generator : (n, prior.dim) → (n, d); with a context also takes it as second argument.
    discriminator : (n, d) → (n, 1), a verdict in logits; likewise.
    link : of the generator's outputs; "sigmoid" for rows in [0, 1].
    penalty : γ of R1 and R2, γ/2 E‖∇C‖² on real and on generated rows
        (Mescheder et al. 2018, eq. 9 and 10).
    """

    prior: Prior
    generator: nn.Module
    discriminator: nn.Module
    game: Game
    link: str = among(ACTIVATIONS, default="identity")
    penalty: float = 0.0

    def joints(self) -> Iterator[Joint]:
        generator: Any = self.generator
        discriminator: Any = self.discriminator
        if is_ours(generator):
            yield Joint("generator", generator.inputs, self.prior.dim)
        if is_ours(discriminator):
            yield Joint("discriminator", discriminator.outputs, 1)
        if is_ours(generator) and is_ours(discriminator):
            yield Joint("generator", generator.outputs, discriminator.inputs)
            yield Joint("context", generator.context, discriminator.context)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """G(z) in scaled units, (n, prior.dim) → (n, d)."""
        return ACTIVATIONS[self.link].value(call(self.generator, z, context))

    def draw(self, n: int, context: Tensor | None, noise: torch.Generator | None) -> Tensor:
        """n generated rows, (n, d); n contexts go with them where there are any."""
        like = next(self.generator.parameters())
        return self.decode(self.prior.sample(n, noise).to(like), context)

    def verdict(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, d) → (n,) in logits."""
        return call(self.discriminator, x, context)[:, 0]


class GeneratorSide(Objective[AdversarialModule]):
    """What the generator minimises."""

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        module, context = self.module, batch.context
        fake = module.verdict(module.draw(len(batch.x), context, generator), context)
        real = fake
        if module.game.pairs:
            with torch.no_grad():  # the generator has no part in it
                real = module.verdict(batch.x, context)
        return {"loss": module.game.generator(real, fake)}


class DiscriminatorSide(Objective[AdversarialModule]):
    """What the discriminator minimises, and how sure it is of itself.

    margin : mean verdict on real rows less that on generated ones, in logits.
    told apart : share of pairs of which the real row got the higher verdict; ½ is a draw, and at 1
        the discriminator has won.
    """

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        module, context = self.module, batch.context
        with torch.no_grad():
            drawn = module.draw(len(batch.x), context, generator)
        real, fake = self._verdicts(batch.x, drawn, context)
        terms = {"game": module.game.discriminator(real, fake)}
        loss = terms["game"]
        if module.penalty:
            terms["R1"], terms["R2"] = self._steepness(batch.x, drawn, context)
            loss = loss + 0.5 * module.penalty * (terms["R1"] + terms["R2"])
        gap = (real - fake).detach()
        return {
            "loss": loss,
            **terms,
            "margin": gap.mean(),
            "told apart": (gap > 0).to(gap.dtype).mean(),
        }

    def _verdicts(self, x: Tensor, drawn: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """On as many real as generated rows, in one call: fewer and longer operations."""
        contexts = None if context is None else torch.cat([context, context])
        real, fake = self.module.verdict(torch.cat([x, drawn]), contexts).chunk(2)
        return real, fake

    def _steepness(self, x: Tensor, drawn: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """E‖∇ₓ C(x)‖² of real and of generated rows, by the first of the batch."""
        x, drawn = x[:PENALISED].clone().requires_grad_(), drawn[:PENALISED].requires_grad_()
        context = None if context is None else context[:PENALISED]
        real, fake = self._verdicts(x, drawn, context)
        slopes = torch.autograd.grad((real + fake).sum(), (x, drawn), create_graph=True)
        return slopes[0].square().sum(1).mean(), slopes[1].square().sum(1).mean()


class SampleDistance(Objective[AdversarialModule]):
    """Energy distance between rows and as many generated ones or more; 0 for the same law.

    The losses of a game say who is ahead, not how good the samples are; this does. Rows and their
    context are compared together, so samples have to suit their labels, too.
    """

    def __init__(self, module: AdversarialModule) -> None:
        super().__init__(module)
        self.kernel = NegativeDistance()

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        rows, context = batch.x, batch.context
        times = max(1, FEWEST // len(rows))
        repeated = None if context is None else context.repeat(times, 1)
        drawn = self.module.draw(times * len(rows), repeated, generator)
        if context is not None and repeated is not None:
            rows, drawn = torch.cat([rows, context], 1), torch.cat([drawn, repeated], 1)
        return {"loss": mmd(rows, drawn, self.kernel, unbiased=len(rows) > 1)}

    def chance(self, batch: Example) -> float:
        """Standard deviation of this distance between rows of the same law, for such a batch."""
        beside = [] if batch.context is None else [batch.context]
        rows, n = torch.cat([batch.x, *beside], 1), len(batch.x)
        return float(chance(rows, self.kernel, n, n * max(1, FEWEST // n)))

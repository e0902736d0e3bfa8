"""A generator and its discriminator: a game of two players."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from diabolo.models.autoencoder import Example, call
from diabolo.models.model import Joint, Model, is_ours
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.games import Game
from diabolo.parts.priors import Prior
from diabolo.parts.spec import among


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

    def draw(self, like: Tensor, context: Tensor | None, noise: torch.Generator | None) -> Tensor:
        """As many generated rows as `like` has, (n, d)."""
        return self.decode(self.prior.sample(len(like), noise).to(like), context)

    def verdict(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, d) → (n,) in logits."""
        return call(self.discriminator, x, context)[:, 0]


class GeneratorSide(nn.Module):
    """What the generator minimises."""

    def __init__(self, module: AdversarialModule) -> None:
        super().__init__()
        self.module = module

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        module = self.module
        fake = module.verdict(module.draw(batch.x, batch.context, generator), batch.context)
        real = module.verdict(batch.x, batch.context)
        return {"loss": module.game.generator(real, fake)}


class DiscriminatorSide(nn.Module):
    """What the discriminator minimises, and how sure it is of itself."""

    def __init__(self, module: AdversarialModule) -> None:
        super().__init__()
        self.module = module

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        module = self.module
        with torch.no_grad():
            drawn = module.draw(batch.x, batch.context, generator)
        x, fakes = batch.x.detach().requires_grad_(), drawn.requires_grad_()
        real, fake = module.verdict(x, batch.context), module.verdict(fakes, batch.context)
        terms = {"game": module.game.discriminator(real, fake)}
        loss = terms["game"]
        if module.penalty:
            terms["R1"], terms["R2"] = _steepness(real, x), _steepness(fake, fakes)
            loss = loss + 0.5 * module.penalty * (terms["R1"] + terms["R2"])
        margin = (real - fake).mean()
        return {"loss": loss, **terms, "margin": margin.detach()}


def _steepness(verdict: Tensor, x: Tensor) -> Tensor:
    """E‖∇ₓ C(x)‖², ()."""
    (slope,) = torch.autograd.grad(verdict.sum(), x, create_graph=True)
    return slope.square().sum(1).mean()

"""Many autoencoders of one architecture, asked together."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import field

import torch
from torch import Tensor

from diabolo.engine.crowd import Crowd
from diabolo.models import masked
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.model import Joint, Model
from diabolo.parts.likelihoods import Likelihood
from diabolo.parts.spec import registered

MOST = 1024  # members; a file that asks for more is no model


class EnsembleModule(Model):
    """K models that predict what is hidden; their predictions are an equal mixture.

    member : the first of them, as it is before its weights are drawn; the others are its copies.
    count : K.
    """

    member: AutoencoderModule
    count: int = 1
    members: Sequence[AutoencoderModule] = field(init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise ValueError(f"count={self.count} is not among 1 … {MOST} members")
        others = (copy.deepcopy(self.member) for _ in range(self.count - 1))
        self.members = registered([self.member, *others])

    def joints(self) -> Iterator[Joint]:
        yield from self.member.joints()

    @property
    def likelihood(self) -> Likelihood:
        """How each member's outputs are to be read."""
        return self.member.likelihood

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """The members' mean loss and its terms, as of one of them."""
        return Crowd(self.members)(batch, clock, generator)

    def seen(self, x: Tensor) -> Tensor:
        """Scaled rows as the members know them, (n, d)."""
        return self.member.augmentation(x, None)

    def outputs(self, x: Tensor, hidden: Tensor, context: Tensor | None = None) -> Tensor:
        """Parameters of every member's p(x | visible entries), (K, n, outputs(d)).

        x : (n, d) scaled; hidden : (n, d) bool.
        """
        x = self.seen(x)
        return torch.stack([masked.outputs(own, x, hidden, context) for own in self.members])

    def predicted(self, x: Tensor, hidden: Tensor, context: Tensor | None = None) -> Tensor:
        """x with the mixture's expectation in place of what is hidden, (n, d) scaled."""
        mean = self.likelihood.blend(self.outputs(x, hidden, context))
        return torch.where(hidden, mean, x)

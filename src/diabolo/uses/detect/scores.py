"""How unlike the others a row is, cell by cell: the higher, the stranger.

From a model of hidden cells (Σ over the cells j of a row):

    ē_j = mean over members and masks of how far cell j is from what is expected, where it is hidden
    score = Σ_j log(ē_j + 0.05)

The logarithm lets one cell that is surprisingly well or badly predicted count as much as any
other; masks from few to nearly all cells hidden ask both whether a cell fits the others and
whether it is usual at all. From any other autoencoder, −log p(x_j | z(x)): what it cannot rebuild.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from diabolo.models import masked
from diabolo.models.autoencoder import AutoencoderModule, call
from diabolo.parts.likelihoods import Likelihood

FLOOR = 0.05  # errors below it are all alike
ROUNDS = 16  # masks a member


class Score(Protocol):
    """What is strange about the cells of scaled rows (n, d)."""

    def cells(self, x: Tensor, side: Tensor | None) -> Tensor:
        """What each of K members has to say, (K, n, d)."""

    def joined(self, each: Tensor) -> Tensor:
        """(K, n, d) → (n, d): the strangeness of each cell; 0 where it is missing."""

    def expected(self, x: Tensor, cells: Tensor) -> Tensor:
        """What would be usual in these cells (n, d) bool, given the others, (n, d) scaled."""


class HiddenCells:
    """The score of a model of hidden cells.

    members : K of them.
    seed : of the masks, which are the same for all rows. rounds : masks a member.
    """

    def __init__(
        self, members: Sequence[AutoencoderModule], d: int, seed: int, rounds: int = ROUNDS
    ) -> None:
        self.members = members
        self.likelihood: Likelihood = members[0].likelihood
        self.masks = masks(len(members), d, seed, rounds)

    def cells(self, x: Tensor, side: Tensor | None) -> Tensor:
        """Mean error of every cell where it was hidden; NaN where it is missing."""
        return torch.stack([self._of(k, x, side) for k in range(len(self.members))])

    def _of(self, k: int, x: Tensor, side: Tensor | None) -> Tensor:
        member = self.members[k]
        x = member.augmentation(x, None)
        missing, total = x.isnan(), torch.zeros_like(x)
        for mask in self.masks[k].to(x.device):
            out = masked.outputs(member, x, mask | missing, side)
            total += self.likelihood.miss(x, out).masked_fill(~mask, 0.0)
        return total / self.masks[k].sum(0).to(x)

    def joined(self, each: Tensor) -> Tensor:
        """log(ē + 0.05) of the members' mean error."""
        return torch.log(each.mean(0) + FLOOR).nan_to_num(0.0)

    def expected(self, x: Tensor, cells: Tensor) -> Tensor:
        x = self.members[0].augmentation(x, None)
        hidden = cells | x.isnan()
        outs = torch.stack([masked.outputs(own, x, hidden) for own in self.members])
        return self.likelihood.blend(outs)


class Rebuilding:
    """The score of any other autoencoder: the nats that a cell costs once the code is known.

    relative : squared errors instead, as shares of the row's own Σ x².
    """

    def __init__(self, module: AutoencoderModule, relative: bool = False) -> None:
        self.module, self.relative = module, relative

    def cells(self, x: Tensor, side: Tensor | None) -> Tensor:
        """(1, n, d), in nats unless relative."""
        if self.relative:
            errors = self.module.likelihood.distance(x, self.module.reconstruct(x, side))
            energy = x.nan_to_num().square().sum(1, keepdim=True)
            return (errors / energy.clamp(min=1e-6)).unsqueeze(0)
        out = call(self.module.decoder, self.module.encode(x, side), side)
        return -self.module.likelihood.log_prob(x, out).unsqueeze(0)

    def joined(self, each: Tensor) -> Tensor:
        return each[0]

    def expected(self, x: Tensor, cells: Tensor) -> Tensor:
        return self.module.reconstruct(x)


def masks(count: int, d: int, seed: int, rounds: int = ROUNDS) -> Tensor:
    """What is hidden in each round of each member, (K, rounds, d) bool; in the last, all."""
    draw = np.random.default_rng(seed)
    share = np.linspace(0.1, 1.0, rounds)[:, None]
    return torch.from_numpy(draw.random((count, rounds, d)) < share)

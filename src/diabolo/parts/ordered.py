"""Ordered codes: the first units say most, as principal components do."""

from __future__ import annotations

import torch
from torch import Tensor

from diabolo.parts.codes import Deterministic, Draw


class Nested(Deterministic):
    """z of which, in training, only the first m units reach the decoder, m drawn for every row.

    Every prefix of the code then has to rebuild the row as well as it can, so that units come in
    the order of what they say. Rippel, Gelbart & Adams 2014, "Learning ordered representations
    with nested dropout", sec. 3: with linear networks the unique optimum is PCA, unit by unit.
    m is drawn evenly from 1 … dim: with the paper's geometric law late units are hardly trained,
    which it mends by freezing early ones.
    """

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        z = self.mean(h)
        m = torch.randint(1, self.dim + 1, (len(h), 1), generator=generator, device=h.device)
        return Draw(first_units(z, m), z.new_zeros(len(z)))


def first_units(z: Tensor, m: Tensor | int) -> Tensor:
    """z with all units but the first m set to 0, (n, dim); m a number, or one a row, (n, 1)."""
    return z * (torch.arange(z.shape[1], device=z.device) < m)

"""Codes that keep rows beside their neighbours: UMAP's cross-entropy as a penalty.

    q_ij = 1 / (1 + a ‖z_i − z_j‖^{2b})
    −log q_ij  for neighbours,   −log(1 − q_ij)  for any two rows

McInnes, Healy & Melville 2018, "UMAP", sec. 3.2; as a loss of a network, beside a reconstruction,
Sainburg, McInnes & Gentner 2021, "Parametric UMAP embeddings for representation and
semisupervised learning". Neighbours come with the batch: `diabolo.data.batches`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from diabolo.parts.penalties import Penalty
from diabolo.parts.record import Pass

if TYPE_CHECKING:
    from diabolo.models.autoencoder import AutoencoderModule

CLOSEST = 1e-3  # squared distance below which two codes are one: 0 has no logarithm


class Neighbours(Penalty):
    """Row i of a batch and row n/2 + i are neighbours, and drawn together; all rows are repelled.

    Where UMAP draws a few rows that are pushed away from each, here all pairs of the batch are,
    which has the same mean and less noise.

    repulsion : how many of them count as much as one neighbour; UMAP's negative_sample_rate.
    a, b : of the curve q; the default is UMAP's for min_dist = 0.1.
    """

    term: ClassVar[str] = "neighbours"
    repulsion: float = 5.0
    a: float = 1.577
    b: float = 0.895

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        """In nats per pair of neighbours."""
        half = len(record.z) // 2
        if half == 0:  # a row without any other
            return record.z.new_zeros(())
        heads, tails = record.z[:half], record.z[half : 2 * half]
        attraction = torch.log1p(self._closeness((heads - tails).square().sum(1))).mean()
        # differences, not squares and a product: near neighbours would cancel
        apart = self._closeness((heads.unsqueeze(1) - tails.unsqueeze(0)).square().sum(2))
        repelled = torch.log1p(apart) - torch.log(apart)
        return attraction + self.repulsion * repelled.mean()

    def _closeness(self, squared: Tensor) -> Tensor:
        """a d^{2b}, which is 1/q − 1."""
        return self.a * squared.clamp(min=CLOSEST) ** self.b

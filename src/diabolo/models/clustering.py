"""Codes drawn to the centres of their clusters: the objective of DEC and IDEC.

    DEC   KL(P ‖ Q) = mean_i Σ_k p_ik log p_ik / q_ik
    IDEC  −log p(x|z) + γ KL(P ‖ Q)

with q and p as in `diabolo.parts.clusters`. The targets p follow from the codes of all rows and
are held fixed for an epoch. Xie, Girshick & Farhadi 2016, eq. 2; Guo, Gao, Liu & Yin 2017,
"Improved deep embedded clustering with local structure preservation", eq. 8. Where the model moves
its inputs (`shift`), targets are those of the rows as they are: Guo et al. 2018, "Deep embedded
clustering with data augmentation".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, call
from diabolo.models.model import Objective
from diabolo.parts.clusters import Assignment, sharpened

TRAINED_ALONE = ("module.encoder.", "module.code.", "assignment.")


class Clustering(Objective[AutoencoderModule]):
    """Batches bring the number of each row as their y.

    rows : of the whole set.
    weight : γ, of the divergence beside the model's own loss; None: the divergence alone.
    """

    targets: Tensor  # (rows, clusters)
    labels: Tensor  # (rows,) int64, −1 before the first targets

    def __init__(
        self,
        module: AutoencoderModule,
        assignment: Assignment,
        rows: int,
        weight: float | None = None,
    ) -> None:
        super().__init__(module)
        self.assignment, self.weight = assignment, weight
        self.register_buffer("targets", torch.zeros(rows, assignment.count))
        self.register_buffer("labels", torch.full((rows,), -1))

    def forward(
        self, batch: Any, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """Terms by name, "clustering" in nats per row besides the model's own, where they count."""
        module = self.module
        terms = {} if self.weight is None else module(batch, clock, generator)
        x = module.augmentation(batch.x, generator)
        z = module.code.mean(call(module.encoder, x, batch.context))
        p = self.targets.index_select(0, batch.y)
        divergence = (torch.xlogy(p, p) - p * self.assignment.log_share(z)).sum(1).mean()
        if self.weight is None:
            return {"loss": divergence, "clustering": divergence}
        loss = terms["loss"] + self.weight * divergence
        return {**terms, "loss": loss, "clustering": divergence}

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the parameters that it changes: without the model's loss no decoder learns."""
        names = (name for name, _ in self.named_parameters())
        return tuple(n for n in names if self.weight is not None or n.startswith(TRAINED_ALONE))

    @torch.no_grad()
    def take(self, q: Tensor) -> float:
        """New targets from all rows' q, in order; the share of rows whose cluster is another."""
        labels = q.argmax(1)
        changed = float((labels != self.labels).float().mean())
        self.targets.copy_(sharpened(q))
        self.labels.copy_(labels)
        return changed

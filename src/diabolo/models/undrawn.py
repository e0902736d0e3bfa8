"""A variational model as a plain autoencoder, for a time: the mean code, free of charge."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, call
from diabolo.models.model import Objective


class Undrawn(Objective[AutoencoderModule]):
    """−log p(x | z) of mean codes z, in nats, summed over entries, mean over rows.

    To begin with: codes come apart before the prior says where they should be. Jiang et al. 2017,
    "Variational deep embedding", sec. 3.3.
    """

    def forward(
        self, batch: Any, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """The loss, which is the reconstruction."""
        module = self.module
        x = module.augmentation(batch.x, generator)
        z = module.encode(x, batch.context)
        nats = -module.likelihood.log_prob(x, call(module.decoder, z, batch.context)).sum(1).mean()
        return {"loss": nats, "reconstruction": nats}

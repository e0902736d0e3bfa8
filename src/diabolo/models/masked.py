"""What a model trained on hidden entries says of entries that are not there.

p(x_hidden | x_visible) is asked of an encoder that takes what is not a number for hidden, or, where
it is the user's own, sees 0 there.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule, call
from diabolo.parts.lenses import Visible
from diabolo.parts.networks import Table


def hidden_away(x: Tensor, hidden: Tensor, blank: float = math.nan) -> Tensor:
    """x with `blank` where `hidden`, both (n, d); what stood there has no influence any more."""
    return torch.where(hidden, torch.full_like(x, blank), x)


def outputs(
    module: AutoencoderModule, x: Tensor, hidden: Tensor, context: Tensor | None = None
) -> Tensor:
    """Parameters of p(x | visible entries) for `module.likelihood`, (n, outputs(d)).

    x : (n, d) scaled; hidden : (n, d) bool.
    """
    blank = math.nan if isinstance(module.encoder, Visible | Table) else 0.0
    z = module.encode(hidden_away(x, hidden, blank), context)
    return call(module.decoder, z, context)


def predicted(
    module: AutoencoderModule, x: Tensor, hidden: Tensor, context: Tensor | None = None
) -> Tensor:
    """x with E[x | visible entries] in place of what is hidden, (n, d) scaled."""
    mean = module.likelihood.mean(outputs(module, x, hidden, context))
    return torch.where(hidden, mean, x)

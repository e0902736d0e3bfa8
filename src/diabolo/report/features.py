"""Features as images: what a unit draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.models.autoencoder import AutoencoderModule


def drawn_by_weights(decoder_weights: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """What each unit adds to the image before the last squashing, (units, *shape).

    decoder_weights : (features, units), of a decoder of one layer.
    """
    return decoder_weights.detach().cpu().numpy().T.reshape(-1, *shape)


@torch.inference_mode()
def drawn_by_layer(
    model: AutoencoderModule, layer: int, features: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """How the image changes when a unit of a layer rises from its mean, (units, *shape).

    layer : 1, 2, … of a dense encoder. features : (n, units), what that layer makes of images; a
    unit is raised by two of its standard deviations, and units that never vary draw nothing.

    For one layer it is the decoder's weights but for the squashing; for more, what the layers on
    the way down make of it together (Lee et al. 2009 show it this way, as weighted sums).
    """
    network: Any = model.decoder
    count = len(network.layers)
    down = network.part(count - layer, count)
    values = torch.from_numpy(features)
    mean, raised = values.mean(0), 2 * values.std(0)
    drawn = model.likelihood.mean(down(mean + torch.diag(raised)))
    return (drawn - model.likelihood.mean(down(mean[None]))).cpu().numpy().reshape(-1, *shape)

"""Features as images: what a unit adds to the picture, and what it most wants to see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

STEPS = 60


def drawn_by_units(decoder_weights: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """What each unit adds to the image before the last squashing, (units, *shape).

    decoder_weights : (features, units), of a decoder of one layer.
    """
    return decoder_weights.detach().cpu().numpy().T.reshape(-1, *shape)


def wanted_by_units(
    network: Callable[[Tensor], Tensor], images: np.ndarray, radius: float = 2.0
) -> np.ndarray:
    """The change of the mean image that excites each unit most, (units, features).

    network : (n, features) → (n, units), before the non-linearity.
    images : (n, features), as the network sees them; a change is measured in standard deviations
        of each pixel, and is `radius` long for every unit on average over pixels, so that pixels
        that never vary stay as they are.

    Maximised by projected gradient ascent. Erhan et al. 2009, "Visualizing higher-layer features
    of a deep network", sec. 3. For a single linear layer it is the weights, scaled.
    """
    mean = torch.from_numpy(images.mean(0)).float()
    spread = torch.from_numpy(images.std(0)).float()
    with torch.no_grad():
        units = network(mean[None]).shape[1]
    length = radius * len(mean) ** 0.5
    change = torch.zeros(units, len(mean))
    for _ in range(STEPS):
        change.requires_grad_()
        total = network(mean + change * spread).diagonal().sum()
        (slope,) = torch.autograd.grad(total, change)
        norm = slope.norm(dim=1, keepdim=True).clamp(min=1e-12)
        change = (change + 0.2 * length * slope / norm).detach()
        change = change * (length / change.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
    return (change * spread).numpy()

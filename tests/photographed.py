"""Small pictures and a small model of them for the tests of photographs; nothing is trained."""

from __future__ import annotations

from functools import cache
from unittest import mock

import numpy as np
import torch

from diabolo.uses.compress.photographs import beginning
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.design import RATIO, Design
from diabolo.uses.compress.photographs.encoder import Encoder
from diabolo.uses.compress.photographs.models import Model

SMALL = Design(fine=24, middle=24, hidden=8, hyper=4, groups=(6, 10, 16))


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(height, width, 3) bytes: shaded discs on a slope, with a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    found = np.zeros((height, width, 3)) + 60 + 80 * (x / width)[..., None]
    for _ in range(12):
        centre, radius = random.random(2) * (height, width), 4 + 30 * random.random()
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        shade = 0.5 + (y - centre[0] + radius) / (4 * radius)
        found[inside] = (random.integers(30, 240, 3) * shade[..., None])[inside]
    return np.clip(found + random.normal(0, 3, found.shape), 0, 255).astype(np.uint8)


@cache
def codec() -> Codec:
    """A model before training: principal components, and networks that say little."""
    found = Codec(SMALL, torch.Generator().manual_seed(0))
    with mock.patch.object(beginning, "BLOCKS", 3000):
        beginning.begin(found, [scene(160, 200, seed) for seed in range(3)], RATIO, 0)
    with torch.no_grad():
        for name, tensor in found.tensors.items():
            if name.endswith("_out"):
                tensor.mul_(0.1)  # guesses, before training: small ones
    return found


@cache
def model() -> Model:
    return Model(SMALL, codec().whole())


@cache
def encoder() -> Encoder:
    return Encoder(Codec.of(SMALL, model().whole), model().decoder)

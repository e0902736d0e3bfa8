"""A model of photographs: rate and distortion of crops, at all qualities at once.

    loss = (bits a pixel + λ · mean squared error) / √λ,   λ from 0.001 to 0.12 with the quality

Errors are on the scale 0 … 255. Divided by √λ, every quality weighs about the same: the sum in
brackets grows so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from diabolo.data.pictures import opened
from diabolo.engine.checkpoint import Checkpoint
from diabolo.engine.events import Watcher
from diabolo.engine.fit import fit
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.uses.compress.photographs.beginning import begin
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.design import PATCH, QUALITIES, RATIO, Design, weight_of

LONGEST = 1200  # pixels of a training picture's longer side; below that JPEG's traces are gone
CROP = 128
BATCH = 4
PER_EPOCH = 500


class Crops(NamedTuple):
    """A batch."""

    x: Tensor  # (n, 3, h, w) pixels 0 … 255
    quality: Tensor  # (n,) in 0 … 80


class RateDistortion(nn.Module):
    """The objective."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, batch: Crops, clock: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        x, quality = batch
        found = self.codec(x, quality, generator)
        pixels = x.shape[2] * x.shape[3]
        rate = found.bits / pixels
        error = (found.x - x).square().mean((1, 2, 3))
        weight = weight_of(quality)
        loss = ((rate + weight * error) * weight.rsqrt()).mean()
        return {
            "loss": loss,
            "rate": rate.mean(),
            "hyper": found.hyper_bits.mean() / pixels,
            "psnr": 48.13 - 10 * error.clamp_min(0.01).log10().mean(),
        }


class Cropper:
    """Batches of crops at random places, mirrored and transposed at random."""

    def __init__(
        self, pictures: Sequence[np.ndarray], batches: int, seed: int, crop: int = CROP
    ) -> None:
        self.pictures, self.batches, self.seed, self.crop = pictures, batches, seed, crop
        sizes = np.array([picture.shape[0] * picture.shape[1] for picture in pictures], float)
        self.share = sizes**0.5 / (sizes**0.5).sum()  # many pictures before many pixels

    def __len__(self) -> int:
        return self.batches

    def epoch(self, number: int, start: int = 0) -> Iterator[Crops]:
        for j in range(start, self.batches):
            random = np.random.default_rng((self.seed, number, j))
            crops = np.stack([self._one(random) for _ in range(BATCH)])
            spread = (np.arange(BATCH) + random.random(BATCH)) * (QUALITIES / BATCH)
            # channels lie innermost, as they do in pictures: a fifth less time than outermost
            x = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
            yield Crops(x, torch.from_numpy(spread).float())

    def _one(self, random: np.random.Generator) -> np.ndarray:
        picture = self.pictures[random.choice(len(self.pictures), p=self.share)]
        y, x = (random.integers(0, side - self.crop + 1) for side in picture.shape[:2])
        crop = picture[y : y + self.crop, x : x + self.crop]
        if random.random() < 0.5:
            crop = crop[:, ::-1]
        return crop.swapaxes(0, 1) if random.random() < 0.5 else crop


def training_picture(path: Path) -> np.ndarray:
    """The picture in a file as (h, w, 3) bytes, made smaller where it is large."""
    with opened(path) as image:
        image = image.convert("RGB")
        longer = max(image.size)
        if longer > LONGEST:
            width, height = (round(side * LONGEST / longer) for side in image.size)
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        return np.asarray(image)


def train(
    pictures: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    *,
    steps: int,
    design: Design | None = None,
    seed: int = 0,
    lr: float = 1e-3,
    crop: int = CROP,
    codec: Codec | None = None,
    checkpoint: Checkpoint | None = None,
    watcher: Watcher | None = None,
    n_threads: int | None = None,
) -> Codec:
    """A model of these photographs.

    pictures, held_out : (h, w, 3) bytes each, both sides at least as long as a crop. Held-out ones
                         choose the best weights.
    crop               : pixels of a side of a crop, a multiple of 64
    codec              : to go on from
    """
    generator = torch.Generator().manual_seed(seed)
    if codec is None:
        codec = Codec(design or Design(), generator)
        begin(codec, pictures, RATIO, seed)
    objective = RateDistortion(codec)
    batches = Cropper(pictures, min(PER_EPOCH, steps), seed, crop)
    fixed = list(Cropper(held_out, 8, seed + 1, 2 * CROP).epoch(0))

    def evaluate(briefly: bool = False) -> dict[str, float]:
        noise = torch.Generator().manual_seed(seed)
        rows = [objective(batch, torch.zeros(()), noise) for batch in fixed[: 1 if briefly else 8]]
        return {name: float(torch.stack([row[name] for row in rows]).mean()) for name in rows[0]}

    player = Player(
        "codec", objective, lr=lr, weight_decay=0.0, clip=1.0, averaging=0.998, betas=(0.9, 0.99)
    )
    phase = Phase(
        "photographs",
        (player,),
        batches,
        evaluate,
        max_epochs=max(1, steps // len(batches)),
        patience=None,
        warmup=0.02,
    )
    outcome = fit(
        [phase],
        objective,
        generator,
        watcher=watcher,
        checkpoint=checkpoint,
        n_threads=n_threads,
    )
    if outcome.interrupted:
        raise KeyboardInterrupt
    return codec


def fits(picture: np.ndarray, crop: int = 2 * CROP) -> bool:
    """Whether a picture is large enough to be learned from."""
    return min(picture.shape[:2]) >= max(crop, PATCH)

"""The convolutional autoencoder: the same features everywhere."""

from __future__ import annotations

import numpy as np
import torch

from diabolo.report.chapters.closing import closing
from diabolo.report.page import Beside, Block, Section, Sheet, Strips
from diabolo.report.sheets import sheet
from diabolo.report.studio import Studio

SHOWN = 5  # images whose feature maps are shown


def chapter(studio: Studio) -> Section:
    return Section(
        id="convolutional",
        title="Convolutional autoencoder",
        formula="h = σ(W ∗ x + b)",
        text=(
            "The levels are convolutions: one small filter looks at every place of the image, so "
            "a stroke need not be learned again for each position, and far fewer weights are "
            "needed. The feature maps show where each filter finds what it looks for. The decoder "
            "enlarges and then convolves, which leaves no checkerboard."
        ),
        paper="Masci et al. 2011, “Stacked convolutional auto-encoders”; Odena, Dumoulin & Olah "
        "2016, “Deconvolution and checkerboard artifacts”.",
        blocks=[_strips(studio), Beside(_maps(studio)), *closing(studio, "convolutional")],
    )


def _strips(studio: Studio) -> Strips:
    images = studio.shown
    return Strips(
        [
            ("input", studio.strip(studio.material.unit(images), "Test images")),
            ("rebuilt", studio.strip(studio.rebuilt("convolutional", images), "Rebuilt")),
        ],
        f"Test images rebuilt from {studio.budget.code} numbers.",
    )


def _maps(studio: Studio) -> list[Block]:
    data, encoder = studio.material, studio.module("convolutional").encoder
    rows = torch.from_numpy(data.flat(studio.shown[:SHOWN]))
    with torch.inference_mode():
        levels = [maps.numpy() for maps in encoder.levels(rows)]
    return [_level(studio, maps, number) for number, maps in enumerate(levels, 1)]


def _level(studio: Studio, maps: np.ndarray, number: int) -> Sheet:
    """maps (n, channels, h, w); every channel from 0 to its own largest value."""
    n, channels, height, width = maps.shape
    most = maps.max(axis=(0, 2, 3), keepdims=True).clip(1e-12)
    return Sheet(
        sheet(
            (maps / most).reshape(-1, height, width),
            f"Feature maps of level {number}",
            studio.material.ink,
            per_line=channels,
        ),
        f"{channels} maps of {height}×{width}, a line for each of the first {n} images above; "
        "each map from 0 to its largest value.",
        f"Feature maps, level {number}",
    )

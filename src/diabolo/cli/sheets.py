"""A sheet of images, each above its reconstruction, as PNG."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from diabolo.data.rows import ArrayRows
from diabolo.families.composition import Facts, image_shape
from diabolo.files import write_atomically

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.families.estimator import Estimator

PER_LINE, LINES = 12, 4
SIDE = 48  # pixels that the shorter side of an image has at least
GAP = 4  # pixels
PAPER = 255


def write_sheet(path: Path, estimator: Estimator, dataset: Dataset) -> int:
    """Write the first images and their reconstructions; how many."""
    shape = _shape(estimator)
    rows = dataset.rows.take(np.arange(min(len(dataset), PER_LINE * LINES)))
    shown = replace(dataset, rows=ArrayRows(rows), labels=None)
    rebuilt = estimator.reconstruct(shown).reshape(rows.shape)
    given, made = (_pixels(estimator, images, shape) for images in (rows, rebuilt))
    sheet = _arranged(given, made)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG", optimize=True)
    write_atomically(path, [buffer.getbuffer()])
    return len(rows)


def _shape(estimator: Estimator) -> tuple[int, int, int]:
    height, width, channels = image_shape(Facts.of(estimator.columns_, 0, 0))
    if height == 1 or channels not in (1, 3):
        raise ValueError(
            f"rows of {estimator.columns_.n_features} features are no images: write "
            ".npy, .csv or .parquet instead of .png."
        )
    return height, width, channels


def _pixels(estimator: Estimator, images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(n, H, W, 3) bytes, enlarged; black and white are the ends of the model's scale."""
    x = estimator.columns_.scaled(torch.from_numpy(np.ascontiguousarray(images))).numpy()
    if estimator.columns_.kind == "real":  # standard deviations around the mean
        x = (x + 2) / 4
    grey = np.round(255 * x.clip(0, 1)).astype(np.uint8).reshape(-1, *shape)
    factor = -(-SIDE // min(shape[:2]))
    large = grey.repeat(factor, axis=1).repeat(factor, axis=2)
    return np.broadcast_to(large, (*large.shape[:3], 3))


def _arranged(given: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Lines of pairs, on white: the image, and what was made of it right below."""
    n, height, width, _ = given.shape
    columns = min(n, PER_LINE)
    lines = -(-n // columns)
    step = 2 * height + 3 * GAP, width + GAP
    sheet = np.full((lines * step[0], columns * step[1] + GAP, 3), PAPER, np.uint8)
    for i in range(n):
        top, left = (i // columns) * step[0] + GAP, (i % columns) * step[1] + GAP
        sheet[top : top + height, left : left + width] = given[i]
        below = top + height + GAP // 2
        sheet[below : below + height, left : left + width] = made[i]
    return sheet

"""Images as PNG: one by one, or many on a sheet."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from diabolo.data.rows import ArrayRows
from diabolo.estimators.composition import Facts, image_shape
from diabolo.files import write_atomically

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.estimators.estimator import Estimator
    from diabolo.estimators.learner import Learner

PER_LINE, LINES = 12, 4
SIDE = 48  # pixels that the shorter side of an image has at least
GAP = 4  # pixels
PAPER = 255


def write_sheet(path: Path, estimator: Estimator, dataset: Dataset) -> int:
    """Write the first images and their reconstructions, each above its own; how many."""
    shape = shape_of(estimator)
    rows = dataset.rows.take(np.arange(min(len(dataset), PER_LINE * LINES)))
    shown = replace(dataset, rows=ArrayRows(rows), labels=None)
    rebuilt = estimator.reconstruct(shown).reshape(rows.shape)
    given, made = (enlarged(greys(estimator, images, shape)) for images in (rows, rebuilt))
    write_atomically(path, [png(_arranged(given, made))])
    return len(rows)


def shape_of(model: Learner) -> tuple[int, int, int]:
    """(height, width, channels) of what the model was fitted on; one sentence for no images."""
    height, width, channels = image_shape(Facts.of(model.columns_, 0, 0))
    if height == 1 or channels not in (1, 3) or model.columns_.schema is not None:
        raise ValueError(
            f"rows of {model.columns_.n_features} features are no images: write "
            ".npy, .csv or .parquet instead of .png."
        )
    return height, width, channels


def greys(model: Learner, images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(n, H, W, C) bytes; black and white are the ends of the model's scale."""
    x = model.columns_.scaled(torch.from_numpy(np.ascontiguousarray(images))).numpy()
    if model.columns_.kind == "real":  # standard deviations around the mean
        x = (x + 2) / 4
    return np.round(255 * x.clip(0, 1)).astype(np.uint8).reshape(-1, *shape)


def enlarged(images: np.ndarray) -> np.ndarray:
    """(n, H, W, 3), large enough to be looked at."""
    factor = -(-SIDE // min(images.shape[1:3]))
    large = images.repeat(factor, axis=1).repeat(factor, axis=2)
    return np.broadcast_to(large, (*large.shape[:3], 3))


def png(image: np.ndarray) -> bytes:
    """The file of one image (H, W), (H, W, 1) or (H, W, 3) of bytes."""
    buffer = io.BytesIO()
    grey = image.ndim == 3 and image.shape[2] == 1
    Image.fromarray(image[:, :, 0] if grey else image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def contact_sheet(images: np.ndarray, per_line: int | None = None) -> np.ndarray:
    """Bytes (n, H, W, 3) in lines on white, (height, width, 3); about square if nothing is said."""
    n, height, width, _ = images.shape
    columns = min(n, per_line or math.ceil(math.sqrt(n * height / width)))
    lines = -(-n // columns)
    sheet = np.full(
        (lines * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8
    )
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + GAP) + GAP, (i % columns) * (width + GAP) + GAP
        sheet[top : top + height, left : left + width] = image
    return sheet


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

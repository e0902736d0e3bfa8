"""Images as PNG in data addresses: strips and sheets of many small ones in one file.

Between the images lies nothing, which lets the page shine through. Pictures of ink (pen strokes on
nothing) are stored as they are, white on black, and the page turns them over in light mode.
"""

from __future__ import annotations

import base64
import io
import math
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

WIDEST = 760  # pixels of the page
LEVELS = 31  # to either side of zero, in signed pictures: fewer cannot be told from more
NEGATIVE, POSITIVE = (43, 108, 196), (214, 96, 18)  # readable on white as on black


class Picture(NamedTuple):
    """A PNG in a data address with its size, and what is said where it cannot be seen."""

    address: str
    width: int
    height: int
    alt: str
    style: str = ""  # "ink" or "signed": what the page does to it in the light and in the dark

    @property
    def shown(self) -> int:
        """Width on the page: a whole multiple, so that all pixels have one size."""
        return self.width * max(1, min(8, WIDEST // self.width))


def strip(images: np.ndarray, alt: str, ink: bool = False) -> Picture:
    """Images in one line; (n, H, W) or (n, H, W, 3) with values in [0, 1]."""
    return sheet(images, alt, ink, per_line=len(images))


def sheet(images: np.ndarray, alt: str, ink: bool = False, per_line: int | None = None) -> Picture:
    """Images in lines; `per_line` None makes the sheet about square."""
    values = np.round(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)
    tiled, there = _tiled(values.reshape(*values.shape[:3], -1), per_line)
    picture = Image.fromarray(np.dstack([tiled, np.where(there, 255, 0).astype(np.uint8)]))
    return _picture(picture, alt, "ink" if ink else "")


def signed(images: np.ndarray, alt: str, per_line: int | None = None) -> Picture:
    """Images of weights: orange above zero, blue below, nothing at zero; each scaled to itself."""
    images = np.nan_to_num(np.asarray(images, dtype=np.float64))
    if images.ndim == 4:
        images = images.mean(3)
    most = np.abs(images).reshape(len(images), -1).max(1).clip(1e-12)[:, None, None]
    index = np.round(LEVELS + LEVELS * images / most).astype(np.uint8)
    tiled, there = _tiled(index[..., None], per_line)
    index = np.where(there, tiled[..., 0], LEVELS).astype(np.uint8)
    picture = Image.fromarray(index)
    shades = range(-LEVELS, LEVELS + 1)
    picture.putpalette([channel for s in shades for channel in (POSITIVE if s > 0 else NEGATIVE)])
    strength = bytes(round(255 * abs(s) / LEVELS) for s in shades)
    return _picture(picture, alt, "signed", transparency=strength)


def _tiled(images: np.ndarray, per_line: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns, channels) of a sheet with a gap around images, and where there is one."""
    n, height, width, channels = images.shape
    per_line = per_line or math.ceil(math.sqrt(n * height / width))
    lines, gap = math.ceil(n / per_line), max(1, width // 14)
    canvas = np.zeros((lines * (height + gap) - gap, per_line * (width + gap) - gap, channels))
    there = np.zeros(canvas.shape[:2], bool)
    for i, image in enumerate(images):
        top, left = (i // per_line) * (height + gap), (i % per_line) * (width + gap)
        canvas[top : top + height, left : left + width] = image
        there[top : top + height, left : left + width] = True
    return canvas.astype(np.uint8), there


def _picture(image: Image.Image, alt: str, style: str = "", **options: Any) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, **options)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/png;base64,{code}", image.width, image.height, alt, style)

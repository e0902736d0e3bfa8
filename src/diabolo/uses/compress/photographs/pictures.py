"""Files ↔ the pixels that are coded.

A photograph is a file with one picture of 8-bit greys or RGB without transparency. It is turned
upright as its EXIF says; of its metadata only the colour profile is kept.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from diabolo.data.photograph import is_picture, open_photograph

LONGEST = 2**16  # lines or columns; a line of latents is worked on as a whole


class Picture(NamedTuple):
    """What is coded of a file."""

    pixels: np.ndarray  # (height, width, channels) bytes, 1 or 3 channels
    profile: bytes | None  # of its colours (ICC)

    @property
    def colours(self) -> np.ndarray:
        """(height, width, 3): greys three times."""
        return np.broadcast_to(self.pixels, (*self.pixels.shape[:2], 3))


def picture_in(path: Path) -> Picture | str | None:
    """The photograph in a file; why it is none; None where nobody would think so."""
    if not is_picture(path):
        return None
    try:
        found = open_photograph(path)
    except ValueError as error:
        return str(error)
    if found.mode not in ("L", "RGB"):
        return f"{path} has {_EXTRA.get(found.mode, 'transparency')}, which would be lost."
    if max(found.pixels.shape) > LONGEST:
        return f"{path} has more than {LONGEST:,} pixels on a side."
    return Picture(np.rint(found.pixels * 255).astype(np.uint8), found.profile)


_EXTRA = {"I;16": "16 bits a pixel"}


def grey(colours: np.ndarray) -> np.ndarray:
    """(h, w, 3) → (h, w, 1) bytes: a quarter red, half green, a quarter blue."""
    wide = colours.astype(np.uint16)
    return ((wide[..., :1] + 2 * wide[..., 1:2] + wide[..., 2:] + 2) >> 2).astype(np.uint8)


def png(pixels: np.ndarray, profile: bytes | None) -> bytes:
    """A PNG file of pixels (h, w, 1 or 3)."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    image.save(file, "PNG", icc_profile=profile)
    return file.getvalue()

"""What others make of the same data, all bytes counted."""

from __future__ import annotations

import bz2
import io
import lzma
from pathlib import Path

import numpy as np
from PIL import Image

from diabolo.uses.compress.sources.files import take_apart

MOST = 64 * 2**20  # bytes: beyond, the slow ones are left out


def sizes(source: str | Path) -> dict[str, int]:
    """Bytes by the name of the program; none for large data.

    xz packs all files together, PNG each image for itself.
    """
    material = take_apart(source)
    contents = [content() for _, content in material.original]
    if sum(map(len, contents)) > MOST:
        return {}
    found = {"xz -9e": len(xz(b"".join(contents)))}
    images = [entry for entry in material.files if "images" in entry]
    if len(images) == 1 and len(contents) == 1:
        n, height, width, channels = images[0]["shape"]
        pixels = np.frombuffer(contents[0], np.uint8)[-n * height * width * channels :]
        found["PNG, each"] = sum(
            len(one(image, "PNG")) for image in pixels.reshape(n, height, width, channels)
        )
    return found


def xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


def bzip2(content: bytes) -> bytes:
    return bz2.compress(content, 9)


def one(image: np.ndarray, kind: str) -> bytes:
    """An image (height, width, channels) as PNG or WEBP, without loss."""
    file = io.BytesIO()
    pixels = image[..., 0] if image.shape[2] == 1 else image
    options: dict[str, int] = {"optimize": True}
    if kind == "WEBP":
        options = {"lossless": True, "quality": 100, "method": 6}
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()

"""What others make of the same data, all bytes counted."""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from diabolo.uses.compress import container
from diabolo.uses.compress.sources.bounds import Bounds, Found
from diabolo.uses.compress.sources.files import take_apart

MOST = 64 * 2**20  # bytes: beyond, the slow ones are left out


def sizes(source: str | Path, rounded: Sequence[Found] = ()) -> dict[str, int]:
    """Bytes by the name of the program; none for large data.

    xz packs all files together, PNG each image for itself.
    rounded : columns that were rounded first, and their bounds
    """
    named = {found.column: found.bound for found in rounded}
    material = take_apart(source, Bounds(None, named) if rounded else None)
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


def exact(source: str | Path) -> dict[str, int]:
    """Likewise of the source as it is, where numbers of it were rounded."""
    content = b"".join(content() for _, content in take_apart(source).original)
    if len(content) > MOST:
        return {}
    return {"zstd -19": len(container.pack(content)), "xz -9e": len(xz(content))}


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

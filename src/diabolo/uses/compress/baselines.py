"""What others make of the same data, all bytes counted."""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Iterator

import numpy as np
from PIL import Image

from diabolo.uses.compress import container
from diabolo.uses.compress.content import Content
from diabolo.uses.compress.sources.material import Material

MOST = 64 * 2**20  # bytes: beyond, the slow ones are left out


def others(material: Material, zstandard: int) -> dict[str, int]:
    """Bytes by the name of the program; none of slow ones for large data.

    xz packs all files together, PNG each image for itself. Where numbers were rounded, both of what
    comes back and of the source as it is.
    zstandard : what it makes of what comes back
    """
    back, same = material.whole, {"zstd -19": zstandard}
    if back.size <= MOST:
        same |= {"xz -9e": _length(xz_pieces(back)), **_as_png(material, back)}
    if material.exact is None:
        return same
    found = {f"rounded, {name}": size for name, size in same.items()}
    if material.exact.size <= MOST:
        found["zstd -19"] = _length(container.packed(material.exact))
        found["xz -9e"] = _length(xz_pieces(material.exact))
    return found


def _as_png(material: Material, content: Content) -> dict[str, int]:
    """Of an array of images."""
    if len(material.files) > 1 or "images" not in material.files[0]:
        return {}
    n, height, width, channels = material.files[0]["shape"]
    pixels = np.frombuffer(content.whole(), np.uint8)[-n * height * width * channels :]
    images = pixels.reshape(n, height, width, channels)
    return {"PNG, each": sum(len(one(image, "PNG")) for image in images)}


def xz_pieces(content: Content) -> Iterator[bytes]:
    """What `xz` gives, in pieces."""
    packer = lzma.LZMACompressor(preset=9 | lzma.PRESET_EXTREME)
    yield from map(packer.compress, content.pieces())
    yield packer.flush()


def _length(pieces: Iterator[bytes]) -> int:
    return sum(map(len, pieces))


def xz(content: bytes) -> bytes:
    return b"".join(xz_pieces(Content.of(content)))


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

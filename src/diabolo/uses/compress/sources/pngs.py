"""PNG ↔ pixels and the chunks around them.

A PNG of 8-bit greys or RGB is taken apart into its pixels and the chunks around them (texts, time,
colour profile, resolution, transparency), which are kept as they are. What comes back is a PNG of
the same pixels, mode and chunks; how its pixels were packed is not kept, so its bytes differ.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3}  # PNG colour types: grey, RGB
_LEFT_ALONE = {b"acTL", b"PLTE"}  # animations, suggested palettes


class Png(NamedTuple):
    """What an image file holds besides its pixels."""

    height: int
    width: int
    channels: int
    around: bytes  # chunks before the pixels, length first, then those after


def is_png(path: Path) -> bool:
    """By its first bytes."""
    with path.open("rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


def parsed(content: bytes) -> Png | None:
    """What a PNG is, if it is one whose pixels are 8-bit greys or RGB."""
    if content[:8] != _SIGNATURE:
        return None
    place, before, after, seen, head = 8, b"", b"", False, b""
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunk = content[place : place + 12 + length]
        name, place = chunk[4:8], place + 12 + length
        if len(chunk) < 12 + length or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            return None
        if name == b"IHDR":
            head = chunk[8:-4]
        elif name == b"IDAT":
            seen = True
        elif name == b"IEND":
            break
        elif name in _LEFT_ALONE:
            return None
        elif seen:
            after += chunk
        else:
            before += chunk
    else:
        return None
    if place != len(content) or len(head) != 13:
        return None
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", head)
    if depth != 8 or colour not in _CHANNELS or not seen or max(width, height) > 2**20:
        return None
    around = len(before).to_bytes(4, "little") + before + after
    return Png(height, width, _CHANNELS[colour], around)


def png(pixels: np.ndarray, around: bytes) -> bytes:
    """A PNG of these pixels, (height, width, channels), with the chunks that were around them."""
    channels = pixels.shape[2]
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(file, "PNG")
    plain = file.getvalue()
    middle = plain[33 : plain.rindex(b"IEND") - 4]
    split = 4 + int.from_bytes(around[:4], "little")
    if not 4 <= split <= max(4, len(around)):
        raise ValueError("an image's metadata are cut short")
    return plain[:33] + around[4:split] + middle + around[split:] + plain[-12:]


def reads_back(content: bytes, look: Png) -> bool:
    """Whether Pillow reads the pixels that the header announces."""
    try:
        return pixels_of(content).shape == (look.height, look.width, look.channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def pixels_of(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels

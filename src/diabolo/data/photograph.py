"""One picture of any size as numbers, and back into a file of the same mode.

grey, RGB    8 bits a channel; grey also 16
transparency is kept as it is, beside the colours
other modes  (palettes, CMYK, black and white …) are refused with a sentence
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from diabolo.data.pictures import SUFFIXES, opened

_GREY_16 = {"I;16", "I;16L", "I;16B"}
_COLOURS = {"L": "L", "LA": "L", "RGB": "RGB", "RGBA": "RGB"}


class Photograph(NamedTuple):
    """Pixels, and what else goes into the file."""

    pixels: np.ndarray  # (H, W, 1) or (H, W, 3) float32 in [0, 1]
    mode: str  # Pillow's: "L", "LA", "RGB", "RGBA", "I;16"
    alpha: np.ndarray | None  # (H, W) uint8
    profile: bytes | None  # of its colours (ICC)

    @property
    def levels(self) -> int:
        """Greys of a channel."""
        return 65_536 if self.mode == "I;16" else 256

    def png(self, pixels: np.ndarray) -> bytes:
        """A file of other pixels of the same shape, on the scale 0 … 1; else as this one."""
        top = self.levels - 1
        whole = np.round(top * np.clip(pixels, 0, 1)).astype(np.uint16 if top > 255 else np.uint8)
        image = Image.fromarray(whole[:, :, 0] if whole.shape[2] == 1 else whole)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        buffer = io.BytesIO()
        image.save(buffer, "PNG", icc_profile=self.profile)
        return buffer.getvalue()


def open_photograph(path: str | Path) -> Photograph:
    """The picture in a file, upright.

    raises ValueError, one sentence, for what is no picture, or of a mode that cannot be kept.
    """
    with opened(Path(path)) as image:
        frames, deep = getattr(image, "n_frames", 1), _is_deep(image)
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image)
        upright.load()
    if frames > 1:
        raise ValueError(f"{path} has {frames} frames. Save the one you want by itself.")
    if upright.mode in _GREY_16:
        pixels = np.asarray(upright).astype(np.float32)[:, :, None] / 65_535
        return Photograph(pixels, "I;16", None, profile)
    has_alpha = upright.mode in ("LA", "RGBA")
    if deep or upright.mode not in _COLOURS or (upright.has_transparency_data and not has_alpha):
        what = "16 bits a colour" if deep else f"the mode {upright.mode}"
        raise ValueError(
            f"{path} has {what}, which could not be given back. Save it as grey or RGB first."
        )
    alpha = np.asarray(upright.getchannel("A")) if has_alpha else None
    colours = np.asarray(upright.convert(_COLOURS[upright.mode]))
    pixels = colours.reshape(*colours.shape[:2], -1).astype(np.float32) / 255
    return Photograph(pixels, upright.mode, alpha, profile)


def is_picture(path: str | Path) -> bool:
    """Whether a path names one image file."""
    return Path(path).suffix.lower() in SUFFIXES


def _is_deep(image: Image.Image) -> bool:
    """Whether Pillow has read 16 bits a channel as 8: it says so only before it loads them."""
    tiles = getattr(image, "tile", None) or []
    return image.mode not in _GREY_16 | {"I"} and any("16" in str(tile[3]) for tile in tiles)

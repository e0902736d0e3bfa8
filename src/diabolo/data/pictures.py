"""A folder of image files → images of one size, as bytes.

subfolders   are the labels, by name
train, test  subfolders of these names, if both are there, are the two parts of the set
colour       grey if all files are grey, else RGB; what is transparent lies on white
size         as they are if all are equal; else each is scaled until it covers the median size
             (or `image_size`) and cut to it around the middle
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from diabolo.data.dataset import Dataset
from diabolo.data.spill import collected
from diabolo.data.values import require_one_part

# Formats read by hand-kept, fuzzed decoders; Pillow's others are obscure or start programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF")
SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".avif",
}  # fmt: skip
_GREY = {"1", "L", "I", "F", "I;16", "I;16L", "I;16B", "LA", "La"}
_SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112


class Look(NamedTuple):
    """What the head of an image file says."""

    height: int
    width: int
    grey: bool


def open_folder(folder: Path, image_size: tuple[int, int] | None, split: str) -> Dataset:
    """A data set of the images in a folder and its subfolders, in the order of their paths.

    image_size : (height, width) that all images are brought to.
    """
    if all((folder / part).is_dir() for part in ("train", "test")):
        folder = folder / split
    else:
        require_one_part(split, str(folder))
    paths = _images(folder)
    if not paths:
        raise ValueError(
            f"{folder} holds no images. Expected files such as {', '.join(sorted(SUFFIXES))}, in "
            "it or in one subfolder for each label."
        )
    looks = [_look(path) for path in paths]
    size = image_size or _common_size(looks)
    channels = () if all(look.grey for look in looks) else (3,)
    shape = (len(paths), *size, *channels)
    pixels = (_pixels(path, size, grey=not channels)[None] for path in paths)
    rows = collected(shape, np.dtype(np.uint8), pixels, source=str(folder))
    return Dataset(rows, shape[1:], None, _labels(paths, folder), str(folder))


def _images(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _labels(paths: list[Path], folder: Path) -> np.ndarray | None:
    """The first subfolder's name of each file, if all files lie in subfolders."""
    parts = [path.relative_to(folder).parts for path in paths]
    if any(len(one) == 1 for one in parts):
        return None
    return np.array([one[0] for one in parts])


def _common_size(looks: list[Look]) -> tuple[int, int]:
    """(height, width): the one that all have, else the median of each."""
    height = statistics.median_low(look.height for look in looks)
    width = statistics.median_low(look.width for look in looks)
    return height, width


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The image at `path`; a sentence for what cannot be read, or would fill the memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(
            f"{path} has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels, which may be meant to "
            "fill the memory. Make it smaller, or leave it out."
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image. Leave it out, or get it again.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ValueError(
            f"{path} cannot be read as an image ({error}). Leave it out, or get it again."
        ) from None


def _look(path: Path) -> Look:
    with opened(path) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        return Look(height, width, image.mode in _GREY)


def _pixels(path: Path, size: tuple[int, int], *, grey: bool) -> np.ndarray:
    """The image as bytes (H, W) or (H, W, 3), of the wanted size."""
    with opened(path) as found:
        image = _flat(ImageOps.exif_transpose(found), grey)
        if image.size != size[::-1]:
            image = ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)
        return np.asarray(image)


def _flat(image: Image.Image, grey: bool) -> Image.Image:
    """One byte a channel, without transparency."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers: save them as .npy")
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow cuts 16 bits off at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype("u1"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")

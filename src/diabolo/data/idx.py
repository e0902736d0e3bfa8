"""The idx format of the MNIST files: a magic number, the sizes, the values, big-endian.

    0 0 t n   t: type of the values, n: number of dimensions
    4 bytes   each size
    values    the last index runs fastest

LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from diabolo.data.arrays import from_array
from diabolo.data.dataset import Dataset
from diabolo.data.rows import native
from diabolo.data.spill import LARGE, spilled

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4
_PIECE = 2**24


def open_idx(path: Path, labels: Path | None = None) -> Dataset:
    """The images or rows of an idx file, with the labels that lie beside it.

    The file beside train-images-idx3-ubyte.gz is train-labels-idx1-ubyte.gz, gzipped or not.
    """
    array = read_idx(path)
    beside = labels or _labels_beside(path)
    found = read_idx(beside).astype(np.int64) if beside else None
    if found is not None and found.shape != array.shape[:1]:
        raise ValueError(f"{path} has {len(array)} rows, but {beside} labels {found.shape}.")
    return from_array(array, name=path.name, labels=found)


def open_idx_folder(folder: Path, split: str) -> Dataset | None:
    """The part `split` of a folder laid out as MNIST's is; None if it is another kind of folder."""
    start = {"train": "train", "test": "t10k"}[split]
    for path in sorted(folder.glob(f"{start}-images-idx3-ubyte*")):
        return open_idx(path)
    return None


def _labels_beside(path: Path) -> Path | None:
    plain = path.name.removesuffix(".gz").replace("images-idx3", "labels-idx1")
    if plain == path.name.removesuffix(".gz"):
        return None
    both = (path.with_name(plain + ending) for ending in (".gz", ""))
    return next((one for one in both if one.is_file()), None)


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an idx file, gzipped or not, in native byte order; mapped above 256 MB.

    Memory grows with what is there, never with what the header promises.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            return _read(file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}). Get it again.") from None


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path) if zipped else path.open("rb"))


def _read(file: BinaryIO, path: Path) -> np.ndarray:
    dtype, shape = _header(file, path)
    size = math.prod(shape) * dtype.itemsize
    if size > LARGE:
        values = (np.frombuffer(piece, dtype) for piece in _pieces(file, size, path))
        return spilled((math.prod(shape),), native(dtype), values, source=path.name).reshape(shape)
    content = b"".join(_pieces(file, size, path))
    return np.frombuffer(content, dtype).reshape(shape).astype(native(dtype), copy=False)


def _pieces(file: BinaryIO, size: int, path: Path) -> Iterator[bytes]:
    """The rest of the file, if it has just `size` bytes; pieces hold whole values."""
    left = size
    while left:
        piece = file.read(min(_PIECE, left))
        if len(piece) < min(_PIECE, left):
            raise ValueError(
                f"{path} announces {size} bytes of values and holds only "
                f"{size - left + len(piece)}. It is truncated: get it again."
            )
        left -= len(piece)
        yield piece
    if file.read(1):
        raise ValueError(
            f"{path} announces {size} bytes of values and holds more. It is damaged: get it again."
        )


def _header(file: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and sizes of the values that follow."""
    magic = file.read(4)
    known = len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES
    if not known or not 1 <= magic[3] <= _MOST_DIMENSIONS:
        raise ValueError(
            f"{path} is not an idx file: it begins with {magic.hex(' ')}, expected 00 00, a type "
            f"and 1 to {_MOST_DIMENSIONS} dimensions."
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(f"{path} ends within its header. It is truncated: get it again.")
    return np.dtype(_TYPES[magic[2]]), tuple(int(n) for n in np.frombuffer(sizes, ">u4"))

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
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4
_PIECE = 2**24


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an idx file, gzipped or not, in native byte order.

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
    dtype, shape = read_header(file, path)
    expected = math.prod(shape) * dtype.itemsize
    content = bytearray()
    while piece := file.read(min(_PIECE, expected + 1 - len(content))):
        content += piece
    if len(content) != expected:
        more = "more" if len(content) > expected else f"only {len(content)}"
        raise ValueError(
            f"{path} says it holds {' x '.join(map(str, shape))} values, {expected} bytes, but "
            f"has {more}. It is truncated or damaged: get it again."
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def read_header(file: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
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

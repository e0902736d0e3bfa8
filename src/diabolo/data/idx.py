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
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from diabolo.data.arrays import require_shape
from diabolo.data.dataset import Dataset
from diabolo.data.rows import native
from diabolo.data.spill import collected

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4
_PIECE = 2**24


def open_idx(path: Path) -> Dataset:
    """The images or rows of an idx file, with the labels that lie beside it.

    The file beside train-images-idx3-ubyte.gz is train-labels-idx1-ubyte.gz, gzipped or not.
    Above 256 MB the rows are put into a temporary file, in native byte order.
    """
    with _explained(path), _opened(path) as file:
        dtype, shape = _header(file, path)
        require_shape(shape, path.name)
        _refuse_other_size(file, dtype, shape, path)
        rows = collected(shape, native(dtype), _rows(file, dtype, shape, path), source=path.name)
    return Dataset(rows, shape[1:], None, _labels_for(path, len(rows)), path.name)


def open_idx_folder(folder: Path, split: str) -> Dataset | None:
    """The part `split` of a folder laid out as MNIST's is; None if it is another kind of folder."""
    start = {"train": "train", "test": "t10k"}[split]
    for path in sorted(folder.glob(f"{start}-images-idx3-ubyte*")):
        return open_idx(path)
    return None


def _labels_for(path: Path, n: int) -> np.ndarray | None:
    plain = path.name.removesuffix(".gz").replace("images-idx3", "labels-idx1")
    if plain == path.name.removesuffix(".gz"):
        return None
    for beside in (path.with_name(plain + ending) for ending in (".gz", "")):
        if beside.is_file():
            labels = read_idx(beside).astype(np.int64)
            if labels.shape == (n,):
                return labels
            raise ValueError(f"{path} has {n} rows, but {beside} has labels {labels.shape}.")
    return None


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an idx file, gzipped or not, in native byte order."""
    path = Path(path)
    with _explained(path), _opened(path) as file:
        dtype, shape = _header(file, path)
        pieces = [piece.copy() for piece in _rows(file, dtype, shape, path)]
        return np.concatenate(pieces).astype(native(dtype), copy=False)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}). Get it again.") from None


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if _is_zipped(path) else path.open("rb"))


def _is_zipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _rows(
    file: BinaryIO, dtype: np.dtype, shape: tuple[int, ...], path: Path
) -> Iterator[np.ndarray]:
    """The rest of the file in pieces of whole rows, if it has just the announced size.

    Memory grows with what is there, never with what the header promises.
    """
    size = math.prod(shape[1:]) * dtype.itemsize
    at_once = max(1, _PIECE // size)
    for first in range(0, shape[0], at_once):
        count = min(at_once, shape[0] - first)
        content = file.read(count * size)
        if len(content) < count * size:
            raise ValueError(
                _other_size(path, shape[0] * size, f"only {first * size + len(content)}")
            )
        yield np.frombuffer(content, dtype).reshape(count, *shape[1:])
    if file.read(1):
        raise ValueError(_other_size(path, shape[0] * size, "more"))


def _refuse_other_size(file: BinaryIO, dtype: np.dtype, shape: tuple[int, ...], path: Path) -> None:
    """Before room is made for large data; how much a gzip file holds is seen only at its end."""
    announced = math.prod(shape) * dtype.itemsize
    left = path.stat().st_size - file.tell()
    if left < announced and not _is_zipped(path):
        raise ValueError(_other_size(path, announced, f"only {left}"))


def _other_size(path: Path, announced: int, found: str) -> str:
    return (
        f"{path} announces {announced} bytes of values and holds {found}. It is truncated or "
        "damaged: get it again."
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

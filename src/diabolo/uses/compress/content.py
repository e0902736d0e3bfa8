"""Bytes and arrays that lie in files and are read in pieces: they may be larger than memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

PIECE = 2**20  # bytes


def fingerprint(content: bytes | memoryview) -> str:
    """16 bytes of the SHA-256, as 22 characters."""
    return shown(hashlib.sha256(content))


def shown(hashed: hashlib._Hash) -> str:
    return base64.b64encode(hashed.digest()[:16])[:22].decode()


@dataclass(frozen=True)
class Content:
    """Bytes that are had in pieces, as often as they are wanted.

    size   : how many there are
    pieces : all of them, in order
    """

    size: int
    pieces: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, content: bytes) -> Content:
        """Of bytes that are in memory."""
        return cls(len(content), lambda: iter([content]))

    @classmethod
    def of_file(cls, path: Path) -> Content:
        """Of a file that is opened when they are wanted."""

        def pieces() -> Iterator[bytes]:
            with path.open("rb") as file:
                yield from from_start(file)

        return cls(path.stat().st_size, pieces)

    @classmethod
    def together(cls, contents: Sequence[Content]) -> Content:
        """One behind the other."""
        return cls(
            sum(one.size for one in contents),
            lambda: (piece for one in contents for piece in one.pieces()),
        )

    @property
    def hash(self) -> str:
        """As `fingerprint` gives it."""
        hashed = hashlib.sha256()
        for piece in self.pieces():
            hashed.update(piece)
        return shown(hashed)

    def whole(self) -> bytes:
        """All of them in memory."""
        return b"".join(self.pieces())


def from_start(file: IO[bytes]) -> Iterator[bytes]:
    """All bytes of an open file."""
    file.seek(0)
    return iter(partial(file.read, PIECE), b"")


class Source:
    """A file that is read where it lies, a few bytes at a time, by any number of threads."""

    def __init__(self, descriptor: int) -> None:
        """descriptor : of an open file, which is closed with this"""
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def of_file(cls, path: Path, folder: Path | None = None) -> Source:
        """A file, or what is in a .gz: that goes into a temporary file first.

        folder : of the temporary file; None: the system's
        raises OSError, and EOFError or zlib.error for a damaged .gz
        """
        if path.suffix != ".gz":
            return cls(os.open(path, os.O_RDONLY))
        with gzip.open(path) as packed, tempfile.TemporaryFile(dir=folder) as file:
            shutil.copyfileobj(packed, file, PIECE)
            file.flush()
            return cls(os.dup(file.fileno()))

    @classmethod
    def temporary(cls, folder: Path | None) -> Source:
        """An empty file, to put arrays into."""
        with tempfile.TemporaryFile(dir=folder) as file:
            return cls(os.dup(file.fileno()))

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, first: int, last: int) -> bytes:
        """Bytes first … last − 1, as far as there are any."""
        pieces = []
        while first < last and (piece := os.pread(self._descriptor, last - first, first)):
            pieces.append(piece)
            first += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def put(self, array: np.ndarray) -> Stored:
        """Append an array, line by line."""
        start = self.size
        with open(self._descriptor, "wb", closefd=False) as file:  # goes on where it ended
            file.writelines(block.tobytes() for block in blocks(array))
        return Stored(self, start, array.dtype, array.shape)

    def content(self) -> Content:
        """All of its bytes."""
        size = self.size
        return Content(
            size, lambda: (self.read(at, min(at + PIECE, size)) for at in range(0, size, PIECE))
        )


class Stored:
    """An array (n, …) in a file, line by line, that is read by slices of its rows.

    start : its first byte in the file
    table : what each value is replaced by; None: nothing is
    """

    def __init__(
        self,
        source: Source,
        start: int,
        dtype: np.dtype,
        shape: tuple[int, ...],
        table: np.ndarray | None = None,
    ) -> None:
        self.source, self.start, self.dtype, self.shape = source, start, dtype, shape
        self.table = table

    def seen_as(
        self, dtype: np.dtype, shape: tuple[int, ...], table: np.ndarray | None = None
    ) -> Stored:
        """The same bytes as an array of another type or shape."""
        return Stored(self.source, self.start, dtype, shape, table)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Of all of it, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, last, _ = rows.indices(len(self))
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        content = self.source.read(self.start + first * row, self.start + last * row)
        found = np.frombuffer(content, self.dtype).reshape(last - first, *self.shape[1:])
        return found if self.table is None else self.table[found]

    def content(self) -> Content:
        """Its bytes."""
        return Content(self.size, lambda: (block.tobytes() for block in blocks(self)))


Array = np.ndarray | Stored


def blocks(array: Array) -> Iterator[np.ndarray]:
    """All rows of an array, about `PIECE` bytes of them at a time."""
    rows = max(1, PIECE // max(1, math.prod(array.shape[1:]) * array.dtype.itemsize))
    for first in range(0, len(array), rows):
        yield array[first : first + rows]

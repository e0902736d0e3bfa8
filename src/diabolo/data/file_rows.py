"""Rows read from a file as they are needed, so that memory stays flat however large it is.

They are read by position, not through a memory map: a map counts every page that a read touches
as memory of the process, up to 2 MB of neighbours with it (where the page cache uses large folios,
Linux ≥ 6.16 on ext4, shuffled reading of 4 GB held 1.5 GB), and 128 rows of 4 kB take 0.4 ms by
position against 0.5 to 1 ms by faults.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from diabolo.data.rows import native


class FileRows:
    """n rows of one shape at equal distances in a file.

    descriptor : of the open file; closed when these rows are no longer used
    shape      : (n, ...) of all rows
    offset     : bytes before the first row
    stride     : bytes from one row to the next; may be negative
    """

    array: np.ndarray | None = None

    def __init__(
        self,
        descriptor: int,
        shape: tuple[int, ...],
        dtype: np.dtype,
        *,
        offset: int = 0,
        stride: int | None = None,
    ):
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)
        self._shape = shape
        self._stored = dtype
        self._size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        self._offset = offset
        self._stride = self._size if stride is None else stride

    @property
    def dtype(self) -> np.dtype:
        return native(self._stored)

    def __len__(self) -> int:
        return self._shape[0]

    def take(self, index: np.ndarray) -> np.ndarray:
        order = np.argsort(index, kind="stable")  # as a disk likes it
        ahead = index[order]
        rows = self._read(ahead)
        if np.array_equal(ahead, index):
            return rows
        taken = np.empty_like(rows)
        taken[order] = rows
        return taken

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        for first in range(0, len(self), size):
            yield self._read(np.arange(first, min(first + size, len(self))))

    def _read(self, index: np.ndarray) -> np.ndarray:
        """The rows at these rising positions."""
        buffer = np.empty((len(index), self._size), np.uint8)
        if _is_range(index) and self._stride == self._size:
            self._fill(buffer.reshape(-1), self._offset + int(index[0]) * self._size)
        else:
            for row, i in zip(buffer, index.tolist(), strict=True):
                self._fill(row, self._offset + i * self._stride)
        rows = buffer.view(self._stored).reshape(len(index), *self._shape[1:])
        return rows.astype(self.dtype, copy=False)

    def _fill(self, buffer: np.ndarray, position: int) -> None:
        view = buffer.data
        while view:
            count = os.preadv(self._descriptor, [view], position)
            if count == 0:
                raise OSError("The file that the rows lie in became shorter while it was read.")
            view = view[count:]
            position += count


def mapped_rows(array: np.ndarray) -> FileRows | None:
    """Rows of a memory-mapped array read from its file, if that can be done without a doubt.

    Not so for a copy-on-write map (mode "c"), which may hold changes of its own, nor if another
    file has taken the name since. Then the array has to be read through its map.
    """
    owner = next((one for one in _owners(array) if isinstance(one, np.memmap)), None)
    if owner is None or owner.mode == "c" or owner.filename is None or not _rows_whole(array):
        return None
    start = np.frombuffer(_mapping(owner), np.uint8).ctypes.data
    try:
        descriptor = os.open(owner.filename, os.O_RDONLY)
    except OSError:
        return None
    if _mapped_inode(start) != os.fstat(descriptor).st_ino:
        os.close(descriptor)
        return None
    before = owner.offset - owner.offset % mmap.ALLOCATIONGRANULARITY
    offset = before + array.ctypes.data - start
    return FileRows(descriptor, array.shape, array.dtype, offset=offset, stride=array.strides[0])


def release(array: np.ndarray) -> None:
    """Give back the memory of pages that were read through a map shared with its file."""
    owner = next((one for one in _owners(array) if isinstance(one, np.memmap)), None)
    if owner is not None and owner.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
        _mapping(owner).madvise(mmap.MADV_DONTNEED)


def _mapping(owner: np.memmap) -> mmap.mmap:
    return owner._mmap  # type: ignore[attr-defined]


def is_mapped(array: np.ndarray) -> bool:
    """Whether the array, or what it is a view of, lies in a memory-mapped file."""
    return any(isinstance(owner, np.memmap | mmap.mmap) for owner in _owners(array))


def _owners(array: np.ndarray) -> Iterator[Any]:
    """The array, what it is a view of, and so on down to the buffer that holds the numbers."""
    owner: Any = array
    while owner is not None:
        yield owner
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)


def _rows_whole(array: np.ndarray) -> bool:
    return array[:1].flags.c_contiguous


def _is_range(index: np.ndarray) -> bool:
    return len(index) > 0 and bool((np.diff(index) == 1).all())


def _mapped_inode(address: int) -> int | None:
    """Inode of the file mapped at an address; None where /proc does not say (not Linux)."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return None
    for line in lines:  # 7f00…-7f01… r--s 00000000 fe:00 1234   /path
        span, _, _, _, inode, *_ = line.split()
        first, last = (int(end, 16) for end in span.split("-"))
        if first <= address < last:
            return int(inode)
    return None

"""The rows of a data set, wherever they lie: in memory, in a mapped file, or sparse.

All kinds answer the same two questions, "which rows?" and "all rows, a piece at a time", in the
rows' own dtype. What comes out does not depend on where the rows lie.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

# Pages of a mapped file count as memory of this process until they are given back.
RELEASE_AFTER = 64 * 2**20
# Linux maps the 16 pages around a touched one along with it ("fault-around").
FAULT_AROUND = 64 * 2**10


class Rows(Protocol):
    """n rows of one shape and dtype.

    array : all of them at once where they are in memory, else None.
    """

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def array(self) -> np.ndarray | None: ...

    def __len__(self) -> int: ...

    def take(self, index: np.ndarray) -> np.ndarray:
        """The rows (k, *shape) at these k positions, in their order."""
        ...

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """All rows in order, `size` at a time; each piece is valid until the next is asked for."""
        ...


class ArrayRows:
    """Rows of an array in memory; never a copy of it."""

    def __init__(self, array: np.ndarray):
        self.array: np.ndarray | None = array
        self._array = array

    @property
    def dtype(self) -> np.dtype:
        return self._array.dtype

    def __len__(self) -> int:
        return len(self._array)

    def take(self, index: np.ndarray) -> np.ndarray:
        return self._array.take(index, axis=0)

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        for first in range(0, len(self), size):
            yield self._array[first : first + size]


class MappedRows:
    """Rows of a memory-mapped array, read a batch at a time.

    The pages read are given back every 64 MB, so that memory stays flat however large the file.
    Rows are read in the order of the file (a sorted index), as a disk likes it.
    """

    array: np.ndarray | None = None

    def __init__(self, array: np.ndarray):
        self._array = array
        self._mapping = _releasable_mapping(array)
        self._touched = 0
        self._row_bytes = array[:1].nbytes

    @property
    def dtype(self) -> np.dtype:
        return native(self._array.dtype)

    def __len__(self) -> int:
        return len(self._array)

    def take(self, index: np.ndarray) -> np.ndarray:
        order = np.argsort(index, kind="stable")
        rows = np.empty((len(index), *self._array.shape[1:]), self.dtype)
        rows[order] = self._array[index[order]]
        self._release(len(index) * (self._row_bytes + FAULT_AROUND))
        return rows

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        for first in range(0, len(self), size):
            piece = self._array[first : first + size]
            yield piece.astype(self.dtype, copy=False)
            self._release(piece.nbytes)

    def _release(self, touched: int) -> None:
        self._touched += touched
        if self._mapping is None or self._touched < RELEASE_AFTER:
            return
        self._mapping.madvise(mmap.MADV_DONTNEED)
        self._touched = 0


class SparseRows:
    """Rows of a scipy CSR matrix; sparse in memory, dense only a batch at a time."""

    array: np.ndarray | None = None

    def __init__(self, matrix: Any):
        self._matrix = matrix

    @property
    def dtype(self) -> np.dtype:
        return self._matrix.dtype

    def __len__(self) -> int:
        return self._matrix.shape[0]

    def take(self, index: np.ndarray) -> np.ndarray:
        return self._matrix[index].toarray()

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        for first in range(0, len(self), size):
            yield self._matrix[first : first + size].toarray()


def native(dtype: np.dtype) -> np.dtype:
    """The dtype in this machine's byte order; long doubles, which torch lacks, become double."""
    return (
        np.dtype(np.float64)
        if dtype.kind == "f" and dtype.itemsize > 8
        else dtype.newbyteorder("=")
    )


def is_mapped(array: np.ndarray) -> bool:
    """Whether the array, or what it is a view of, lies in a memory-mapped file."""
    return any(isinstance(owner, np.memmap | mmap.mmap) for owner in _owners(array))


def _owners(array: np.ndarray) -> Iterator[Any]:
    """The array, what it is a view of, and so on down to the buffer that holds the numbers."""
    owner: Any = array
    while owner is not None:
        yield owner
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)


def _releasable_mapping(array: np.ndarray) -> mmap.mmap | None:
    """The mapping behind the array, if giving back its pages can lose nothing.

    That holds for a mapping shared with its file: the pages are read again when they are needed.
    A copy-on-write map (mode "c") may hold the user's own changes, in memory alone.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):
        return None
    owners = list(_owners(array))
    shared = any(isinstance(one, np.memmap) and one.mode in ("r", "r+", "w+") for one in owners)
    mapping = next((one for one in owners if isinstance(one, mmap.mmap)), None)
    if mapping is None or not (shared or memoryview(mapping).readonly):
        return None
    return mapping

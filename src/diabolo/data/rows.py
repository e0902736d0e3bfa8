"""The rows of a data set, wherever they lie: in memory, in a file, or sparse.

All kinds answer the same two questions, "which rows?" and "all rows, a piece at a time", in the
rows' own dtype. What comes out does not depend on where the rows lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np


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
        """All rows in order, `size` at a time."""
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
    wide = dtype.kind == "f" and dtype.itemsize > 8
    return np.dtype(np.float64) if wide else dtype.newbyteorder("=")

"""Data too large for memory, unpacked once into a temporary file of plain rows.

The file has no name: it vanishes with the process that reads it, even if that is killed.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterable

import numpy as np

from diabolo.data.file_rows import FileRows
from diabolo.data.rows import ArrayRows, Rows

# Above this many bytes, arrays stay in (or go to) a file and are read from there.
LARGE = 256 * 2**20


def collected(
    shape: tuple[int, ...], dtype: np.dtype, chunks: Iterable[np.ndarray], *, source: str
) -> Rows:
    """The rows of all chunks: in memory up to 256 MB, else in a temporary file."""
    if math.prod(shape) * dtype.itemsize > LARGE:
        return spilled(shape, dtype, chunks, source=source)
    array, first = np.empty(shape, dtype), 0
    for chunk in chunks:
        array[first : first + len(chunk)] = chunk
        first += len(chunk)
    return ArrayRows(array)


def spilled(
    shape: tuple[int, ...], dtype: np.dtype, chunks: Iterable[np.ndarray], *, source: str
) -> FileRows:
    """The rows of all chunks in a nameless file in the temporary folder.

    raises : OSError before anything is written, if that folder lacks the room.
    """
    size = math.prod(shape) * dtype.itemsize
    room = shutil.disk_usage(tempfile.gettempdir()).free
    if size > room:
        raise OSError(
            f"{source} unpacks to {_gigabytes(size)}, but the temporary folder has only "
            f"{_gigabytes(room)} left. Let TMPDIR name a folder with more room."
        )
    with tempfile.TemporaryFile(prefix="diabolo-") as file:
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).data.cast("B"))
        file.flush()
        return FileRows(os.dup(file.fileno()), shape, dtype)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"

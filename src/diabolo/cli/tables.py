"""Numbers that come a piece at a time → one file, whole or not at all, in bounded memory.

The suffix decides: .npy holds rows in their own shape, .csv and .parquet one column an entry and,
where the data have labels, a last column with them. "-" is CSV to standard output.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from diabolo.files import write_atomically

SUFFIXES = (".parquet", ".csv", ".npy")
STDOUT = Path("-")
_PIECE = 2**20  # bytes copied at a time


class Table(NamedTuple):
    """Rows to be written.

    pieces : (k, *shape) float32 or float64, together `rows` rows
    names : of the flattened row's entries
    labels : (rows,) with the name of their column, or None
    """

    pieces: Iterable[np.ndarray]
    rows: int
    names: list[str]
    labels: np.ndarray | None = None
    label_name: str = "label"


def check_suffix(path: Path, more: tuple[str, ...] = ()) -> None:
    """Raise a ValueError, before any work, for a suffix that says of no format."""
    known = SUFFIXES + more
    if path != STDOUT and path.suffix.lower() not in known:
        raise ValueError(
            f"{path}: the suffix says in which format to write, so it has to be one of "
            f"{', '.join(known)}."
        )


def write(path: Path, table: Table) -> None:
    """Write in the format that the path's suffix names."""
    if path == STDOUT:
        for chunk in _csv(table):
            sys.stdout.write(chunk.decode())
    elif path.suffix.lower() == ".parquet":
        _write_parquet(path, table)
    else:
        write_atomically(path, {".npy": _npy, ".csv": _csv}[path.suffix.lower()](table))


def _npy(table: Table) -> Iterator[bytes | memoryview]:
    """numpy's format: a header that says how many rows will follow, and the rows."""
    pieces = iter(table.pieces)
    first = next(pieces)
    header = io.BytesIO()
    shape = (table.rows, *first.shape[1:])
    description = {"descr": first.dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    yield header.getvalue()
    for piece in chain([first], pieces):
        yield np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data


def _csv(table: Table) -> Iterator[bytes]:
    for number, frame in enumerate(_frames(table)):
        yield frame.write_csv(include_header=number == 0).encode()


def _write_parquet(path: Path, table: Table) -> None:
    """Pieces go to files of their own first: a Parquet file's index comes last, and polars writes
    it in one go."""
    with tempfile.TemporaryDirectory(prefix="diabolo-") as name:
        folder = Path(name)
        for number, frame in enumerate(_frames(table)):
            frame.write_parquet(folder / f"{number:08}.parquet")
        whole = folder / "whole"
        pl.scan_parquet(folder / "*.parquet").sink_parquet(whole)
        write_atomically(path, _bytes_of(whole))


def _bytes_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _frames(table: Table) -> Iterator[pl.DataFrame]:
    start = 0
    for piece in table.pieces:
        frame = pl.from_numpy(piece.reshape(len(piece), -1), schema=table.names)
        if table.labels is not None:
            labels = table.labels[start : start + len(piece)]
            frame = frame.with_columns(pl.Series(table.label_name, labels))
        start += len(piece)
        yield frame

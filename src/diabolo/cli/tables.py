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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from diabolo.data.originals import as_polars
from diabolo.files import write_atomically

if TYPE_CHECKING:
    from diabolo.data.columns import Columns

SUFFIXES = (".parquet", ".csv", ".npy")
STDOUT = Path("-")
_PIECE = 2**20  # bytes copied at a time
_ROW_GROUP = 64 * 2**20  # bytes; smaller ones make the index of wide tables large (1 kB a column)


class Table(NamedTuple):
    """Rows to be written.

    pieces : (k, *shape) numbers, or frames of mixed tables, together `rows` rows
    names : of the flattened row's entries
    labels : (rows,) with the name of their column, or None
    whole : which columns hold whole numbers, (d,) bool, and are written as such; None: none do
        that do not anyway
    """

    pieces: Iterable[Any]
    rows: int
    names: list[str]
    labels: np.ndarray | None = None
    label_name: str = "label"
    whole: np.ndarray | None = None


def check_suffix(path: Path, more: tuple[str, ...] = ()) -> None:
    """Raise a ValueError, before any work, for a suffix that says of no format."""
    known = SUFFIXES + more
    if path != STDOUT and path.suffix.lower() not in known:
        raise ValueError(
            f"{path}: the suffix says in which format to write, so it has to be one of "
            f"{', '.join(known)}."
        )


def refuse_numbers_only(path: Path, columns: Columns) -> None:
    """Raise a ValueError for a format that cannot hold a mixed table."""
    if columns.schema is not None and path.suffix.lower() == ".npy":
        raise ValueError(
            f"{path}: .npy holds numbers alone, but rows of this model are a mixed table. "
            "Write .csv or .parquet."
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
    """Through a temporary file, because the index of a Parquet file comes last and polars writes
    it in one go: 2 GB of rows take 0.2 GB of memory."""
    frames, failures = _frames(table), []
    first = next(frames)

    def source(*_: Any) -> Iterator[pl.DataFrame]:
        try:
            yield from chain([first], frames)
        except Exception as error:
            failures.append(error)  # polars would turn it into one of its own
            raise

    with tempfile.TemporaryDirectory(prefix="diabolo-") as folder:
        whole = Path(folder) / "whole.parquet"
        # left to itself polars gathers a quarter of a million rows, however wide
        rows = max(1, _ROW_GROUP // (8 * len(table.names)))
        try:
            register_io_source(source, schema=first.schema).sink_parquet(whole, row_group_size=rows)
        except pl.exceptions.PolarsError as error:
            raise (failures or [error])[0] from None
        write_atomically(path, _bytes_of(whole))


def _bytes_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _frames(table: Table) -> Iterator[pl.DataFrame]:
    start = 0
    for piece in table.pieces:
        is_array = isinstance(piece, np.ndarray)
        if is_array:
            frame = pl.from_numpy(piece.reshape(len(piece), -1), schema=table.names)
        else:
            frame = as_polars(piece)
        if table.whole is not None and is_array and piece.dtype.kind == "f":
            whole = [
                name for name, is_whole in zip(table.names, table.whole, strict=True) if is_whole
            ]
            frame = frame.with_columns(pl.col(whole).cast(pl.Int64))
        if table.labels is not None:
            labels = table.labels[start : start + len(piece)]
            frame = frame.with_columns(pl.Series(table.label_name, labels))
        start += len(piece)
        yield frame

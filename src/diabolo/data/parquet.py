"""Parquet files → rows, however large.

Up to 256 MB of numbers are held in memory. More are unpacked once, some megabytes at a time, into
a temporary file of plain rows that is read from there: shuffled reading straight from Parquet
would unpack a whole row group for every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl

from diabolo.data.dataset import Dataset
from diabolo.data.spill import collected
from diabolo.data.tables import labels_of, matrix
from diabolo.data.values import require_rows_and_columns

_PIECE = 32 * 2**20  # bytes of plain rows at a time


def open_parquet(path: Path, target: str | None = None) -> Dataset:
    """A data set of the rows of a Parquet file; the column `target` becomes its labels."""
    try:
        return from_parquet(path, target, path.name)
    except pl.exceptions.PolarsError as error:
        raise ValueError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}). "
            "It is truncated, damaged, or something else."
        ) from None


def from_parquet(path: Path, target: str | None, name: str) -> Dataset:
    table = pl.scan_parquet(path, glob=False)
    labels = None
    if target is not None:
        column = table.select(target) if target in table.collect_schema() else table.head(0)
        labels = labels_of(nw.from_native(column.collect()), target, name)
        table = table.drop(target)
    names = tuple(table.collect_schema().names())
    shape = int(table.select(pl.len()).collect().item()), len(names)
    require_rows_and_columns(shape, name)
    dtype = matrix(nw.from_native(table.head(1).collect()), name).dtype
    rows = collected(shape, dtype, _pieces(table, shape, dtype, name), source=name)
    return Dataset(rows, shape[1:], names, labels, name)


def _pieces(
    table: pl.LazyFrame, shape: tuple[int, int], dtype: np.dtype, name: str
) -> Iterator[np.ndarray]:
    size = max(1, _PIECE // (shape[1] * dtype.itemsize))
    for first in range(0, shape[0], size):
        frame = table.slice(first, size).collect()
        yield matrix(nw.from_native(frame), name, first)

"""Parquet files → rows, however large.

Up to 256 MB of numbers are held in memory. More are unpacked once, some megabytes at a time, into
a temporary file of plain rows that is read from there: shuffled reading straight from Parquet
would unpack a whole row group for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from diabolo.data.cells import Look, categories_of, matrix_of, written
from diabolo.data.dataset import Dataset
from diabolo.data.fields import NUMBERS, Asked, Schema
from diabolo.data.spill import collected
from diabolo.data.tables import labels_of, matrix, schema_of
from diabolo.data.values import require_rows_and_columns

_PIECE = 32 * 2**20  # bytes of plain rows at a time


def open_parquet(path: Path, target: str | None = None, schema: Asked = NUMBERS) -> Dataset:
    """A data set of the rows of a Parquet file; the column `target` becomes its labels."""
    try:
        return from_parquet(path, target, path.name, schema)
    except pl.exceptions.PolarsError as error:
        raise ValueError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}). "
            "It is truncated, damaged, or something else."
        ) from None


def from_parquet(path: Path, target: str | None, name: str, schema: Asked = NUMBERS) -> Dataset:
    """Likewise; see `diabolo.data.tables.from_frame` for the schema."""
    table = pl.scan_parquet(path, glob=False)
    labels = None
    if target is not None:
        column = table.select(target) if target in table.collect_schema() else table.head(0)
        labels = labels_of(nw.from_native(column.collect()), target, name)
        table = table.drop(target)
    names = tuple(table.collect_schema().names())
    rows = int(table.select(pl.len()).collect().item())
    require_rows_and_columns((rows, len(names)), name)
    if not isinstance(schema, Schema):
        schema = schema_of(_look_at(table), schema or {}, name, "polars")
    if schema == NUMBERS:
        shape = rows, len(names)
        dtype = matrix(nw.from_native(table.head(1).collect()), name).dtype
        held = collected(shape, dtype, _pieces(table, shape, dtype, matrix, name), source=name)
        return Dataset(held, shape[1:], names, labels, name)

    def cells(frame: nw.DataFrame, source: str, first_row: int) -> np.ndarray:
        return matrix_of(frame, schema, source, first_row)

    shape, dtype = (rows, len(schema.fields)), np.dtype(np.float64)
    held = collected(shape, dtype, _pieces(table, shape, dtype, cells, name), source=name)
    return Dataset(held, shape[1:], schema.names, labels, name, schema)


def _look_at(table: pl.LazyFrame) -> Look:
    """A table that may be larger than memory: of its cells, only different texts are held."""
    empty = nw.from_native(table.head(0).collect())
    missing = table.null_count().collect().row(0, named=True)
    rows = int(table.select(pl.len()).collect().item())

    def distinct(name: str) -> list[Any]:
        found = table.select(pl.col(name).drop_nulls().unique())
        return found.collect(engine="streaming").to_series().to_list()

    def gaps() -> bool:
        floats = [name for name, dtype in empty.schema.items() if dtype.is_float()]
        if not any(missing.values()) and floats:
            found = table.select(pl.col(floats).is_nan().any()).collect(engine="streaming")
            return any(found.row(0))
        return any(missing.values())

    return Look(
        types=dict(empty.schema),
        known={name: rows - count for name, count in missing.items()},
        distinct=distinct,
        native=lambda name: written(empty[name].dtype),
        order=lambda name: categories_of(empty[name].dtype),
        gaps=gaps,
    )


def _pieces(
    table: pl.LazyFrame,
    shape: tuple[int, int],
    dtype: np.dtype,
    rows_of: Callable[[nw.DataFrame, str, int], np.ndarray],
    name: str,
) -> Iterator[np.ndarray]:
    size = max(1, _PIECE // (shape[1] * dtype.itemsize))
    for first in range(0, shape[0], size):
        frame = table.slice(first, size).collect()
        yield rows_of(nw.from_native(frame), name, first)

"""Tables of which cells are missing, and the same tables with these cells filled.

Only missing cells change: what was known comes back as it was, in its own type, and columns that a
model does not look at pass through.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse
import torch

from diabolo.data.arrays import require_shape
from diabolo.data.cells import free_text, inferred, library_of, look_at
from diabolo.data.csv_table import read_csv
from diabolo.data.dataset import Dataset
from diabolo.data.fields import Asked, Field, Schema, check_wishes
from diabolo.data.originals import frame_of
from diabolo.data.rows import ArrayRows
from diabolo.data.sources import is_annotated, open_dataset
from diabolo.data.tables import is_frame, require_unique_names

Fill = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Gaps:
    """A table as cells, and the way back.

    dataset : its cells as numbers, NaN where they are missing; always with a schema.
    missing : (n, d) bool.
    fill    : cells (n, d) without a gap → what came in, with its gaps filled
    names   : of all columns that came in, or None where they have none
    shape   : of a row that came in
    """

    dataset: Dataset
    missing: np.ndarray
    fill: Fill
    names: tuple[str, ...] | None
    shape: tuple[int, ...]


def open_gaps(source: Any, schema: Asked = None) -> Gaps:
    """Whatever `open_dataset` takes, with missing cells: also NaN in arrays.

    schema : what some columns are, or all of it, as a model knows it. Text that names rows is left
        alone where it is not spoken of.
    """
    if not isinstance(schema, Schema):
        check_wishes(schema)
    if isinstance(source, str | Path) and Path(source).suffix.lower() in {".csv", ".tsv", ".txt"}:
        source = read_csv(Path(source), schema)
    if isinstance(source, str | Path):
        source = _from_file(source)
    if is_frame(source):
        return _of_frame(source, schema)
    if is_annotated(source):
        return _of_annotated(source, schema)
    return _of_array(source, None, schema)


def _from_file(source: str | Path) -> Any:
    if Path(source).suffix.lower() in {".parquet", ".pq"}:
        import polars as pl

        if not Path(source).exists():
            raise FileNotFoundError(f"There is no file or folder {str(source)!r}.")
        return pl.read_parquet(source)
    return _all_rows(source)


def _all_rows(source: Any) -> np.ndarray:
    dataset = open_dataset(source)
    return dataset.rows.take(np.arange(len(dataset)))


def _of_frame(source: Any, asked: Asked) -> Gaps:
    require_unique_names(source)
    frame = nw.from_native(source)
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    if not isinstance(asked, Schema):
        look = look_at(frame)
        ignored = {name: "ignore" for name in free_text(look) if name not in (asked or {})}
        asked = inferred(look, {**ignored, **(asked or {})}, "X", library_of(frame))
    dataset = open_dataset(frame.to_native(), schema=asked)
    cells = dataset.rows.take(np.arange(len(dataset)))
    missing = np.isnan(cells)
    known_empty = [field.kind == "empty" for field in asked.fields]

    def fill(matrix: np.ndarray) -> Any:
        made = nw.from_native(frame_of(matrix, asked), eager_only=True)
        columns = []
        for name in frame.columns:
            j = asked.names.index(name) if name in asked.names else -1
            if j < 0 or known_empty[j] or not missing[:, j].any():
                continue
            columns.append(_zipped(frame[name], made[name], missing[:, j]))
        return frame.with_columns(*columns).to_native() if columns else frame.clone().to_native()

    names = tuple(map(str, frame.columns))
    return Gaps(dataset, missing, fill, names, (len(names),))


def _zipped(column: nw.Series, made: nw.Series, missing: np.ndarray) -> nw.Series:
    """The column with cells of another one where its own are missing, in its own type."""
    native = column.to_native()
    if column.implementation.is_pandas():
        filled = native.copy()
        values = made.to_pandas().set_axis(native.index)
        if str(filled.dtype) != str(values.dtype) and str(filled.dtype) in ("object", "bool"):
            values = values.astype(object)
        filled[missing] = values[missing]
        return nw.from_native(filled, series_only=True)
    if made.implementation != column.implementation:
        made = nw.new_series(column.name, made.to_list(), backend=column.implementation)
    known = nw.new_series("known", ~missing, nw.Boolean, backend=column.implementation)
    if made.dtype != column.dtype:
        made = made.round() if made.dtype.is_float() and column.dtype.is_integer() else made
        made = made.cast(column.dtype)
    return column.zip_with(known, made).alias(column.name)


def _of_annotated(source: Any, schema: Asked) -> Gaps:
    names = tuple(map(str, source.var_names))
    found = _of_array(source.X, names, schema)

    def fill(matrix: np.ndarray) -> Any:
        filled = source.copy() if hasattr(source, "copy") else copy.copy(source)
        filled.X = found.fill(matrix)
        return filled

    return Gaps(found.dataset, found.missing, fill, names, found.shape)


def _of_array(source: Any, names: tuple[str, ...] | None, schema: Asked) -> Gaps:
    if schema and not isinstance(schema, Schema):
        raise ValueError(
            "An array has no named columns, so the schema names nothing. Pass a frame, a CSV or a "
            "Parquet file, or leave the schema out."
        )
    sparse = type(source) if scipy.sparse.issparse(source) else None
    if isinstance(source, torch.Tensor):
        source = source.detach().cpu().numpy()
    if isinstance(source, np.ma.MaskedArray):
        source = np.ma.filled(source.astype(np.float64), np.nan)
    array = source.toarray() if sparse else _all_rows(source)
    require_shape(array.shape, "X")
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    cells = array.reshape(len(array), -1).astype(np.float64)
    missing = np.isnan(cells)
    if not isinstance(schema, Schema):
        schema = _numbers(cells, names or tuple(f"x{j}" for j in range(cells.shape[1])))
    dataset = Dataset(ArrayRows(cells), (cells.shape[1],), schema.names, None, "X", schema)

    def fill(matrix: np.ndarray) -> Any:
        filled = np.where(missing, matrix, cells).astype(dtype).reshape(array.shape)
        return sparse(filled) if sparse else filled

    return Gaps(dataset, missing, fill, names, array.shape[1:])


def _numbers(cells: np.ndarray, names: tuple[str, ...]) -> Schema:
    empty = np.isnan(cells).all(0)
    if empty.all():
        raise ValueError("X contains NaN or nothing in every cell. Pass rows with values.")
    kinds = ("empty" if one else "number" for one in empty)
    return Schema(
        tuple(Field(name, kind, dtype="Float64") for name, kind in zip(names, kinds, strict=True))
    )

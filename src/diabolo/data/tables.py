"""Data frames (pandas, polars, pyarrow, … through narwhals) → rows.

Numbers and true/false without gaps get one dtype, the smallest that holds them all. A table with
text, dates or missing cells becomes cells as numbers, see `diabolo.data.fields`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from diabolo.data.arrays import from_array
from diabolo.data.cells import Look, inferred, library_of, look_at, matrix_of
from diabolo.data.dataset import Dataset
from diabolo.data.fields import NUMBERS, Asked, Schema
from diabolo.data.rows import ArrayRows, native
from diabolo.data.values import guess, missing_value, require_rows_and_columns


def is_frame(source: Any) -> bool:
    """Whether narwhals knows this kind of frame."""
    try:
        known = nw.from_native(source, pass_through=True)
    except nw.exceptions.DuplicateError:
        return True
    return isinstance(known, nw.DataFrame | nw.LazyFrame)


def from_frame(
    source: Any, *, target: str | None = None, name: str = "X", schema: Asked = NUMBERS
) -> Dataset:
    """A data set of the rows of a frame; the column `target` becomes its labels.

    schema : what the columns are: all of it, as a model knows it (`NUMBERS`: plain numbers), or
             of some, and the rest is inferred
    """
    frame = _collected(source, name)
    labels = None
    if target is not None:
        labels = labels_of(frame, target, name)
        frame = frame.drop(target)
    require_rows_and_columns(frame.shape, name)
    if not isinstance(schema, Schema):
        schema = schema_of(look_at(frame), schema or {}, name, library_of(frame))
    if schema == NUMBERS:
        dataset = from_array(matrix(frame, name), name=name, labels=labels)
        return replace(dataset, names=tuple(str(one) for one in frame.columns))
    rows = ArrayRows(matrix_of(frame, schema, name))
    return Dataset(rows, (len(schema.fields),), schema.names, labels, name, schema)


def schema_of(look: Look, asked: Mapping[str, str], source: str, library: str) -> Schema:
    """`NUMBERS` for a table of numbers and true/false without a gap, else what its columns are."""
    schema = inferred(look, asked, source, library)
    numbers = all(
        field.kind == "number" or (field.kind == "boolean" and look.types[field.name] == nw.Boolean)
        for field in schema.fields
    )
    return NUMBERS if numbers and not schema.ignored and not look.gaps() else schema


def _collected(source: Any, name: str) -> nw.DataFrame:
    require_unique_names(source, name)
    frame = nw.from_native(source)
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def require_unique_names(source: Any, name: str = "X") -> None:
    """Raise a ValueError if two columns of a frame have one name; what is no frame passes."""
    try:
        nw.from_native(source, pass_through=True)
    except nw.exceptions.DuplicateError:
        names = source.column_names if hasattr(source, "column_names") else source.columns
        refuse_duplicates([str(one) for one in names], name)
        raise


def refuse_duplicates(names: Sequence[str], source: str) -> None:
    """Raise a ValueError if two columns have one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"{source} has {names.count(twice[0])} columns named {twice[0]!r}. Rename them: "
            "column names must differ."
        )


def labels_of(frame: nw.DataFrame, target: str, source: str) -> np.ndarray:
    """The column `target` as whole numbers, or else as text."""
    if target not in frame.columns:
        known = [str(name) for name in frame.columns]
        raise ValueError(
            f"{source} has no column {target!r} to use as target"
            f"{guess(target, known) or '. Name one of its columns.'}"
        )
    column = frame[target]
    _refuse_missing(column, source, 0)
    labels = column.to_numpy()
    return labels if labels.dtype.kind in "biu" else labels.astype(str)


def matrix(frame: nw.DataFrame, source: str, first_row: int = 0) -> np.ndarray:
    """All columns as one array (n, d), rows contiguous.

    first_row : number of the frame's first row in the whole table, for messages.
    """
    columns = [_numbers(column, source, first_row) for column in frame.iter_columns()]
    array = np.empty(frame.shape, native(np.result_type(*columns)))
    for j, column in enumerate(columns):
        array[:, j] = column
    return array


def _numbers(column: nw.Series, source: str, first_row: int) -> np.ndarray:
    """The values of a column, if all are there and are numbers."""
    if not _may_hold_numbers(column.dtype):
        _refuse_text(column, source, first_row)
    _refuse_missing(column, source, first_row)
    if column.dtype in (nw.Int128, nw.UInt128):
        column = column.cast(nw.Float64)
    values = column.to_numpy()
    if values.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: column {column.name!r} of {source} is complex. "
            "Pass real and imaginary parts as columns of their own."
        )
    if values.dtype.kind in "biuf":
        return values
    return _from_objects(values, column, source, first_row)


def _may_hold_numbers(dtype: nw.dtypes.DType) -> bool:
    return dtype.is_numeric() or dtype in (nw.Boolean, nw.Object, nw.Unknown)


def _from_objects(values: np.ndarray, column: nw.Series, source: str, first_row: int) -> np.ndarray:
    numbers = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            numbers[row] = float(value)
        except (TypeError, ValueError):
            raise ValueError(text_in(source, column.name, value, first_row + row)) from None
    return numbers


def _refuse_text(column: nw.Series, source: str, first_row: int) -> None:
    """Raise the sentence for a column of text, dates or lists, by its first value."""
    present = ~column.is_null()
    if present.any():
        row = int(present.arg_true()[0])
        value = column[row]
        value = value.to_list() if isinstance(value, nw.Series) else value
        raise ValueError(text_in(source, column.name, value, first_row + row))


def text_in(source: str, column: object, value: object, row: int) -> str:
    """The sentence for a value that is not a number."""
    return (
        f"{source} has {str(value)!r:.60} in row {row}, column {column!r}, expected a number. "
        "Correct that cell or leave it empty, leave that column out, or, if it holds categories, "
        f"fit a model with schema={{{column!r}: 'category'}}."
    )


def _refuse_missing(column: nw.Series, source: str, first_row: int) -> None:
    missing = column.is_null()
    if missing.any():
        row = first_row + int(missing.arg_true()[0])
        raise ValueError(missing_value(source, f"row {row}, column {column.name!r}"))

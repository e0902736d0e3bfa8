"""Data frames (pandas, polars, pyarrow, … through narwhals) → rows.

All columns must be numbers or true/false. They get one dtype, the smallest that holds them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from diabolo.data.arrays import from_array
from diabolo.data.dataset import Dataset
from diabolo.data.rows import native
from diabolo.data.values import guess, missing_value, require_rows_and_columns


def is_frame(source: Any) -> bool:
    """Whether narwhals knows this kind of frame."""
    try:
        known = nw.from_native(source, pass_through=True)
    except nw.exceptions.DuplicateError:
        return True
    return isinstance(known, nw.DataFrame | nw.LazyFrame)


def from_frame(source: Any, *, target: str | None = None, name: str = "X") -> Dataset:
    """A data set of the rows of a frame; the column `target` becomes its labels."""
    frame = _collected(source, name)
    labels = None
    if target is not None:
        labels = labels_of(frame, target, name)
        frame = frame.drop(target)
    require_rows_and_columns(frame.shape, name)
    dataset = from_array(matrix(frame, name), name=name, labels=labels)
    return replace(dataset, names=tuple(str(one) for one in frame.columns))


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
        "Leave that column out, turn it into numbers (one column for each category, for "
        "example), or name it as the target if it is the label."
    )


def _refuse_missing(column: nw.Series, source: str, first_row: int) -> None:
    missing = column.is_null()
    if missing.any():
        row = first_row + int(missing.arg_true()[0])
        raise ValueError(missing_value(source, f"row {row}, column {column.name!r}"))

"""Numbers of a mixed table → a frame with the columns, types and categories that came in.

Built as polars columns, which know what is missing; for pandas by hand, so that pyarrow is not
needed; for pyarrow from polars.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl

from diabolo.data.cells import DAY
from diabolo.data.fields import Field, Schema

_INTEGER = re.compile(r"u?int\d+", re.IGNORECASE)
_ZONE = re.compile(r"time_zone='([^']+)'")
_UNIT = re.compile(r"time_unit='(\w+)'")
_NUMBERS = {
    str(one): one
    for one in (
        *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
        *(pl.Float32, pl.Float64),
    )
}


def frame_of(matrix: np.ndarray, schema: Schema) -> Any:
    """Cells (n, d) → a frame of the library that the schema was learned from.

    Codes, booleans and whole numbers have to be such already; NaN becomes a missing cell. Where
    that library is not installed, the frame is polars'.
    """
    if schema.library == "pandas" and find_spec("pandas"):
        return _pandas(matrix, schema)
    frame = pl.DataFrame([_polars(matrix[:, j], field) for j, field in enumerate(schema.fields)])
    if schema.library == "pyarrow" and find_spec("pyarrow"):
        return _pyarrow(frame, schema)
    return frame


def as_polars(frame: Any) -> pl.DataFrame:
    """The same rows as polars', for files."""
    import narwhals as nw

    return nw.from_native(frame).to_polars()


def _polars(cells: np.ndarray, field: Field) -> pl.Series:
    return _POLARS[field.kind](pl.Series(field.name, cells, nan_to_null=True), field)


def _empty(cells: pl.Series, field: Field) -> pl.Series:
    return cells.cast({"String": pl.String, "Unknown": pl.Null}.get(field.dtype, pl.Float64))


def _number(cells: pl.Series, field: Field) -> pl.Series:
    dtype = _NUMBERS.get(field.dtype, pl.Float64)
    # what a model says may lie beyond what the type holds
    return _within(cells, str(dtype)).cast(dtype) if dtype.is_integer() else cells.cast(dtype)


def _within(cells: pl.Series, dtype: str) -> pl.Series:
    ends = np.iinfo(dtype.lower())
    high = float(ends.max)
    if int(high) > ends.max:  # 2⁶³ − 1 rounds up to a number that is too large
        high = float(np.nextafter(high, 0))
    return cells.clip(float(ends.min), high)


def _boolean(cells: pl.Series, field: Field) -> pl.Series:
    return (cells > 0.5).cast(_NUMBERS.get(field.dtype, pl.Boolean))


def _category(cells: pl.Series, field: Field) -> pl.Series:
    values = pl.Series("", list(field.categories), strict=False)
    if field.dtype == "Enum":
        values = values.cast(pl.Enum(list(map(str, field.categories))))
    elif field.dtype == "Categorical":
        values = values.cast(pl.String).cast(pl.Categorical)
    elif field.dtype in _NUMBERS:
        values = values.cast(_NUMBERS[field.dtype])
    return values.gather(cells.cast(pl.UInt32)).rename(field.name)


def _date(cells: pl.Series, field: Field) -> pl.Series:
    moments = (cells * DAY).round().cast(pl.Int64).cast(pl.Datetime("us"))
    if field.dtype == "Date":
        return moments.dt.round("1d").cast(pl.Date)
    if zone := _ZONE.search(field.dtype):
        moments = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone.group(1))
    if field.dtype == "String":
        return moments.dt.to_string("iso")
    unit = _UNIT.search(field.dtype)
    return moments.dt.cast_time_unit(unit.group(1)) if unit else moments  # type: ignore[arg-type]


_POLARS: dict[str, Callable[[pl.Series, Field], pl.Series]] = {
    "empty": _empty,
    "number": _number,
    "boolean": _boolean,
    "category": _category,
    "date": _date,
}


def _pyarrow(frame: pl.DataFrame, schema: Schema) -> Any:
    """As polars hands it on, but texts in the type that they had."""
    import pyarrow as pa

    table = frame.to_arrow()
    for j, field in enumerate(schema.fields):
        if field.dtype == "String":
            table = table.set_column(j, field.name, table[j].cast(pa.string()))
    return table


def _pandas(matrix: np.ndarray, schema: Schema) -> Any:
    import pandas as pd

    columns = {
        field.name: _PANDAS[field.kind](pd, matrix[:, j], field)
        for j, field in enumerate(schema.fields)
    }
    return pd.DataFrame(columns)


def _pandas_empty(pd: Any, cells: np.ndarray, field: Field) -> Any:
    return pd.Series([None] * len(cells), dtype=_native(pd, field.dtype, np.dtype(float)))


def _pandas_number(pd: Any, cells: np.ndarray, field: Field) -> Any:
    native = _native(pd, field.dtype, np.dtype(float))
    integer = _INTEGER.match(str(native))
    if integer:
        series = pl.Series(cells, nan_to_null=False)
        cells = np.where(np.isnan(cells), cells, _within(series, integer.group()).to_numpy())
    if integer and isinstance(native, np.dtype) and np.isnan(cells).any():
        native = np.dtype(float)  # numpy's whole numbers know no gaps
    return _typed(pd, cells, native)


def _typed(pd: Any, cells: np.ndarray, native: Any) -> Any:
    series = pd.Series(cells)
    if not isinstance(native, np.dtype) and np.isnan(cells).any():
        series = series.astype("Float64").mask(np.isnan(cells))
    return series.astype(native)


def _pandas_boolean(pd: Any, cells: np.ndarray, field: Field) -> Any:
    native = _native(pd, field.dtype, np.dtype(bool))
    gaps = np.isnan(cells)
    if not gaps.any():
        return pd.Series(cells > 0.5).astype(native)
    values = [None if gap else bool(cell) for gap, cell in zip(gaps, cells > 0.5, strict=True)]
    return pd.Series(values, dtype=object if native == np.dtype(bool) else native)


def _pandas_category(pd: Any, cells: np.ndarray, field: Field) -> Any:
    codes = np.where(np.isnan(cells), -1, cells).astype(np.int64)
    ordered = field.dtype == "ordered"
    if ordered or field.dtype == "category":
        return pd.Series(pd.Categorical.from_codes(codes, list(field.categories), ordered))
    values = np.array([*field.categories, None], dtype=object)[codes]
    native = _native(pd, field.dtype, np.dtype(object))
    if isinstance(native, np.dtype) and native.kind in "iub" and (codes < 0).any():
        native = np.dtype(object)
    return pd.Series(values, dtype=object).astype(native)


def _pandas_date(pd: Any, cells: np.ndarray, field: Field) -> Any:
    moments = _date(pl.Series("", cells, nan_to_null=True), Field("", "date"))
    if field.dtype in ("object", "str", "string"):
        if field.dtype != "object":
            return pd.Series(moments.dt.to_string("%Y-%m-%d").to_list(), dtype=field.dtype)
        return pd.Series(moments.cast(pl.Date).to_list(), dtype=object)
    series = pd.Series(moments.to_numpy())
    native = _native(pd, field.dtype, series.dtype)
    zone = getattr(native, "tz", None)
    return (series if zone is None else series.dt.tz_localize("UTC")).astype(native)


_PANDAS: dict[str, Callable[[Any, np.ndarray, Field], Any]] = {
    "empty": _pandas_empty,
    "number": _pandas_number,
    "boolean": _pandas_boolean,
    "category": _pandas_category,
    "date": _pandas_date,
}


def _native(pd: Any, dtype: str, otherwise: Any) -> Any:
    """pandas' type of that name; where this pandas does not know it, another."""
    try:
        return pd.api.types.pandas_dtype(dtype)
    except (TypeError, ImportError):
        return otherwise

"""CSV and its kin → rows, through polars.

Separator and header are found from the first line, types from the first thousand. Whole numbers
within ±32767 are held as int16, other numbers as float64; text like 2026-01-31 becomes dates. A
column of numbers with text in a few cells is refused by column and row. Files above 64 MB go
through a temporary Parquet file, so that the numbers may be larger than memory.
"""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from diabolo.data.dataset import Dataset
from diabolo.data.fields import NUMBERS, Asked, Schema
from diabolo.data.parquet import from_parquet
from diabolo.data.tables import from_frame, labels_of, refuse_duplicates, text_in
from diabolo.data.values import require_rows_and_columns

_STREAM_ABOVE = 64 * 2**20  # bytes of the file
_SAMPLE = 1000  # rows by which types are judged at first
_HEAD = 2**20  # bytes that must hold the first line
_DATE = r"^\d{4}-\d\d-\d\d"
_MISSING = ["", "NA", "N/A", "null", "NULL", "None"]


@dataclass(frozen=True)
class Layout:
    """How a text table is written; `header`: are the names in the first line?"""

    separator: str
    header: bool
    names: tuple[str, ...]

    def scan(self, path: Path, types: dict[str, Any] | None = None) -> pl.LazyFrame:
        """The table, read lazily; as text without `types`."""
        types = types or {}
        dates = [name for name, one in types.items() if one in (pl.Date, pl.Datetime)]
        table = pl.scan_csv(
            path,
            separator=self.separator,
            has_header=self.header,
            new_columns=list(self.names),
            null_values=_MISSING,
            glob=False,
            infer_schema=False,
            schema_overrides={name: one for name, one in types.items() if name not in dates},
        )
        return table.with_columns(_as_date(pl.col(name), types[name]) for name in dates)


def _as_date(text: Any, kind: Any) -> Any:
    """ISO 8601 read strictly: what is no date is an error."""
    return text.str.to_date("%Y-%m-%d") if kind == pl.Date else text.str.to_datetime()


def open_csv(path: Path, target: str | None = None, schema: Asked = NUMBERS) -> Dataset:
    """A data set of the rows of a CSV file; the column `target` becomes its labels.

    schema : see `diabolo.data.tables.from_frame`
    """
    layout = _layout(path)
    try:
        dataset = _open(path, layout, target, schema)
    except pl.exceptions.PolarsError as error:
        raise ValueError(_explained(path, layout, target, schema, error)) from None
    if layout.header or dataset.schema is not None:
        return dataset
    return replace(dataset, names=None)


def read_csv(path: Path, schema: Asked = None) -> pl.DataFrame:
    """A table as it stands, with its gaps, whole in memory.

    schema : what a model knows the columns to be, or what the user says of some
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(path)!r}.")
    layout = _layout(path)
    try:
        if isinstance(schema, Schema):  # what no column can be read as is found out later
            schema = {field.name: field.kind for field in schema.fields} | dict.fromkeys(
                schema.ignored, "ignore"
            )
        types = _sampled_types(path, layout, None, schema)
        try:
            return layout.scan(path, types).collect()
        except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
            wider = {name: _WIDER.get(one, one) for name, one in types.items()}
            return layout.scan(path, wider).collect()
    except pl.exceptions.PolarsError as error:
        raise ValueError(_explained(path, layout, None, schema, error)) from None


def read_texts(path: Path) -> tuple[pl.DataFrame, Layout]:
    """Every cell as it is written, None where nothing is; and how the table is written."""
    layout = _layout(path)
    texts = pl.read_csv(
        path,
        separator=layout.separator,
        has_header=layout.header,
        new_columns=list(layout.names),
        infer_schema=False,
        glob=False,
    )
    return texts, layout


def _open(path: Path, layout: Layout, target: str | None, schema: Asked) -> Dataset:
    if isinstance(schema, Schema) and schema != NUMBERS:
        return _read(path, layout.scan(path, _known_types(schema)), target, schema)
    types = _sampled_types(path, layout, target, schema)
    try:
        return _read(path, layout.scan(path, types), target, schema)
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
        # Later rows are wider than the sample. What float64 cannot read either is no number.
        wider = {name: _WIDER.get(one, one) for name, one in types.items()}
        if target in wider:
            wider[target] = pl.String
        return _read(path, layout.scan(path, wider), target, schema)


_WIDER: dict[Any, Any] = {
    pl.Int16: pl.Float64,
    pl.Date: pl.String,
    pl.Datetime: pl.String,
    pl.Boolean: pl.String,
}


def _known_types(schema: Schema) -> dict[str, Any]:
    """Numbers as such, everything else as text, to be read by the schema."""
    return {field.name: pl.Float64 for field in schema.fields if field.kind == "number"}


def _read(path: Path, table: pl.LazyFrame, target: str | None, schema: Asked) -> Dataset:
    if path.stat().st_size <= _STREAM_ABOVE:
        return from_frame(table.collect(), target=target, name=path.name, schema=schema)
    with tempfile.TemporaryDirectory(prefix="diabolo-") as folder:
        unpacked = Path(folder) / "table.parquet"
        table.sink_parquet(unpacked, compression="lz4")
        return from_parquet(unpacked, target, path.name, schema)


def _layout(path: Path) -> Layout:
    first = _first_line(path)
    separator = max(",;\t|", key=first.count)
    cells = next(csv.reader(io.StringIO(first), delimiter=separator), [])
    if not cells:
        raise ValueError(f"{path} is empty, or begins with an empty line.")
    numbered = tuple(f"column_{j + 1}" for j in range(len(cells)))
    if _are_values(cells):
        return Layout(separator, False, numbered)
    refuse_duplicates(cells, path.name)
    if "" in cells:
        raise ValueError(
            f"{path}: column {cells.index('')} has no name. If it is a row number (pandas writes "
            "one unless index=False), write the table without it; else give it a name."
        )
    return Layout(separator, True, tuple(cells))


def _first_line(path: Path) -> str:
    zipped = path.suffix == ".gz"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            head = file.read(_HEAD)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}). Get it again.") from None
    try:
        return head.splitlines()[0].decode("utf-8-sig") if head else ""
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8. Save it in that encoding.") from None


def _are_values(cells: list[str]) -> bool:
    """Whether a first line is a row already: only numbers, and not 0, 1, 2 … as names."""
    counting = [str(j) for j in range(len(cells) + 1)]
    if len(cells) > 2 and cells in (counting[:-1], counting[1:]):
        return False
    return all(cell in _MISSING or _is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _sampled_types(path: Path, layout: Layout, target: str | None, schema: Asked) -> dict[str, Any]:
    """The type of every column as the first rows have it.

    raises ValueError for text where numbers are wanted, or are nearly all that there is.
    """
    texts = layout.scan(path).head(_SAMPLE).collect()
    if target is not None:
        labels_of(nw.from_native(texts), target, path.name)
    require_rows_and_columns(texts.drop(target or []).shape, path.name)
    asked = {} if schema is None or isinstance(schema, Schema) else schema
    types = {column.name: _type(column) for column in texts}
    for name, one in types.items():
        meant = name == target or name in asked
        if one == pl.String and not meant and (schema == NUMBERS or _mostly_numbers(texts[name])):
            row, value = _first_text(texts.lazy(), name) or (0, "")
            raise ValueError(text_in(path.name, name, value, row))
    return types


def _type(texts: pl.Series) -> Any:
    """The narrowest of the types that hold all these cells; for text, text."""
    present = texts.drop_nulls().str.strip_chars()
    if present.cast(pl.Int16, strict=False).null_count() == 0:
        return pl.Int16
    if present.cast(pl.Float64, strict=False).null_count() == 0:
        return pl.Float64
    if present.is_in(["true", "false", "True", "False"]).all():
        return pl.Boolean
    if not present.str.contains(_DATE).all():
        return pl.String
    for kind in (pl.Date, pl.Datetime):
        with suppress(pl.exceptions.PolarsError):
            present.to_frame("text").select(_as_date(pl.col("text"), kind))
            return kind
    return pl.String


def _mostly_numbers(texts: pl.Series) -> bool:
    """Whether text is the exception here: a slip, or a mark for what is missing."""
    numbers = texts.drop_nulls().str.strip_chars().cast(pl.Float64, strict=False)
    return 2 * numbers.null_count() < len(numbers)


def _first_text(texts: pl.LazyFrame, name: str) -> tuple[int, str] | None:
    """Row and value of the first cell of a column that is neither a number nor missing."""
    number = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    column = texts.select(pl.col(name)).with_row_index("its row")
    bad = column.filter(pl.col(name).is_not_null() & number.is_null()).head(1).collect()
    return (bad["its row"][0], bad[name][0]) if len(bad) else None


def _explained(
    path: Path, layout: Layout, target: str | None, schema: Asked, error: Exception
) -> str:
    """The sentence for a table that polars could not read."""
    texts, names = layout.scan(path), list(layout.names)
    if isinstance(schema, Schema) and schema != NUMBERS:
        names = [name for name in names if name in _known_types(schema)]
    with suppress(pl.exceptions.PolarsError):  # what cannot be read as text either
        for name in names:
            found = _first_text(texts, name) if name != target else None
            if found:
                return text_in(path.name, name, found[1], found[0])
    return f"{path} cannot be read as a table ({str(error).splitlines()[0]})."

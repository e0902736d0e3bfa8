"""CSV and its kin → rows, through polars.

Separator and header are found from the first line, types from the first thousand. Whole numbers
within ±32767 are held as int16, other numbers as float64; text is refused by column and row. Files
above 64 MB go through a temporary Parquet file, so that the numbers may be larger than memory.
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
from diabolo.data.parquet import from_parquet
from diabolo.data.tables import from_frame, labels_of, refuse_duplicates, text_in
from diabolo.data.values import require_rows_and_columns

_STREAM_ABOVE = 64 * 2**20  # bytes of the file
_SAMPLE = 1000  # rows by which types are judged at first
_HEAD = 2**20  # bytes that must hold the first line
_MISSING = ["", "NA", "N/A", "null", "NULL", "None"]


@dataclass(frozen=True)
class Layout:
    """How a text table is written; `header`: are the names in the first line?"""

    separator: str
    header: bool
    names: tuple[str, ...]

    def scan(self, path: Path, types: dict[str, Any] | None = None) -> pl.LazyFrame:
        """The table, read lazily; as text without `types`."""
        return pl.scan_csv(
            path,
            separator=self.separator,
            has_header=self.header,
            new_columns=list(self.names),
            null_values=_MISSING,
            glob=False,
            infer_schema=False,
            schema_overrides=types,
        )


def open_csv(path: Path, target: str | None = None) -> Dataset:
    """A data set of the rows of a CSV file; the column `target` becomes its labels."""
    layout = _layout(path)
    try:
        dataset = _open(path, layout, target)
    except pl.exceptions.PolarsError as error:
        raise ValueError(_explained(path, layout, target, error)) from None
    return dataset if layout.header else replace(dataset, names=None)


def _open(path: Path, layout: Layout, target: str | None) -> Dataset:
    types = _sampled_types(path, layout, target)
    try:
        return _read(path, layout.scan(path, types), target)
    except pl.exceptions.ComputeError:
        # Later rows are wider than the sample. What float64 cannot read either is no number.
        wider = {name: pl.Float64 if one == pl.Int16 else one for name, one in types.items()}
        if target in wider:
            wider[target] = pl.String
        return _read(path, layout.scan(path, wider), target)


def _read(path: Path, table: pl.LazyFrame, target: str | None) -> Dataset:
    if path.stat().st_size <= _STREAM_ABOVE:
        return from_frame(table.collect(), target=target, name=path.name)
    with tempfile.TemporaryDirectory(prefix="diabolo-") as folder:
        unpacked = Path(folder) / "table.parquet"
        table.sink_parquet(unpacked, compression="lz4")
        return from_parquet(unpacked, target, path.name)


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


def _sampled_types(path: Path, layout: Layout, target: str | None) -> dict[str, Any]:
    """The type of every column as the first rows have it; text is refused here already."""
    texts = layout.scan(path).head(_SAMPLE).collect()
    if target is not None:
        labels_of(nw.from_native(texts), target, path.name)
    require_rows_and_columns(texts.drop(target or []).shape, path.name)
    types = {column.name: _type(column) for column in texts}
    for name, one in types.items():
        if one == pl.String and name != target:
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
    return pl.Boolean if present.is_in(["true", "false", "True", "False"]).all() else pl.String


def _first_text(texts: pl.LazyFrame, name: str) -> tuple[int, str] | None:
    """Row and value of the first cell of a column that is neither a number nor missing."""
    number = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    column = texts.select(pl.col(name)).with_row_index("its row")
    bad = column.filter(pl.col(name).is_not_null() & number.is_null()).head(1).collect()
    return (bad["its row"][0], bad[name][0]) if len(bad) else None


def _explained(path: Path, layout: Layout, target: str | None, error: Exception) -> str:
    """The sentence for a table that polars could not read."""
    texts = layout.scan(path)
    with suppress(pl.exceptions.PolarsError):  # what cannot be read as text either
        for name in layout.names:
            found = _first_text(texts, name) if name != target else None
            if found:
                return text_in(path.name, name, found[1], found[0])
    return f"{path} cannot be read as a table ({str(error).splitlines()[0]})."

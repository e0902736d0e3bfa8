"""Parquet files ↔ symbols: the same columns, types, values, missing cells and file metadata.

A Parquet file that comes back is written anew, so its bytes differ: row groups, pages, packing and
statistics are the writer's, and every column may have missing cells. So the hash is one of what the
columns hold, and of the file's metadata (pandas' index and Arrow's schema are there). A file of
which anything else would be lost is kept byte for byte, with a note: columns within columns, types
that would come back as others.

    numbers, dates, times, durations, decimals, truths, enumerations
                   their whole numbers or floats (`numbers.py`)
    texts          as those of a text table (`columns.py`), or kept: lengths and bytes
    bytes          kept
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl

from diabolo.uses.compress.content import Content, shown
from diabolo.uses.compress.sources import columns, numbers
from diabolo.uses.compress.sources.bounds import Bound, Bounds
from diabolo.uses.compress.sources.columns import Fetch, Keep, Part
from diabolo.uses.compress.sources.footers import Element, schema_of
from diabolo.uses.compress.sources.grids import Rows, Span, add_table, whole_table
from diabolo.uses.compress.sources.material import Material

_NUMBERS = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
_FLOATS = ("Float16", "Float32", "Float64")
_PLAIN = (*_NUMBERS, *_FLOATS, "Boolean", "Date", "Time", "String", "Binary", "Categorical", "Null")
_BYTES = ("String", "Binary", "Categorical")  # of cells without a fixed size
_STORED = {"Boolean": "|b1", "Date": "<i4", "Enum": "<u4", "Null": "|i1"} | {
    name: np.dtype(name.lower()).newbyteorder("<").str for name in (*_NUMBERS, *_FLOATS)
}
_UNITS = ("ms", "us", "ns")
MOST_COLUMNS = 2048
LARGEST = 2**62  # of whole numbers that stand for decimals


class Column(NamedTuple):
    """What a column holds, apart from how polars keeps it.

    kind    : its type as JSON
    values  : (n,) numbers, or a list of bytes; 0 or b"" where a cell is missing
    missing : (n,) which those are
    """

    name: str
    kind: Any
    values: np.ndarray | list[bytes]
    missing: np.ndarray


class NotKept(ValueError):
    """Something of a file would not come back."""


def add_parquet(
    found: Material, content: bytes, bounds: Bounds | None = None
) -> dict[str, Any] | None:
    """What the directory says of the file; None, and a note, where it is better kept as it is."""
    try:
        frame, metadata = _read(content)
        held = [_column(series) for series in frame]
        if not _comes_back(content, frame, metadata, held):
            raise NotKept("its types or values would come back as others")
    except (ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        found.notes.append(f"the Parquet file is kept byte for byte: {error}")
        return None
    parts = [_to_symbols(column, found.keep, bounds) for column in held]
    if bounds:
        held = [_looked_at(*each, bounds, found) for each in zip(held, parts, strict=True)]
        back = _written(pl.DataFrame([_series(column) for column in held]), metadata)
        found.comes_back(Content.of(back))
    size, hashed = fingerprint_of(held, metadata)
    return {
        "kind": "parquet",
        "size": size,
        "hash": hashed,
        "table": {**add_table(found, [*map(found.stored, parts)]), "rows": frame.height},
        "columns": [part[2] for part in parts],
        "schema": found.keep(_dumped([[column.name, column.kind] for column in held])),
        "metadata": found.keep(_dumped(metadata)),
    }


def parquet_back(entry: dict[str, Any], rows: Rows, fetch: Fetch, span: Span = None) -> bytes:
    """A Parquet file, once all its values are known to be the right ones.

    span : of these rows alone, first and last (exclusive); the hash then says nothing
    """
    recipes, n = entry["columns"], entry["table"]["rows"]
    if not isinstance(recipes, list) or type(n) is not int or n * len(recipes) > entry["size"]:
        raise ValueError("its directory has a table that makes no sense")
    schema, metadata = (_loaded(fetch(entry[name])) for name in ("schema", "metadata"))
    if not isinstance(schema, list) or len(schema) != len(recipes):
        raise ValueError("its directory has a table that makes no sense")
    symbols = whole_table(entry, rows, span)
    first = span[0] if span else 0
    held, place = [], 0
    for (name, kind), recipe in zip(schema, recipes, strict=True):
        stop = place + columns.digits_in(recipe)
        part = symbols[:, place:stop], recipe
        held.append(_from_symbols(name, kind, *part, fetch, first, n, entry["size"]))
        place = stop
    if span is None and fingerprint_of(held, metadata) != (entry["size"], entry["hash"]):
        raise ValueError(
            f"{entry['name']!r} does not come back as it was: the file was damaged, or made with "
            "another model"
        )
    try:
        return _written(pl.DataFrame([_series(column) for column in held]), metadata)
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise ValueError(f"{entry['name']!r} has columns that make no sense") from error


def fingerprint_of(held: list[Column], metadata: dict[str, str]) -> tuple[int, str]:
    """Number of bytes of what the columns hold, one behind the other, and their hash."""
    hashed, size = hashlib.sha256(), 0
    for piece in _pieces(held, metadata):
        hashed.update(piece)
        size += len(piece)
    return size, shown(hashed)


def _pieces(held: list[Column], metadata: dict[str, str]) -> Iterator[bytes]:
    yield _dumped([metadata, [[column.name, column.kind] for column in held]])
    for column in held:
        yield column.missing.tobytes()
        if isinstance(column.values, list):
            yield np.array([len(cell) for cell in column.values], "<u8").tobytes()
            yield b"".join(column.values)
        else:
            yield column.values.astype(column.values.dtype.newbyteorder("<")).tobytes()


# the file


def _read(content: bytes) -> tuple[pl.DataFrame, dict[str, str]]:
    nested = next((e.name.decode(errors="replace") for e in schema_of(content) if e.children), None)
    if nested is not None:
        raise NotKept(f"column {nested!r} holds columns within columns")
    frame = pl.read_parquet(io.BytesIO(content))
    if not 1 <= frame.width <= MOST_COLUMNS:
        raise NotKept(f"it has {frame.width} columns")
    return frame, pl.read_parquet_metadata(io.BytesIO(content))


def _written(frame: pl.DataFrame, metadata: dict[str, str]) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file, metadata=metadata)
    return file.getvalue()


def _comes_back(
    content: bytes, frame: pl.DataFrame, metadata: dict[str, str], held: list[Column]
) -> bool:
    """Whether a file made of what the columns hold has the same types and values."""
    made = pl.DataFrame([_series(column) for column in held])
    again = _written(made, metadata)
    types, types_again = schema_of(content), schema_of(again)
    frame_again, metadata_again = _read(again)
    held_again = [_column(series) for series in frame_again]
    metadata_again = {key: metadata_again.get(key, "") for key in metadata}  # Arrow's may be new
    return (
        len(types) == len(types_again)
        and all(map(Element.like, types, types_again))
        and made.schema == frame.schema == frame_again.schema
        and fingerprint_of(held, metadata) == fingerprint_of(held_again, metadata_again)
    )


# a column


def _column(series: pl.Series) -> Column:
    kind, missing = _kind(series.dtype), series.is_null().to_numpy()
    if kind == "Null":
        values: Any = np.zeros(len(series), np.int8)
    elif kind in _BYTES:
        cells = (series if kind == "Binary" else series.cast(pl.String)).to_list()
        values = [_encoded(cell) for cell in cells]
    elif kind[0] == "Enum":
        places = {text: place for place, text in enumerate(kind[1])}
        texts = series.cast(pl.String).to_list()
        values = np.array([places.get(text, 0) for text in texts], np.uint32)
    else:
        values = _physical(series, kind)
    return Column(series.name, kind, values, missing)


def _encoded(cell: Any) -> bytes:
    return b"" if cell is None else cell.encode() if isinstance(cell, str) else cell


def _physical(series: pl.Series, kind: Any) -> np.ndarray:
    physical = series.to_physical()
    if kind[0] == "Decimal":
        edges: Any = physical.min(), physical.max()
        if any(abs(edge) > LARGEST for edge in edges if edge is not None):
            raise NotKept(f"column {series.name!r} holds decimals beyond 62 bits")
        physical = physical.cast(pl.Int64)
    filled = physical.fill_null(False if kind == "Boolean" else 0).to_numpy()
    return np.where(series.is_null().to_numpy(), filled.dtype.type(0), filled)


def _kind(dtype: pl.DataType) -> Any:
    """A type as JSON: its name, or a list of that and what it needs."""
    name = str(dtype.base_type())
    if name in _PLAIN:
        return name
    if isinstance(dtype, pl.Datetime):
        return ["Datetime", dtype.time_unit, dtype.time_zone]
    if isinstance(dtype, pl.Duration):
        return ["Duration", dtype.time_unit]
    if isinstance(dtype, pl.Decimal):
        return ["Decimal", dtype.precision, dtype.scale]
    if isinstance(dtype, pl.Enum):
        return ["Enum", dtype.categories.to_list()]
    raise NotKept(f"columns of {name} are not coded")


def _dtype(kind: Any) -> Any:
    """Back from `_kind`; raises ValueError for JSON that it does not make."""
    if isinstance(kind, str) and kind in _PLAIN:
        return getattr(pl, kind)
    match kind:
        case ["Datetime", str(unit), str() | None as zone] if unit in _UNITS:
            return pl.Datetime(unit, zone)  # type: ignore[arg-type]
        case ["Duration", str(unit)] if unit in _UNITS:
            return pl.Duration(unit)  # type: ignore[arg-type]
        case ["Decimal", int(precision), int(scale)] if 0 <= scale <= precision <= 38:
            return pl.Decimal(precision, scale)
        case ["Enum", list(texts)] if all(isinstance(text, str) for text in texts):
            return pl.Enum(texts)
    raise ValueError("a column has a type that makes no sense")


def _series(column: Column) -> pl.Series:
    kind, values = column.kind, cast(Any, column.values)
    if kind == "Null":
        return pl.Series(column.name, [None] * len(values), pl.Null)
    cells = values
    if kind in ("String", "Categorical"):
        cells = [cell.decode() for cell in values]
    elif kind[0] == "Decimal":
        cells = [columns.decimal_text(number, kind[2]) for number in values.tolist()]
    elif kind[0] == "Enum":
        if len(values) and int(values.max()) >= len(kind[1]) and not column.missing.all():
            raise ValueError("a column has a category that is not there")
        cells = [kind[1][place] if kind[1] else None for place in values.tolist()]
    texts = pl.Binary if kind == "Binary" else pl.String
    series = pl.Series(column.name, cells, texts if isinstance(cells, list) else None)
    if column.missing.any():
        there = pl.Series(~column.missing)
        series = pl.select(pl.when(there).then(series)).to_series().alias(column.name)
    return series.cast(_dtype(kind))


def _stored(kind: Any) -> np.dtype:
    """The numbers that stand for a column's values."""
    return np.dtype(_STORED.get(kind if isinstance(kind, str) else kind[0], "<i8"))


def _looked_at(column: Column, part: Part, bounds: Bounds, found: Material) -> Column:
    """What comes back of a column, whose every value was compared."""
    bound = _bound(column, bounds)
    if bound is None or isinstance(column.values, list):
        return column
    dtype = column.values.dtype
    values, _ = numbers.from_symbols(part[1], part[2], found.fetch, dtype)
    bounds.look(column.name, bound, [(column.values, values)])
    return column._replace(values=values)


def _bound(column: Column, bounds: Bounds | None) -> Bound | None:
    if bounds is None:
        return None
    if column.kind in (*_NUMBERS, *_FLOATS):
        return bounds.at(column.name)
    bounds.refuse(column.name)
    return None


def _to_symbols(column: Column, keep: Keep, bounds: Bounds | None) -> Part:
    bound = _bound(column, bounds)
    if not isinstance(column.values, list):
        missing = None if column.kind == "Null" else column.missing
        return numbers.to_symbols(column.values, keep, missing, bound)
    part = None if column.kind == "Binary" else _texts(column, keep)
    if part is None:
        lengths = np.array([len(cell) for cell in column.values], np.uint64)
        content = columns.planar(lengths) + b"".join(column.values)
        part = [], np.zeros((len(lengths), 0), np.int16), {"kept": keep(content)}
    if not column.missing.any():
        return part
    return columns.with_odd(part, column.missing, [None])


def _texts(column: Column, keep: Keep) -> Part | None:
    """Texts by what they say; None for those that are better kept as they are."""
    cells = [cell.decode() for cell in column.values]
    there = [cell for cell, gone in zip(cells, column.missing, strict=True) if not gone]
    if not there or any("\n" in cell for cell in there):
        return None
    common = Counter(there).most_common(1)[0][0]
    filled = [common if gone else cell for cell, gone in zip(cells, column.missing, strict=True)]
    return columns.text_to_symbols(filled, keep)


def _from_symbols(
    name: Any,
    kind: Any,
    symbols: np.ndarray,
    recipe: Any,
    fetch: Fetch,
    first: int,
    n: int,
    most: int,
) -> Column:
    """The cells of a column from row `first` on; all n rows of all columns take `most` bytes."""
    if not isinstance(name, str) or _dtype(kind) is None:
        raise ValueError("its directory has a table that makes no sense")
    if kind not in _BYTES:
        values, missing = numbers.from_symbols(symbols, recipe, fetch, _stored(kind), first)
        return Column(name, kind, values, missing | (kind == "Null"))
    which, odd, rest = columns.odd_of(symbols, recipe)
    if odd not in ([], [None]):
        raise ValueError("its directory has a table that makes no sense")
    if "kept" in recipe:
        cells = _kept_cells(fetch(recipe["kept"]), n)[first : first + len(symbols)]
    else:
        texts = columns.text_from_symbols(rest, recipe, fetch, first)
        if sum(map(len, texts)) > most:  # before memory is asked for each of them
            raise ValueError("its directory has a text of more characters than its size")
        cells = [text.encode() for text in texts]
    missing = which > 0
    cells = [b"" if gone else cell for cell, gone in zip(cells, missing.tolist(), strict=True)]
    return Column(name, kind, cells, missing)


def _kept_cells(content: bytes, n: int) -> list[bytes]:
    ends = 8 * n + np.cumsum(columns.from_planar(content[: 8 * n]), dtype=np.uint64)
    stops = ends.tolist()
    if len(stops) != n or (n and stops[-1] != len(content)) or (np.diff(ends) > 2**63).any():
        raise ValueError("a column of texts is cut short")
    starts = [8 * n, *stops[:-1]]
    return [content[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _loaded(content: bytes) -> Any:
    return json.loads(content.decode())

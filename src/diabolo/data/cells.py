"""Columns of a frame → numbers, by a schema that is given or learned from them.

Frames are read through narwhals, so that it does not matter whose they are. What a column is
follows from its type; text that names rows instead of putting them into classes is refused.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np

from diabolo.data.fields import LIBRARIES, MOST_CATEGORIES, Category, Field, Schema, check_named
from diabolo.data.values import guess, require_rows_and_columns

FEW = 50  # different texts, which are categories whatever the number of rows
DAY = 86_400_000_000  # microseconds
_TRUE = {"true", "yes", "1", "1.0"}
_FALSE = {"false", "no", "0", "0.0"}
_EPOCH = datetime.datetime(1970, 1, 1)


class Look(NamedTuple):
    """What inference asks of a table, whether it lies in memory or in a file.

    types    : of all columns, as narwhals knows them
    known    : cells that are not missing, by column
    distinct : name → the different values among these
    native   : name → the type as its library writes it
    order    : name → all categories in their own order, where the type says them, else ()
    gaps     : whether a cell is missing in a table of numbers and true/false
    """

    types: Mapping[str, nw.dtypes.DType]
    known: Mapping[str, int]
    distinct: Callable[[str], list[Any]]
    native: Callable[[str], str]
    order: Callable[[str], list[Any]]
    gaps: Callable[[], bool]


def look_at(frame: nw.DataFrame) -> Look:
    """A frame in memory, looked at."""
    columns = {str(column.name): column for column in frame.iter_columns()}
    is_pandas = frame.implementation.is_pandas()

    def distinct(name: str) -> list[Any]:
        column = columns[name].filter(~columns[name].is_null())
        if column.dtype == nw.Object:
            return list(dict.fromkeys(column.to_list()))
        return column.unique().to_list()

    def native(name: str) -> str:
        if not is_pandas:
            kind = getattr(nw.to_native(columns[name]), "type", None)  # pyarrow's own
            return str(kind) if str(kind) == "large_string" else written(columns[name].dtype)
        dtype = nw.to_native(columns[name]).dtype
        return "ordered" if getattr(dtype, "ordered", False) else str(dtype)

    def order(name: str) -> list[Any]:
        series = nw.to_native(columns[name])
        if is_pandas and hasattr(series, "cat"):
            return series.cat.categories.tolist()
        return categories_of(columns[name].dtype)

    def gaps() -> bool:
        return any(
            column.null_count() or (column.dtype.is_float() and column.is_nan().any())
            for column in columns.values()
        )

    known = {name: len(column) - column.null_count() for name, column in columns.items()}
    types = {name: column.dtype for name, column in columns.items()}
    return Look(types, known, distinct, native, order, gaps)


def written(dtype: nw.dtypes.DType) -> str:
    """A type in writing; the categories of an Enum are kept elsewhere."""
    return "Enum" if isinstance(dtype, nw.Enum) else str(dtype)


def categories_of(dtype: nw.dtypes.DType) -> list[Any]:
    return list(dtype.categories) if isinstance(dtype, nw.Enum) else []


def library_of(frame: nw.DataFrame) -> str:
    """Whose frame it is; what we cannot make is given back as polars'."""
    name = frame.implementation.name.lower()
    return name if name in LIBRARIES else "polars"


# inference


def inferred(look: Look, asked: Mapping[str, str], source: str, library: str) -> Schema:
    """The schema of a table, by the types of its columns and what the user says of some.

    raises ValueError, one sentence with the column's name, for a column that nothing can be
    learned from.
    """
    check_named(asked, list(look.types), source)
    ignored = tuple(name for name, kind in asked.items() if kind == "ignore")
    names = [name for name in look.types if name not in ignored]
    require_rows_and_columns((1, len(names)), source)
    fields = tuple(_field(look, name, asked.get(name), source) for name in names)
    if all(field.kind == "empty" for field in fields):
        raise ValueError(f"{source} contains NaN or nothing in every cell. Pass rows with values.")
    return Schema(fields, library, ignored)


def _field(look: Look, name: str, asked: str | None, source: str) -> Field:
    if not look.known[name]:
        return Field(name, "empty", dtype=look.native(name))
    kind = asked or _kind(look, name, source)
    if kind != "category":
        return Field(name, kind, dtype=look.native(name))
    categories = tuple(map(_category, look.order(name)))
    if not categories:
        values = list(dict.fromkeys(map(_category, look.distinct(name))))
        # text and numbers have no order between them
        categories = tuple(sorted(values, key=lambda v: (isinstance(v, str), v)))
        if asked is None:
            _refuse_names(name, len(categories), look.known[name], source)
    if len(categories) > MOST_CATEGORIES:
        raise ValueError(
            f"column {name!r} of {source} has {len(categories):,} different values, of which at "
            f"most {MOST_CATEGORIES:,} can be told apart. Leave it out with "
            f"schema={{{name!r}: 'ignore'}}."
        )
    return Field(name, "category", categories, look.native(name))


def _kind(look: Look, name: str, source: str) -> str:
    dtype = look.types[name]
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "boolean"
    if dtype in (nw.Date, nw.Datetime):
        return "date"
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return "category"
    if dtype in (nw.Object, nw.Unknown):
        return _kind_of_objects(_hashed(look, name, source), name, source)
    raise ValueError(_no_column(source, name, f"is of type {dtype}"))


def _hashed(look: Look, name: str, source: str) -> list[Any]:
    try:
        return look.distinct(name)
    except TypeError:  # lists, sets and dictionaries cannot be compared
        raise ValueError(_no_column(source, name, "holds lists or other collections")) from None


def _kind_of_objects(values: list[Any], name: str, source: str) -> str:
    if all(isinstance(value, bool | np.bool_) for value in values):
        return "boolean"
    if all(isinstance(value, datetime.date) for value in values):  # a datetime is one, too
        return "date"
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        return "category"
    if any(isinstance(value, complex) for value in values):
        raise ValueError(
            f"Complex data not supported: column {name!r} of {source} is complex. "
            "Pass real and imaginary parts as columns of their own."
        )
    odd = next((value for value in values if not _is_number(value)), None)
    if odd is None:
        return "number"
    if texts and all(_is_number(value) for value in values if not isinstance(value, str)):
        raise ValueError(
            f"column {name!r} of {source} holds text and numbers, such as {odd!r:.40}. Make it "
            f"one of them, or pass schema={{{name!r}: 'category'}}."
        )
    raise ValueError(_no_column(source, name, f"holds {odd!r:.40}"))


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _no_column(source: str, name: str, what: str) -> str:
    return (
        f"column {name!r} of {source} {what}, expected numbers, true/false, text or dates. Turn it "
        f"into columns of these, or leave it out with schema={{{name!r}: 'ignore'}}."
    )


def free_text(look: Look) -> list[str]:
    """Columns of text that names rows."""
    texts = [name for name, dtype in look.types.items() if dtype in (nw.String, nw.Object)]
    found = []
    for name in texts:
        values = look.distinct(name) if look.known[name] else []
        is_text = all(isinstance(value, str) for value in values)
        if is_text and _names_rows(len(values), look.known[name]):
            found.append(name)
    return found


def _names_rows(different: int, known: int) -> bool:
    """Whether two rows on average do not share a value."""
    return different > FEW and 2 * different > known


def _refuse_names(name: str, different: int, known: int, source: str) -> None:
    """Refuse text that says which row it is."""
    if _names_rows(different, known):
        raise ValueError(
            f"column {name!r} of {source} has {different:,} different texts in {known:,} rows, so "
            f"it names rows and there is nothing to learn from it. Leave it out with "
            f"schema={{{name!r}: 'ignore'}}, or insist with 'category'."
        )


def _category(value: Any) -> Category:
    """A category as plain data; intervals and the like become text."""
    value = value.item() if isinstance(value, np.generic) else value
    plain = isinstance(value, str | bool | int) or (isinstance(value, float) and value == value)
    return value if plain else str(value)


# reading


def matrix_of(frame: nw.DataFrame, schema: Schema, source: str, first_row: int = 0) -> np.ndarray:
    """All cells as numbers (n, d) float64, NaN where they are missing.

    first_row : number of the frame's first row in the whole table, for messages.
    raises ValueError, one sentence with the column's name, for a column that is missing or too
    many, an unseen category, or a cell of the wrong type.
    """
    _check_columns([str(name) for name in frame.columns], schema, source)
    columns = {str(column.name): column for column in frame.iter_columns()}
    array = np.empty((len(frame), len(schema.fields)))
    for j, field in enumerate(schema.fields):
        array[:, j] = _cells(columns[field.name], field, source, first_row)
    return array


def _check_columns(names: list[str], schema: Schema, source: str) -> None:
    wanted = schema.names
    new = [name for name in names if name not in wanted and name not in schema.ignored]
    for name in wanted:
        if name not in names:
            raise ValueError(
                f"{source} lacks column {name!r}{guess(name, new) or '.'} "
                f"The model was fitted on {len(wanted)} columns: pass all of them."
            )
    if new:
        raise ValueError(
            f"{source} has a column {new[0]!r} that the model was not fitted on. Leave it out."
        )


def _cells(column: nw.Series, field: Field, source: str, first_row: int) -> np.ndarray:
    """The numbers of one column, (n,)."""
    cells = np.full(len(column), np.nan)
    if field.kind == "empty":
        return cells
    missing = column.is_null().to_numpy()
    known = column.filter(~column.is_null()) if missing.any() else column
    direct = _DIRECT[field.kind](known)
    if direct is not None:
        cells[~missing] = direct
        return cells
    values = known.to_list()
    read = _READ[field.kind]
    table: dict[Any, float | None] = {}
    numbers = np.empty(len(values))
    for i, value in enumerate(values):
        value = value if _is_hashable(value) else str(value)
        if value not in table:
            table[value] = read(value, field)
        number = table[value]
        if number is None:
            row = first_row + int(np.flatnonzero(~missing)[i])
            raise ValueError(_misfit(source, field, value, row))
        numbers[i] = number
    cells[~missing] = numbers
    return cells


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _misfit(source: str, field: Field, value: Any, row: int) -> str:
    """The sentence for a cell that is not of its column's kind."""
    where = f"{source} has {str(value)!r:.60} in row {row}, column {field.name!r}, "
    if field.kind != "category":
        expected = {"number": "a number", "boolean": "true or false", "date": "a date"}
        return (
            f"{where}expected {expected[field.kind]}. Correct that cell, leave it empty, or say "
            f"what the column is with schema={{{field.name!r}: …}}."
        )
    known = [str(category) for category in field.categories]
    some = ", ".join(known[:5]) + (", …" if len(known) > 5 else "")
    return (
        f"{where}a category that the model was not fitted on{guess(str(value), known) or '.'} "
        f"Known are {some}. Correct that cell or leave it empty."
    )


def _numbers_of(column: nw.Series) -> np.ndarray | None:
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        values = column.cast(nw.Float64).to_numpy().astype(np.float64)
        return values
    return None


def _booleans_of(column: nw.Series) -> np.ndarray | None:
    return _numbers_of(column) if column.dtype == nw.Boolean else None


def _dates_of(column: nw.Series) -> np.ndarray | None:
    if column.dtype == nw.Date:
        column = column.cast(nw.Datetime("us"))
    if not isinstance(column.dtype, nw.Datetime):
        return None
    return column.dt.timestamp("us").to_numpy().astype(np.float64) / DAY


def _nothing_of(column: nw.Series) -> np.ndarray | None:
    return None


_DIRECT: dict[str, Callable[[nw.Series], np.ndarray | None]] = {
    "number": _numbers_of,
    "boolean": _booleans_of,
    "category": _nothing_of,
    "date": _dates_of,
}


def _number(value: Any, field: Field) -> float | None:
    return float(value) if _is_number(value) else None


def _boolean(value: Any, field: Field) -> float | None:
    text = str(value).strip().lower()
    return 1.0 if text in _TRUE else 0.0 if text in _FALSE else None


def _code(value: Any, field: Field) -> float | None:
    """The category's place; 3 and "3" are the same where only one of them is known."""
    value = _category(value)
    if value in field.codes:
        return float(field.codes[value])
    if isinstance(value, str):
        return float(field.codes.get(float(value), np.nan)) if _is_known(value, field) else None
    text = str(int(value)) if value == int(value) else str(value)
    return float(field.codes[text]) if text in field.codes else None


def _is_known(text: str, field: Field) -> bool:
    return _is_number(text) and float(text) in field.codes


def _date(value: Any, field: Field) -> float | None:
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        return None
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return (value - _EPOCH) / datetime.timedelta(days=1)


_READ: dict[str, Callable[[Any, Field], float | None]] = {
    "number": _number,
    "boolean": _boolean,
    "category": _code,
    "date": _date,
}

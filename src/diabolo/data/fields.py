"""What each column of a mixed table is: numbers, yes or no, one of several categories, dates.

A table with any text, date or missing cell is held as one matrix (n, d) of float64, a number a
cell, NaN where the cell is missing:

    number     as it is
    boolean    0 or 1
    category   its place among the field's categories, 0 … K − 1
    date       days since 1970-01-01, UTC where there is a time zone
    empty      NaN: nothing was known of this column when the model was fitted

A `Schema` says how to get there and back; it is kept with the model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from diabolo.data.values import guess

KINDS = ("number", "boolean", "category", "date", "empty")
ASKED_FOR = ("number", "boolean", "category", "date", "ignore")  # what a user may say
LIBRARIES = ("pandas", "polars", "pyarrow")
MOST_CATEGORIES = 10_000  # of one column: as many logits, and a softmax over them, for each row

_TYPE = re.compile(r"[\w\[\](){}<>=,:/ '+.-]{0,200}")  # how libraries write a column's type

Category = str | int | float | bool


@dataclass(frozen=True)
class Field:
    """One column.

    kind       : see above
    categories : of a category, in the order of their codes
    dtype      : the column's own type, as its library writes it
    """

    name: str
    kind: str
    categories: tuple[Category, ...] = ()
    dtype: str = ""

    @property
    def levels(self) -> int:
        """How many values a cell can have; 0 where it is a number."""
        return {"boolean": 2, "category": len(self.categories)}.get(self.kind, 0)

    @cached_property
    def codes(self) -> dict[Category, int]:
        return {category: code for code, category in enumerate(self.categories)}

    def to_json(self) -> dict[str, Any]:
        stored: dict[str, Any] = {"name": self.name, "kind": self.kind, "dtype": self.dtype}
        if self.kind == "category":
            stored["categories"] = list(self.categories)
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Field:
        """raises ValueError for anything that `to_json` would not have written."""
        field = cls(
            stored["name"], stored["kind"], tuple(stored.get("categories", ())), stored["dtype"]
        )
        if not field._is_sound() or field.to_json() != stored:
            raise ValueError(f"the field {str(stored)[:60]} contradicts itself")
        return field

    def _is_sound(self) -> bool:
        return bool(
            isinstance(self.name, str)
            and self.kind in KINDS
            and isinstance(self.dtype, str)
            and _TYPE.fullmatch(self.dtype)
            and (self.kind == "category") == bool(self.categories)
            and len(self.categories) <= MOST_CATEGORIES
            and all(map(_is_category, self.categories))
            and len(set(self.categories)) == len(self.categories)
        )


def _is_category(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


@dataclass(frozen=True)
class Schema:
    """All columns of a mixed table, in order.

    library : of the frame it was learned from, in which rows are given back
    ignored : columns that may be there and are not looked at
    """

    fields: tuple[Field, ...]
    library: str = "polars"
    ignored: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(field.levels for field in self.fields)

    def takes_numbers(self) -> bool:
        """Whether a cell's number is what anybody would write: no categories, no dates."""
        return all(field.kind in ("number", "boolean", "empty") for field in self.fields)

    def agrees_with(self, other: Schema) -> bool:
        """Whether equal numbers mean equal cells."""
        return [(f.name, f.kind, f.categories) for f in self.fields] == [
            (f.name, f.kind, f.categories) for f in other.fields
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "fields": [field.to_json() for field in self.fields],
            "library": self.library,
            "ignored": list(self.ignored),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Schema:
        """raises ValueError for anything that `to_json` would not have written."""
        fields = tuple(Field.from_json(field) for field in stored["fields"])
        schema = cls(fields, stored["library"], tuple(stored["ignored"]))
        names = [*schema.names, *schema.ignored]
        sound = fields and len(set(names)) == len(names) and schema.library in LIBRARIES
        if not sound or schema.to_json() != stored:
            raise ValueError("the schema contradicts itself")
        return schema


# of a model that was fitted on numbers alone, none missing: rows have to be like that, too
NUMBERS = Schema(())

Asked = Mapping[str, str] | Schema | None


def check_wishes(asked: Asked) -> None:
    """Raise a ValueError for a schema that says of a column what no column can be."""
    for name, kind in {} if asked is None or isinstance(asked, Schema) else asked.items():
        if kind not in ASKED_FOR:
            raise ValueError(
                f"schema says that column {name!r} is {kind!r}{guess(str(kind), ASKED_FOR) or '.'} "
                f"Known are {', '.join(ASKED_FOR)}."
            )


def check_named(asked: Mapping[str, str], names: list[str], source: str) -> None:
    """Raise a ValueError for a schema that speaks of columns that are not there."""
    for name in asked:
        if name not in names:
            raise ValueError(
                f"{source} has no column {name!r}, of which the schema speaks"
                f"{guess(name, names) or '. Name one of its columns.'}"
            )

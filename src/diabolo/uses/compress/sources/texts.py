"""Text tables, .csv and .tsv ↔ symbols of their cells: every byte comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from diabolo.uses.compress.content import Content
from diabolo.uses.compress.sources import columns, decimals
from diabolo.uses.compress.sources.bounds import Bounds, Found
from diabolo.uses.compress.sources.grids import Rows, Span, add_table, recipes_of, table_back
from diabolo.uses.compress.sources.material import Material


def add_text(
    found: Material, content: bytes, separator: str, bounds: Bounds | None = None
) -> dict[str, Any] | None:
    """Lines of equally many cells; None for text that is not just that."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    last = lines.pop() if lines and lines[-1] == "" else None
    if len(lines) < 3 or (end == "\n" and "\r" in text):
        return None
    cells = [line.split(separator) for line in lines]
    if any(len(line) != len(cells[0]) for line in cells) or len(cells[0]) > 2048:
        return None
    parts, back = [], []
    for name, *column in zip(*cells, strict=True):
        rounded = bounds and _rounded(found, name.strip('"'), column, bounds)
        part, column = rounded or (columns.text_to_symbols(column, found.keep), column)
        if part is None:
            kept = found.keep("\n".join(column).encode())
            part = [], np.zeros((len(column), 0), np.int16), {"kept": kept}
        parts.append(found.stored(part))
        if bounds:
            back.append(column)
    head: dict[str, Any] = {"separator": separator, "line": end, "last": last is not None}
    head["first"] = lines[0]
    if bounds and bounds.found:
        head |= found.comes_back(Content.of(_joined(head, back)))
    table = add_table(found, parts)
    return {"kind": "text", **head, "table": table, "columns": [part[2] for part in parts]}


def _rounded(
    found: Material, name: str, column: list[str], bounds: Bounds
) -> tuple[columns.Part, list[str]] | None:
    """Symbols of a column within its bound, and what comes back; None where it stays as it is."""
    bound = bounds.at(name)
    rounded = bound and decimals.to_symbols(column, bound, found.keep)
    if not bound or not rounded:
        if bounds.wanted(name) and not decimals.has_numbers(column):
            bounds.refuse(name)
        return None
    part, _ = rounded
    back = decimals.from_symbols(part[1], part[2], found.fetch)
    bounds.found.append(Found(name, bound, decimals.largest_error(column, back, bound)))
    return part, back


def text_back(
    entry: dict[str, Any], rows: Rows, fetch: columns.Fetch, span: Span = None
) -> Iterator[bytes]:
    """The text, or its first line and those of a span of rows, some lines at a time."""
    recipes, n = recipes_of(entry), entry["table"]["rows"]
    kept = {
        recipe["kept"]: fetch(recipe["kept"]).decode().split("\n")
        for recipe in recipes
        if "kept" in recipe
    }
    if any(len(column) != n for column in kept.values()):
        raise ValueError("its directory has a column that is too short or too long")
    yield str(entry["first"]).encode()
    length = 0
    for row, symbols in table_back(entry, rows, span):
        cells, place = [], 0
        for recipe in recipes:
            stop = place + columns.digits_in(recipe)
            if "kept" in recipe:
                cells.append(kept[recipe["kept"]][row : row + len(symbols)])
            else:
                cells.append(_cells(symbols[:, place:stop], recipe, fetch, row))
            place = stop
        length += _length(cells, entry)
        if length > entry["size"]:  # before memory is asked for the lines
            raise ValueError("its directory has a text of more characters than its size")
        yield _lines(entry, cells)
    yield str(entry["line"]).encode() if entry["last"] else b""


def _cells(symbols: np.ndarray, recipe: Any, fetch: columns.Fetch, row: int) -> list[str]:
    if recipe.get("text") == "rounded":
        return decimals.from_symbols(symbols, recipe, fetch, row)
    return columns.text_from_symbols(symbols, recipe, fetch, row)


def _joined(entry: dict[str, Any], cells: list[list[str]]) -> bytes:
    """The text of these columns."""
    end = str(entry["line"]) if entry["last"] else ""
    return str(entry["first"]).encode() + _lines(entry, cells) + end.encode()


def _lines(entry: dict[str, Any], cells: list[list[str]]) -> bytes:
    """Lines of these columns, each behind the end of the one before."""
    line, lines = str(entry["line"]), map(str(entry["separator"]).join, zip(*cells, strict=True))
    return "".join(f"{line}{one}" for one in lines).encode()


def _length(cells: list[list[str]], entry: dict[str, Any]) -> int:
    """Characters of the lines below the first one; a character takes a byte or more."""
    between = len(str(entry["separator"])) * max(0, len(cells) - 1) + len(str(entry["line"]))
    rows = len(cells[0]) if cells else 0
    return sum(len(one) for column in cells for one in column) + rows * between

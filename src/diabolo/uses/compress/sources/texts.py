"""Text tables, .csv and .tsv ↔ symbols of their cells: every byte comes back."""

from __future__ import annotations

from typing import Any

import numpy as np

from diabolo.uses.compress.sources import columns
from diabolo.uses.compress.sources.grids import Rows, Span, add_table, table_back
from diabolo.uses.compress.sources.material import Material


def add_text(found: Material, content: bytes, separator: str) -> dict[str, Any] | None:
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
    parts, described = [], []
    for column in zip(*cells[1:], strict=True):
        part = columns.text_to_symbols(list(column), found.keep)
        if part is None:
            kept = found.keep("\n".join(column).encode())
            part = [], np.zeros((len(column), 0), np.int16), {"kept": kept}
        parts.append(part)
        described.append(part[2])
    head = {"separator": separator, "line": end, "last": last is not None, "first": lines[0]}
    return {"kind": "text", **head, "table": add_table(found, parts), "columns": described}


def text_back(entry: dict[str, Any], rows: Rows, fetch: columns.Fetch, span: Span = None) -> bytes:
    """The text, or its first line and those of a span of rows."""
    symbols, recipes = table_back(entry, rows, span)
    first, last = span or (0, len(symbols))
    cells, place = [], 0
    for recipe in recipes:
        stop = place + columns.digits_in(recipe)
        if "kept" in recipe:
            column = fetch(recipe["kept"]).decode().split("\n")
            column = column[first:last] if span else column
        else:
            column = columns.text_from_symbols(symbols[:, place:stop], recipe, fetch, first)
        place = stop
        if len(column) != len(symbols):
            raise ValueError("its directory has a column that is too short or too long")
        cells.append(column)
    if _length(cells, entry) > entry["size"]:  # before memory is asked for the whole
        raise ValueError("its directory has a text of more characters than its size")
    lines = [str(entry["first"])]
    lines += map(str(entry["separator"]).join, zip(*cells, strict=True))
    return (str(entry["line"]).join(lines) + (str(entry["line"]) if entry["last"] else "")).encode()


def _length(cells: list[list[str]], entry: dict[str, Any]) -> int:
    """Characters of the lines below the first one; a character takes a byte or more."""
    between = len(str(entry["separator"])) * max(0, len(cells) - 1) + len(str(entry["line"]))
    rows = len(cells[0]) if cells else 0
    return sum(len(one) for column in cells for one in column) + rows * between

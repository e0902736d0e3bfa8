"""Rows of tables as planes of symbols: one stream for all columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from diabolo.uses.compress.coding.chunks import STEPS
from diabolo.uses.compress.coding.layout import Layout
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.sources import columns
from diabolo.uses.compress.sources.material import Material

SEEN = 50_000  # rows that say whether they follow each other
TOGETHER = 2**19  # symbols of a table that come back at a time, or one piece of it
Span = tuple[int, int] | None  # first and last (exclusive); None: all
# of a stream, given how they lie, and which: those of these rows of a table, or of these tiles
Rows = Callable[[Any, Any, Span], Iterator[np.ndarray]]


def add_table(found: Material, parts: list[columns.StoredPart]) -> dict[str, Any]:
    """All columns as planes of one stream; where it lies and how many rows there are."""
    planes = tuple(plane for part in parts for plane in part[0])
    n = len(parts[0][1])
    if not planes:
        return {"rows": n}
    # a piece of rows a lane: few enough lanes that their 28 bits do not count, many for speed
    height = max(32, math.ceil(n / 256), math.ceil(n * len(planes) / 2**18))
    height = min(height, max(1, STEPS // len(planes)))
    pieces = Pieces(n, height)

    def read(first: int, last: int) -> np.ndarray:
        rows = np.zeros(((last - first) * height, len(planes)), np.int16)
        begin, end = pieces.within(first, last)
        np.concatenate([part[1][begin:end] for part in parts], 1, out=rows[: end - begin])
        return rows.reshape(last - first, height, 1, len(planes))

    series = _is_series(parts)
    layout = Layout(
        height,
        1,
        planes,
        reach=2 if series else 0,
        across=1 if series and len(planes) <= 16 else 0,
        beside=24,
        differences=series,
        position=False,
    )
    found.streams.append(Stream(layout, pieces.count, read, pieces.sizes))
    return {"stream": len(found.streams) - 1, "rows": n}


class Pieces:
    """n rows of a table in pieces of `height`."""

    width = 1

    def __init__(self, n: int, height: int) -> None:
        self.n, self.height = n, height
        self.count = -(-n // height)

    def holding(self, span: Span) -> tuple[int, int]:
        """First and last piece (exclusive) with any of these rows; None: all pieces."""
        return (
            (0, self.count)
            if span is None
            else (span[0] // self.height, -(-span[1] // self.height))
        )

    def within(self, first: int, last: int) -> tuple[int, int]:
        """First and last row (exclusive) of these pieces."""
        return first * self.height, min(last * self.height, self.n)

    def sizes(self, first: int, last: int) -> np.ndarray | None:
        """(pieces, 2) lines and cells that each of these pieces has; None: all of them."""
        if last * self.height <= self.n:
            return None
        sizes = np.full((last - first, 2), (self.height, 1))
        sizes[-1, 0] = self.n - (last - 1) * self.height
        return sizes


def _is_series(parts: list[columns.StoredPart]) -> bool:
    """Whether a row says much of the next: steps are shorter than those between any two rows."""
    n = min(SEEN, len(parts[0][1]))
    if n < 64:
        return False
    order = np.random.default_rng(0).permutation(n)
    steps, anywhere = [], []
    for _, symbols, _ in parts:
        some = symbols[:n].astype(np.float64)
        steps.append(abs(np.diff(some, axis=0)).mean(0))
        anywhere.append(abs(np.diff(some[order], axis=0)).mean(0))
    near, far = np.concatenate(steps), np.concatenate(anywhere)
    return bool((near < 0.7 * far)[far > 0].mean() > 0.2) if far.any() else False


def recipes_of(entry: dict[str, Any]) -> list[Any]:
    """How the columns of a table are to be read; raises ValueError for an impossible table."""
    recipes, n = entry["columns"], entry["table"]["rows"]
    if not isinstance(recipes, list) or type(n) is not int or not 0 <= n < columns.MOST_ROWS:
        raise ValueError("its directory has a table that makes no sense")
    if n * max(1, len(recipes)) > entry["size"]:  # a cell takes a byte at least, with what ends it
        raise ValueError("its directory has a table of more cells than its bytes can be")
    return recipes


def table_back(
    entry: dict[str, Any], rows: Rows, span: Span = None
) -> Iterator[tuple[int, np.ndarray]]:
    """The number of a row, and symbols (n, planes) from there on: the table, some at a time.

    span : the first and the last row (exclusive) that are wanted; None: all
    """
    planes, n = sum(map(columns.digits_in, recipes_of(entry))), entry["table"]["rows"]
    row, last = span or (0, n)
    if "stream" not in entry["table"]:
        if planes:
            raise ValueError("its directory has a table that makes no sense")
        for first in range(row, last, TOGETHER):
            yield first, np.zeros((min(TOGETHER, last - first), 0), np.int16)
        return
    held: list[np.ndarray] = []
    for number, piece in enumerate(rows(entry["table"]["stream"], n, span)):
        if piece.shape[2] != planes:
            raise ValueError("its directory has a table that makes no sense")
        skipped = row % len(piece) if number == 0 else 0  # it may begin before the first row
        held.append(piece[skipped:, 0])
        if sum(map(np.size, held)) >= TOGETHER:
            yield row, np.concatenate(held)[: last - row]
            row, held = row + sum(map(len, held)), []
    if held:
        yield row, np.concatenate(held)[: last - row]


def whole_table(entry: dict[str, Any], rows: Rows, span: Span = None) -> np.ndarray:
    """Symbols (n, planes) of all these rows."""
    none = np.zeros((0, sum(map(columns.digits_in, recipes_of(entry)))), np.int16)
    return np.concatenate([none, *(symbols for _, symbols in table_back(entry, rows, span))])

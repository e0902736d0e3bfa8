"""Rows of tables as planes of symbols: one stream for all columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from diabolo.uses.compress.coding.chunks import STEPS
from diabolo.uses.compress.coding.heads import Plane
from diabolo.uses.compress.coding.layout import Layout
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.sources import columns
from diabolo.uses.compress.sources.material import Material

Span = tuple[int, int] | None  # first and last (exclusive); None: all
# of a stream, given how they lie, and which: those of these rows of a table, or of these tiles
Rows = Callable[[Any, Any, Span], Iterator[np.ndarray]]


def add_table(
    found: Material, parts: list[tuple[list[Plane], np.ndarray, dict[str, Any]]]
) -> dict[str, Any]:
    """All columns as planes of one stream; where it lies and how many rows there are."""
    symbols = np.concatenate([part[1] for part in parts], 1)
    planes = tuple(plane for part in parts for plane in part[0])
    n = len(symbols)
    if not planes:
        return {"rows": n}
    # a piece of rows a lane: few enough lanes that their 28 bits do not count, many for speed
    height = max(32, math.ceil(n / 256), math.ceil(n * len(planes) / 2**18))
    height = min(height, max(1, STEPS // len(planes)))
    pieces = math.ceil(n / height)
    padded = np.zeros((pieces * height, len(planes)), np.int16)
    padded[:n] = symbols
    grids = padded.reshape(pieces, height, 1, len(planes))
    series = _is_series(symbols)
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
    pieces_of = Pieces(n, height)
    found.streams.append(
        Stream(layout, pieces, lambda first, last: grids[first:last], pieces_of.sizes)
    )
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


def _is_series(symbols: np.ndarray) -> bool:
    """Whether a row says much of the next: steps are shorter than those between any two rows."""
    if len(symbols) < 64:
        return False
    symbols = symbols[:50_000].astype(np.float64)
    steps = abs(np.diff(symbols, axis=0)).mean(0)
    random = np.random.default_rng(0).permutation(len(symbols))
    anywhere = abs(np.diff(symbols[random], axis=0)).mean(0)
    return bool((steps < 0.7 * anywhere)[anywhere > 0].mean() > 0.2) if anywhere.any() else False


def table_back(
    entry: dict[str, Any], rows: Rows, span: Span = None
) -> tuple[np.ndarray, list[Any]]:
    """Symbols (n, planes) of a table, and how its columns are to be read.

    span : the first and the last row (exclusive) that are wanted; None: all
    """
    recipes, n = entry["columns"], entry["table"]["rows"]
    if not isinstance(recipes, list) or type(n) is not int or not 0 <= n < columns.MOST_ROWS:
        raise ValueError("its directory has a table that makes no sense")
    if n * max(1, len(recipes)) > entry["size"]:  # a cell takes a byte at least, with what ends it
        raise ValueError("its directory has a table of more cells than its bytes can be")
    planes = sum(columns.digits_in(recipe) for recipe in recipes)
    first, last = span or (0, n)
    if "stream" not in entry["table"]:
        if planes:
            raise ValueError("its directory has a table that makes no sense")
        return np.zeros((last - first, 0), np.int16), recipes
    pieces = [piece[:, 0] for piece in rows(entry["table"]["stream"], n, span)]
    if not pieces or pieces[0].shape[1] != planes:
        raise ValueError("its directory has a table that makes no sense")
    skipped = first % len(pieces[0])  # of the first piece that holds one of them
    return np.concatenate(pieces)[skipped : skipped + last - first], recipes

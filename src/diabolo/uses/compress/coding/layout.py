"""Rows of symbols as grids, and which earlier symbols each symbol is predicted from.

A row is a grid (height, width, planes) of symbols: an image or a tile of one, its channels being
the planes; or a piece of a table, height being its rows, width 1, its columns the planes. Symbols
are coded line by line, cell by cell, plane by plane. A symbol's context are symbols at fixed
offsets before it; what lies outside the grid counts as 0.

The network sees the context twice: as it is (for the mean of ordered symbols, by weights alone),
and in steps of 1/256 for its hidden units:

    level       v · 255 / (largest), so that 255 is the largest symbol
    difference  two symbols of a plane, d · 255 (a + 16) / (a · (|d| + 16)), a the largest symbol:
                fine near 0, where neighbours in photographs differ
    one-hot     255 where the symbol is the category
    position    small images only: how near the cell is to each of 7 lines and 7 columns
    margin      255 in the first line, in the first column, in the last column

With a code (`codes`), its features at the cell come on top (`latents`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from diabolo.uses.compress.coding.codes import Code
from diabolo.uses.compress.coding.heads import Plane

FULL = 255  # what stands for 1
KNOTS = 7  # of the position, each way
_SOFTNESS = 16  # of differences


@dataclass(frozen=True)
class Place:
    """An offset from the symbol at hand: lines, cells, and the plane there."""

    line: int
    cell: int
    plane: int


@dataclass(frozen=True)
class Layout:
    """How a row of symbols lies, and what predicts what.

    height, width : of a row
    planes        : kinds of symbols in a cell, in the order in which they are coded
    reach         : nearest earlier cells of the same plane that are looked at
    across        : likewise of other planes, in earlier cells
    beside        : planes of the same cell, the last ones before
    differences   : whether hidden units see differences to the nearest cell, or levels
    position      : whether they see where in the row they are
    """

    height: int
    width: int
    planes: tuple[Plane, ...]
    reach: int
    across: int
    beside: int
    differences: bool
    position: bool
    code: Code | None = None

    @cached_property
    def margin(self) -> tuple[int, int]:
        """Empty lines above, and cells on both sides, so that no offset leads outside."""
        places = [p for c in range(len(self.planes)) for p in self.context(c)]
        above = max((-p.line for p in places), default=0)
        beside = max((abs(p.cell) for p in places), default=0)
        return above, beside

    @property
    def padded(self) -> tuple[int, int, int]:
        """(lines, cells, planes) with the margin."""
        above, beside = self.margin
        return self.height + above, self.width + 2 * beside, len(self.planes)

    @property
    def cells(self) -> int:
        return self.height * self.width

    @property
    def symbols(self) -> int:
        """Of a row."""
        return self.cells * len(self.planes)

    def fits(self, other: Layout) -> bool:
        """Whether rows of the other are rows of this one, however they are predicted."""
        rows = (other.height, other.width, other.planes)
        return (self.height, self.width, self.planes) == rows

    def with_code(self, code: Code | None, context: bool = True) -> Layout:
        """The same rows, seen through a code besides their context, or instead of it."""
        if context:
            return replace(self, code=code)
        return replace(self, code=code, reach=0, across=0, beside=0, position=False)

    def at(self, cell: int, plane: int = 0) -> int:
        """Where a symbol lies in a padded row that was made flat."""
        (above, beside), (_, width, planes) = self.margin, self.padded
        line, column = divmod(cell, self.width)
        return ((line + above) * width + column + beside) * planes + plane

    def offset(self, place: Place, plane: int) -> int:
        """How far before a symbol of `plane` a symbol of its context lies."""
        _, width, planes = self.padded
        return (place.line * width + place.cell) * planes + place.plane - plane

    def context(self, plane: int) -> tuple[Place, ...]:
        """Which symbols a symbol of this plane is predicted from: its own plane's first."""
        before = earlier_cells(self.width, max(self.reach, self.across))
        own = [Place(*cell, plane) for cell in before[: self.reach]]
        same_cell = [Place(0, 0, other) for other in range(max(0, plane - self.beside), plane)]
        rest = []
        if self.across:
            others = [other for other in range(len(self.planes)) if other != plane]
            rest = [Place(*cell, other) for other in others for cell in before[: self.across]]
        return tuple(own + same_cell + rest)

    @cached_property
    def positions(self) -> np.ndarray:
        """(cells, features) in 0 … 255 of each cell: margins, and position where it counts."""
        lines, cells = np.divmod(np.arange(self.cells), self.width)
        features = [lines == 0]
        if self.width > 1:
            features += [cells == 0, cells == self.width - 1]
        table = np.stack(features, 1).astype(np.int64) * FULL
        if not self.position:
            return table
        near = [hats(self.height, KNOTS)[lines]]
        near += [hats(self.width, KNOTS)[cells]] * (self.width > 1)
        return np.concatenate([table, *near], 1)

    @cached_property
    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """The different rows of `positions`, (kinds, features), and which one each cell has.

        Few: inside a photograph, and in a table below its first line, all cells are alike.
        """
        rows, which = np.unique(self.positions, axis=0, return_inverse=True)
        return rows, which.reshape(-1)


@lru_cache
def earlier_cells(width: int, count: int) -> tuple[tuple[int, int], ...]:
    """The `count` nearest cells (line, cell) that are coded before the one at (0, 0)."""
    if width == 1:
        return tuple((-line, 0) for line in range(1, count + 1))
    far = 1
    while far * (far + 1) * 2 < 2 * count + 8:
        far += 1
    far += 1
    found = [(y, x) for y in range(-far, 1) for x in range(-far, far + 1) if y < 0 or x < 0]
    found.sort(key=lambda c: (c[0] ** 2 + c[1] ** 2, -c[0], c[1]))
    return tuple(found[:count])


def hats(length: int, knots: int) -> np.ndarray:
    """(length, knots) in 0 … 255: 255 at the knot, falling linearly to 0 at the knots beside it."""
    where = np.arange(length)[:, None] * FULL * (knots - 1)
    span = max(1, (length - 1) * FULL)
    distance = abs(where - np.arange(knots) * (length - 1) * FULL)
    return np.maximum(0, FULL * (span - distance) // span)


class Inputs:
    """Reads the context of one plane out of padded rows.

    rows lie side by side: (places, n), so that what is gathered is whole lines of memory.
    """

    def __init__(self, layout: Layout, plane: int) -> None:
        self.plane = layout.planes[plane]
        places = layout.context(plane)
        kinds = [layout.planes[place.plane] for place in places]
        offsets = [layout.offset(place, plane) for place in places]
        ordered = [i for i, kind in enumerate(kinds) if kind.ordered]
        self.linear = np.array([offsets[i] for i in ordered], np.int64)
        self.level = self.linear
        self.reference = np.zeros(0, np.int64)
        self.categories = [
            (offset, kind.alphabet)
            for offset, kind in zip(offsets, kinds, strict=True)
            if not kind.ordered
        ]
        largest = np.array([kinds[i].alphabet - 1 for i in ordered], np.int64)
        self.largest = largest
        self.differ = np.zeros(0, np.int64)
        if layout.differences and len(ordered):
            # to the nearest cell of the same plane: the first of its places in this context
            nearest: dict[int, int] = {}
            for i in ordered:
                place = places[i]
                if (place.line, place.cell) == earlier_cells(layout.width, 1)[0]:
                    nearest.setdefault(place.plane, i)
            pairs = [(i, nearest[places[i].plane]) for i in ordered if places[i].plane in nearest]
            self.differ = np.array([ordered.index(i) for i, j in pairs if i != j], np.int64)
            self.reference = np.array([ordered.index(j) for i, j in pairs if i != j], np.int64)
        self.levels = [i for i in range(len(ordered)) if i not in set(self.differ)]
        self.raw_levels = np.array(self.levels, np.int64)
        self._scale = _level_table(largest[self.raw_levels])
        self._compand = _difference_table(largest[self.differ])
        self.count = len(self.levels) + len(self.differ) + sum(n for _, n in self.categories)
        self.features = layout.code.features if layout.code else 0  # come behind these

    def gather(self, rows: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
        """Symbols (k, n) of ordered context, and (inputs, n) for hidden units, both int.

        rows : (places, n) padded and flat; at : the place of the symbol at hand.
        """
        linear = rows[at + self.linear]
        categories = [rows[at + offset] for offset, _ in self.categories]
        return linear, self.hidden(linear, categories)

    def hidden(self, linear: np.ndarray, categories: list[np.ndarray]) -> np.ndarray:
        """(inputs, n) in −255 … 255."""
        pieces = []
        if len(self.levels):
            pieces.append(self._scale(linear[self.raw_levels]))
        if len(self.differ):
            pieces.append(self._compand(linear[self.differ] - linear[self.reference]))
        for symbols, (_, alphabet) in zip(categories, self.categories, strict=True):
            pieces.append((symbols == np.arange(alphabet)[:, None]) * np.int16(FULL))
        if not pieces:
            return np.zeros((0, linear.shape[1]), np.int16)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


class _level_table:
    """v → v · 255 / largest, a row each."""

    def __init__(self, largest: np.ndarray) -> None:
        self.same = bool((largest == FULL).all())
        self.largest = np.maximum(largest, 1)[:, None].astype(np.int32)

    def __call__(self, symbols: np.ndarray) -> np.ndarray:
        if self.same:
            return symbols
        return (symbols * np.int32(FULL) // self.largest).astype(np.int16)


class _difference_table:
    """d → 255 d (a + 16) / (a (|d| + 16)), a row each, by tables."""

    def __init__(self, largest: np.ndarray) -> None:
        self.alphabets, self.which = np.unique(np.maximum(largest, 1), return_inverse=True)
        self.tables = []
        for a in self.alphabets.tolist():
            d = np.arange(a + 1)
            half = FULL * d * (a + _SOFTNESS) // (a * (d + _SOFTNESS))
            self.tables.append(np.concatenate([half, -half[:0:-1]]).astype(np.int16))  # −d from end

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        if len(self.tables) == 1:
            return self.tables[0][differences]
        out = np.empty_like(differences)
        for number, table in enumerate(self.tables):
            rows = np.flatnonzero(self.which == number)
            out[rows] = table[differences[rows]]
        return out

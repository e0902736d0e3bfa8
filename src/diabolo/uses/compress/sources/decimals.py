"""Cells of a text table that are numbers ↔ numbers within a bound, written with few digits.

All of it is done in whole numbers: a cell is m / 10^places, with as many places as the longest has.

    absolute   multiples of a step: 2 ε, rounded down to two digits so that multiples are short; or
               an odd number of the last places that there are, where that is more
    relative   multiples of a step that grows with the number: between 1, 1.2, 1.6, 2, 2.5, 3.2, 4,
               5, 6.3, 8 and 10 times a power of ten it is 2 ε times the lower one, likewise
               rounded down

Zeros at the end are left out. Cells that are no numbers, and −0, stay what they are.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from diabolo.uses.compress.sources import columns
from diabolo.uses.compress.sources.bounds import Bound
from diabolo.uses.compress.sources.columns import Fetch, Keep, Part
from diabolo.uses.compress.sources.numbers import MANY_ODD, MOST_LISTED, MOST_ODD
from diabolo.uses.compress.sources.rounding import POINT

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
MOST_DIGITS = 30  # before the point, and behind it
MOST_KEY = 2**62
WORTH = Fraction(9, 8)  # how much coarser a step with more digits has to be
EXACT = Context(prec=120)  # sums and products of such numbers are not rounded
_BEGINNINGS = (10, 12, 16, 20, 25, 32, 40, 50, 63, 80)  # of segments


@dataclass
class Multiples:
    """Whole numbers of `places` digits behind the point → multiples of a step."""

    places: int
    step: int

    def key(self, number: Decimal) -> int:
        return _nearest(number.scaleb(self.places), self.step)

    def number(self, key: int) -> int:
        return key * self.step


class Growing:
    """Likewise with a step that grows; ratio: 2 ε · 2⁶⁰."""

    def __init__(self, places: int, ratio: int) -> None:
        self.places = places
        powers = (10**power for power in range(2 * MOST_DIGITS + 2))
        scaled = (m * power for power in powers for m in _BEGINNINGS)
        self.starts = sorted({one // 10 for one in scaled if one % 10 == 0})
        self.steps = [max(1, two_digits(start * ratio >> POINT)) for start in self.starts]
        self.firsts, count = [], 1  # 0 is the number 0
        for start, step, end in zip(self.starts, self.steps, self.starts[1:], strict=False):
            self.firsts.append(count)
            count += -(-end // step) - start // step + 1

    def key(self, number: Decimal) -> int:
        if not number:
            return 0
        size = abs(number.scaleb(self.places))
        i = bisect_right(self.starts, size) - 1
        step = self.steps[i]
        key = self.firsts[i] + _nearest(size, step) - self.starts[i] // step
        return key if number > 0 else -key

    def number(self, key: int) -> int:
        if not key:
            return 0
        i = bisect_right(self.firsts, abs(key)) - 1
        beyond = abs(key) - self.firsts[i]
        size = (self.starts[i] // self.steps[i] + beyond) * self.steps[i]
        return size if key > 0 else -size


def _nearest(number: Decimal, step: int) -> int:
    return int((number / step).to_integral_value(ROUND_HALF_EVEN))


def two_digits(number: int) -> int:
    """
    >>> two_digits(7), two_digits(1999), two_digits(123456)
    (7, 1900, 120000)
    """
    zeros = max(0, len(str(number)) - 2)
    return number // 10**zeros * 10**zeros


def to_symbols(cells: list[str], bound: Bound, keep: Keep) -> tuple[Part, list[str]] | None:
    """Planes, symbols and recipe, and the cells that come back.

    None where most cells are no numbers, or where they have no more digits than the bound asks for.
    """
    if not has_numbers(cells):
        return None
    with localcontext(EXACT):
        return _on_grid(cells, bound, keep)


def _on_grid(cells: list[str], bound: Bound, keep: Keep) -> tuple[Part, list[str]] | None:
    numbers = [_parsed(cell) for cell in cells]
    places = max(_places(cell) for cell, n in zip(cells, numbers, strict=True) if n is not None)
    grid = _grid(bound, places)
    if grid is None:
        return None
    keys = [0 if number is None else grid.key(number) for number in numbers]
    good = [n is not None and abs(key) < MOST_KEY for key, n in zip(keys, numbers, strict=True)]
    texts = {key: written(grid.number(key), grid.places) for key in set(keys)}
    back = [texts[key] if ok else cell for key, cell, ok in zip(keys, cells, good, strict=True)]
    recipe: dict[str, Any] = {"text": "rounded", "places": grid.places}
    recipe["times" if isinstance(grid, Multiples) else "ratio"] = (
        grid.step if isinstance(grid, Multiples) else _ratio(bound)
    )
    part = _part(np.array(keys, object), np.array(good), cells, recipe, keep)
    return part and (part, back)


def has_numbers(cells: list[str]) -> bool:
    """Whether at least half of the cells that are not empty are numbers."""
    filled = [cell for cell in cells if cell]
    return 0 < len(filled) <= 2 * sum(_parsed(cell) is not None for cell in filled)


def from_symbols(
    symbols: np.ndarray, recipe: dict[str, Any], fetch: Fetch, row: int = 0
) -> list[str]:
    """The cells; raises ValueError for a recipe that makes no sense."""
    which, odd, rest = columns.odd_of(symbols, recipe)
    places = columns.whole(recipe["places"], MOST_DIGITS + 2)
    grid: Multiples | Growing
    if "times" in recipe:
        grid = Multiples(places, columns.whole(recipe["times"]))
    else:
        grid = Growing(places, columns.whole(recipe["ratio"], 1 << POINT))
    keys = columns.values_of(columns.from_symbols(rest, recipe, fetch, row), np.dtype(np.int64))
    found, inverse = np.unique(keys, return_inverse=True)
    texts = [written(grid.number(key), places) for key in found.tolist()]
    cells = [texts[place] for place in inverse.tolist()]
    for place in np.flatnonzero(which).tolist():
        cells[place] = str(odd[which[place] - 1])
    if "listed" in recipe:
        rows, kept = (fetch(number) for number in recipe["listed"])
        for at, cell in zip(
            columns.from_planar(rows).tolist(), kept.decode().split("\n"), strict=True
        ):
            if row <= at < row + len(cells):
                cells[at - row] = cell
    return cells


def largest_error(cells: list[str], back: list[str], bound: Bound) -> float:
    """Of all cells, found without rounding; raises RuntimeError where it is beyond the bound."""
    largest = Decimal(0)
    with localcontext(EXACT):
        for cell, other in zip(cells, back, strict=True):
            if cell == other:
                continue
            exact = Decimal(cell)
            error = abs(Decimal(other) - exact)
            if error > bound.amount * (abs(exact) if bound.relative else 1):
                raise RuntimeError(f"{cell} became {other}: please report this")
            if error:
                largest = max(largest, error / abs(exact) if bound.relative else error)
    return float(largest)


def written(number: int, places: int) -> str:
    """
    >>> written(41120, 3), written(-500, 2), written(7, 0)
    ('41.12', '-5', '7')
    """
    while places and number % 10 == 0:
        number, places = number // 10, places - 1
    return columns.decimal_text(number, places)


def _parsed(cell: str) -> Decimal | None:
    """A number of not too many digits; None for other cells, and for −0."""
    if not NUMBER.fullmatch(cell):
        return None
    number = Decimal(cell)
    if number.is_zero():
        return None if cell.startswith("-") else number
    if number.adjusted() > MOST_DIGITS or _places(cell) > MOST_DIGITS:
        return None
    return number


def _places(cell: str) -> int:
    exponent = Decimal(cell).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _ratio(bound: Bound) -> int:
    return math.floor(2 * Fraction(bound.amount) * 2**POINT)


def _grid(bound: Bound, places: int) -> Multiples | Growing | None:
    """The coarsest grid within the bound; None where it is no coarser than what is there."""
    if bound.relative:
        return Growing(places, _ratio(bound)) if bound.amount > Decimal("1e-15") else None
    digits = max(0, 1 - (2 * bound.amount).adjusted())
    if digits > MOST_DIGITS + 2:
        return None
    short = Multiples(digits, two_digits(math.floor(2 * Fraction(bound.amount) * 10**digits)))
    odd = Multiples(places, 2 * math.floor(Fraction(bound.amount) * 10**places) + 1)
    sizes = [Fraction(grid.step, 10**grid.places) for grid in (short, odd)]
    best, size = (odd, sizes[1]) if sizes[1] > WORTH * sizes[0] else (short, sizes[0])
    return best if size > Fraction(1, 10**places) and best.step < 2**64 else None


def _part(
    keys: np.ndarray, good: np.ndarray, cells: list[str], recipe: dict[str, Any], keep: Keep
) -> Part | None:
    """Keys with the odd cells apart; None where too many of them are odd."""
    odd = np.flatnonzero(~good)
    counts = Counter(cells[place] for place in odd.tolist())
    kinds = [cell for cell, count in counts.most_common(MOST_ODD) if count >= MANY_ODD]
    which = np.zeros(len(cells), np.int16)
    for place in odd.tolist():
        which[place] = kinds.index(cells[place]) + 1 if cells[place] in kinds else 0
    listed = odd[which[odd] == 0]
    if len(listed) > max(1, MOST_LISTED * len(cells)):
        return None
    if len(listed):
        texts = "\n".join(cells[place] for place in listed.tolist())
        recipe = {**recipe, "listed": [keep(columns.planar(listed)), keep(texts.encode())]}
    lowest = min(keys[good], default=0)
    whole = np.where(good, keys, lowest).astype(np.int64)
    planes, symbols, rest = columns.to_symbols(columns.keys_of(whole), keep)
    part = planes, symbols, {**recipe, **rest}
    return columns.with_odd(part, which, list(kinds)) if kinds else part

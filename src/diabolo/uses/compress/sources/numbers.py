"""A column of numbers ↔ planes of symbols: what is odd in it, and what kind of numbers it holds.

Odd cells are missing, or such as do not come back from a number: NaN, infinities, −0. Where there
are many of a kind, a plane of its own says so; a few are listed with their rows. The rest are

    exact      the keys of `columns`
    decimals   floats that are m / 10^places, divided and rounded as IEEE has it (to single
               precision first, where `single`): the key is that of m, far shorter than the bits

A cell that is odd has the smallest key in the other planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diabolo.uses.compress.sources import columns
from diabolo.uses.compress.sources.columns import Fetch, Keep, Part

MOST_PLACES = 6
MOST_ODD = 15  # kinds
MANY_ODD = 32  # cells of a kind that pay for a plane
MOST_LISTED = 1 / 16  # of all rows
SURE = 2.0**53  # whole numbers below are doubles


@dataclass
class Form:
    """How the cells of a column that are not odd become keys.

    keys   : uint64 of all rows; of odd ones any
    usual  : which cells come back from their keys
    recipe : how
    """

    keys: np.ndarray
    usual: np.ndarray
    recipe: dict[str, Any]


def to_symbols(values: np.ndarray, keep: Keep, missing: np.ndarray | None = None) -> Part:
    """A column (n,) of booleans, whole numbers or floats; missing (n,): cells without a value."""
    there = np.ones(len(values), bool) if missing is None else ~missing
    return _part(values, there, _decimals(values, there) or _exact(values, there), keep)


def from_symbols(
    symbols: np.ndarray, recipe: dict[str, Any], fetch: Fetch, dtype: np.dtype, row: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Values (n,), and which of them are missing, from symbols (n, planes).

    row : the number of the first of them in the table.
    """
    which, odd, rest = columns.odd_of(symbols, recipe)
    keys = columns.from_symbols(rest, recipe, fetch, row)
    values = _values_back(keys, recipe, dtype)
    missing = np.zeros(len(values), bool)
    for number, bits in enumerate(odd, 1):
        cells = which == number
        values[cells] = 0 if bits is None else _from_bits([bits], dtype)
        missing |= cells if bits is None else False
    if "listed" in recipe:
        rows, bits = columns.from_planar(fetch(recipe["listed"])).reshape(2, -1)
        here = (rows >= row) & (rows < row + len(values))
        values[(rows[here] - np.uint64(row)).astype(np.int64)] = _from_bits(bits[here], dtype)
    if "absent" in recipe:
        absent = columns.rows_listed(fetch(recipe["absent"]), row, len(values))
        values[absent], missing[absent] = 0, True
    return values, missing


def _part(values: np.ndarray, there: np.ndarray, form: Form, keep: Keep) -> Part:
    """Planes of keys, with the odd cells apart; of the bits, where too many cells are odd."""
    recipe, keys = form.recipe, form.keys
    odd = np.flatnonzero(~form.usual)
    if not len(odd):
        planes, symbols, rest = columns.to_symbols(keys, keep)
        return planes, symbols, {**recipe, **rest}
    bits, missing = _bits(values[odd]), ~there[odd]
    kinds, which = _kinds(bits, missing)
    absent, listed = odd[missing & (which == 0)], odd[~missing & (which == 0)]
    if recipe and len(listed) > MOST_LISTED * len(values):
        return _part(values, there, _exact(values, there), keep)
    if len(absent):
        recipe = {**recipe, "absent": keep(columns.planar(absent))}
    if len(listed):
        both = np.concatenate([listed.astype(np.uint64), _bits(values[listed])])
        recipe = {**recipe, "listed": keep(columns.planar(both))}
    keys = np.where(form.usual, keys, keys[form.usual].min() if form.usual.any() else 0)
    planes, symbols, rest = columns.to_symbols(keys, keep)
    part = planes, symbols, {**recipe, **rest}
    if not kinds:
        return part
    of_all = np.zeros(len(values), np.int16)
    of_all[odd] = which
    return columns.with_odd(part, of_all, kinds)


def _kinds(bits: np.ndarray, missing: np.ndarray) -> tuple[list[int | None], np.ndarray]:
    """The common odd cells, and for each cell which of them it is, from 1; 0: none of them."""
    many = int(missing.sum()) >= MANY_ODD
    kinds: list[int | None] = [None] if many else []
    which = (missing * many).astype(np.int16)
    found, counts = np.unique(bits[~missing], return_counts=True)
    common = np.argsort(-counts, kind="stable")[: MOST_ODD - len(kinds)]
    for value in found[common[counts[common] >= MANY_ODD]].tolist():
        kinds.append(value)
        which[~missing & (bits == value)] = len(kinds)
    return kinds, which


def _exact(values: np.ndarray, there: np.ndarray) -> Form:
    return Form(columns.keys_of(values), there, {})


def _decimals(values: np.ndarray, there: np.ndarray) -> Form | None:
    """Floats as whole numbers of the smallest places that give all of them back, if any do."""
    if values.dtype.kind != "f":
        return None
    usual = there & np.isfinite(values) & ~((values == 0) & np.signbit(values))
    some = values[usual][:: max(1, int(usual.sum()) // 16)]
    for single in (False, True) if values.dtype.itemsize == 8 else (False,):
        for places in range(MOST_PLACES + 1):
            if _whole(some, places, single) is None:  # most are told by a few
                continue
            found = _whole(values[usual], places, single)
            if found is not None:
                keys = np.zeros(len(values), np.uint64)
                keys[usual] = columns.keys_of(found)
                recipe = {"decimal": places} | ({"single": True} if single else {})
                return Form(keys, usual, recipe)
    return None


def _whole(values: np.ndarray, places: int, single: bool) -> np.ndarray | None:
    """The whole numbers of which these are decimals, if they are."""
    with np.errstate(over="ignore"):
        numbers = np.rint(values.astype(np.float64) * 10.0**places)
    if not (abs(numbers) < SURE).all():
        return None
    back = decimals_back(numbers, places, single, values.dtype)
    return numbers.astype(np.int64) if (_bits(back) == _bits(values)).all() else None


def decimals_back(numbers: np.ndarray, places: int, single: bool, dtype: np.dtype) -> np.ndarray:
    """numbers / 10^places: division and roundings are IEEE's, no machine differs."""
    with np.errstate(over="ignore"):
        quotient = numbers.astype(np.float64) / 10.0**places
        return (quotient.astype(np.float32) if single else quotient).astype(dtype)


def _values_back(keys: np.ndarray, recipe: dict[str, Any], dtype: np.dtype) -> np.ndarray:
    if "decimal" not in recipe:
        return columns.values_of(keys, dtype)
    if dtype.kind != "f":
        raise ValueError("a column is not described as diabolo describes it")
    places = columns.whole(recipe["decimal"], MOST_PLACES)
    numbers = columns.values_of(keys, np.dtype(np.int64))
    return decimals_back(numbers, places, recipe.get("single") is True, dtype)


def _bits(values: np.ndarray) -> np.ndarray:
    """The bits of values as uint64, whatever their type."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").astype(np.uint64)


def _from_bits(bits: Any, dtype: np.dtype) -> np.ndarray:
    given = [columns.whole(int(one), 2 ** (8 * dtype.itemsize) - 1) for one in bits]
    return np.array(given, f"u{dtype.itemsize}").view(dtype)

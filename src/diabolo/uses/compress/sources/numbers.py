"""A column of numbers ↔ planes of symbols: what is odd in it, and what kind of numbers it holds.

Odd cells are missing, or such as do not come back from a number: NaN, infinities, −0. Where there
are many of a kind, a plane of its own says so; a few are listed with their rows. The rest are

    exact      the keys of `columns`
    decimals   floats that are m / 10^places, divided and rounded as IEEE has it (to single
               precision first, where `single`): the key is that of m, far shorter than the bits
    rounded    within a bound, on one of the grids of `rounding.py`; whole numbers and the m of
               decimals among whole numbers. What does not come back within the bound is odd.

A cell that is odd has the smallest key in the other planes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from diabolo.uses.compress.sources import columns, rounding
from diabolo.uses.compress.sources.bounds import Bound, magnitude, within
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


def to_symbols(
    values: np.ndarray, keep: Keep, missing: np.ndarray | None = None, bound: Bound | None = None
) -> Part:
    """A column (n,) of booleans, whole numbers or floats.

    missing : (n,) cells without a value
    bound   : how far each value may be from what it was; None: nothing is changed
    """
    there = np.ones(len(values), bool) if missing is None else ~missing
    form = _rounded(values, there, bound) if bound and values.dtype.kind != "b" else None
    form = form or _decimals(values, there) or _exact(values, there)
    return _part(values, there, form, keep)


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


def _plain(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Which floats are numbers that come back from others."""
    return there & np.isfinite(values) & ~((values == 0) & np.signbit(values))


def _decimals(values: np.ndarray, there: np.ndarray) -> Form | None:
    """Floats as whole numbers of the smallest places that give all of them back, if any do."""
    if values.dtype.kind != "f":
        return None
    usual = _plain(values, there)
    some = values[usual][:: max(1, int(usual.sum()) // 16)]
    for single in (False, True) if values.dtype.itemsize == 8 else (False,):
        for places in range(MOST_PLACES + 1):
            if _as_whole(some, places, single) is None:  # most are told by a few
                continue
            found = _as_whole(values[usual], places, single)
            if found is not None:
                recipe = {"decimal": places} | ({"single": True} if single else {})
                return Form(_spread(columns.keys_of(found), usual), usual, recipe)
    return None


def _spread(keys: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Keys of the usual cells among all cells."""
    spread = np.zeros(len(usual), np.uint64)
    spread[usual] = keys
    return spread


def _as_whole(values: np.ndarray, places: int, single: bool) -> np.ndarray | None:
    """The whole numbers of which these are decimals, if they are."""
    with np.errstate(over="ignore"):
        numbers = np.rint(values.astype(np.float64) * 10.0**places)
    if not (abs(numbers) < SURE).all():
        return None
    back = decimals_back(numbers, places, single, values.dtype)
    return numbers.astype(np.int64) if (_bits(back) == _bits(values)).all() else None


def levels(bound: Bound) -> np.ndarray:
    """(256,) what each byte becomes within the bound."""
    every = np.arange(256, dtype=np.uint8)
    form = _rounded(every, np.ones(256, bool), bound)
    if form is None:
        return every
    back = _values_back(form.keys, form.recipe, every.dtype)
    return np.where(form.usual, back, every)


def decimals_back(numbers: np.ndarray, places: int, single: bool, dtype: np.dtype) -> np.ndarray:
    """numbers / 10^places: division and roundings are IEEE's, no machine differs."""
    with np.errstate(over="ignore"):
        quotient = numbers.astype(np.float64) / 10.0**places
        return (quotient.astype(np.float32) if single else quotient).astype(dtype)


def _rounded(values: np.ndarray, there: np.ndarray, bound: Bound) -> Form | None:
    """The coarsest grid within the bound; None where none is coarser than what is there."""
    floats = values.dtype.kind == "f"
    usual = _plain(values, there) if floats else there
    decimals = _decimals(values, there) if floats else _exact(values, there)
    some = values[usual]
    if bound.relative:
        found = _blocks(some, decimals, usual, bound)
    else:
        found = _apart_or_grid(some, decimals, usual, bound)
    if found is None:
        return None
    keys, recipe = found
    back = _values_back(keys, recipe, values.dtype)
    good = usual.copy()
    good[usual] = within(some, back, bound)
    return Form(_spread(keys, usual), good, recipe)


Keyed = tuple[np.ndarray, dict[str, Any]]  # keys of the usual cells, how they are read


def _apart_or_grid(
    some: np.ndarray, decimals: Form | None, usual: np.ndarray, bound: Bound
) -> Keyed | None:
    step = rounding.grid_step(some, bound) if some.dtype.kind == "f" else None
    if decimals is not None:
        places = decimals.recipe.get("decimal", 0)
        lost = _lost(some) if some.dtype.kind == "f" else 0.0
        half = math.floor((Fraction(bound.size) - Fraction(lost)) * 10**places)
        if step is None or (2 * max(0, half) + 1) >= step * 10**places:
            found = rounding.apart(decimals.keys[usual], max(0, half))
            return found and (found[0], {**decimals.recipe, "apart": found[1]})
    if step is None:
        return None
    k = rounding.on_grid(some, step)
    return columns.keys_of(k), {"grid": step}


def _lost(values: np.ndarray) -> float:
    """What the roundings of two decimals can add to their difference."""
    return float(2 * rounding.spacing(values).max(initial=0))


def _blocks(
    some: np.ndarray, decimals: Form | None, usual: np.ndarray, bound: Bound
) -> Keyed | None:
    floats = some.dtype.kind == "f"
    whole, recipe = some, {}
    if floats and decimals is not None:
        whole = columns.values_of(decimals.keys[usual], np.dtype(np.int64))
        recipe = decimals.recipe
    single = recipe.get("single") or some.dtype.itemsize < 8
    lost = 2.0 ** (2 - rounding.MANTISSA[4 if single else 8]) if floats and recipe else 0.0
    if some.dtype == np.float16 and recipe:
        lost = 2.0 ** (2 - rounding.MANTISSA[2])
    ratio = rounding.ratio_of(bound, lost)
    if ratio is None:
        return None
    recipe = {**recipe, "blocks": [ratio, rounding.best_parts(ratio)]}
    blocks = _blocks_of(recipe, some.dtype)
    if not blocks.halves[1:].any():
        return None
    if floats and "decimal" not in recipe:
        sign, size = np.signbit(some), _bits(abs(some))
        size = np.where(size < blocks.starts[1], 0, size)  # too small for a share of them
    else:
        sign, size = whole < 0, magnitude(whole)
    numbers = blocks.number(size).astype(np.int64)
    return columns.keys_of(np.where(sign, -numbers, numbers)), recipe


def _blocks_of(recipe: dict[str, Any], dtype: np.dtype) -> rounding.Blocks:
    ratio, parts = recipe["blocks"]
    columns.whole(ratio, 1 << rounding.POINT)
    if parts not in rounding.PARTS:
        raise ValueError("a column is not described as diabolo describes it")
    floats = dtype.kind == "f" and "decimal" not in recipe
    return rounding.blocks(ratio, parts, dtype.itemsize if floats else 0)


def _values_back(keys: np.ndarray, recipe: dict[str, Any], dtype: np.dtype) -> np.ndarray:
    """Values (n,) from keys; raises ValueError for a recipe that makes no sense."""
    floats = dtype.kind == "f"
    if not floats and ("decimal" in recipe or "grid" in recipe):
        raise ValueError("a column is not described as diabolo describes it")
    if "apart" in recipe:
        low, step, span = map(columns.whole, recipe["apart"])
        keys = rounding.apart_back(keys, low, step, span)
    whole = np.dtype(np.int64) if "decimal" in recipe else dtype
    if "grid" in recipe:
        return rounding.grid_back(_whole_numbers(keys), _step(recipe["grid"]), dtype)
    if "blocks" in recipe:
        blocks, numbers = _blocks_of(recipe, dtype), _whole_numbers(keys)
        size = blocks.middle(magnitude(numbers))
        if floats and "decimal" not in recipe:
            found = size.astype(f"u{dtype.itemsize}").view(dtype)
            return np.where(numbers < 0, -found, found)
        values = np.where(numbers < 0, ~size + np.uint64(1), size).view(np.int64).astype(whole)
    else:
        values = columns.values_of(keys, whole)
    if "decimal" not in recipe:
        return values
    places = columns.whole(recipe["decimal"], MOST_PLACES)
    return decimals_back(values, places, recipe.get("single") is True, dtype)


def _whole_numbers(keys: np.ndarray) -> np.ndarray:
    return columns.values_of(keys, np.dtype(np.int64))


def _step(value: Any) -> float:
    if type(value) is not float or not 0 < value < math.inf:
        raise ValueError("a column has an impossible number")
    return value


def _bits(values: np.ndarray) -> np.ndarray:
    """The bits of values as uint64, whatever their type."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").astype(np.uint64)


def _from_bits(bits: Any, dtype: np.dtype) -> np.ndarray:
    given = [columns.whole(int(one), 2 ** (8 * dtype.itemsize) - 1) for one in bits]
    return np.array(given, f"u{dtype.itemsize}").view(dtype)

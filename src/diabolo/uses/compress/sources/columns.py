"""A column of a table ↔ planes of symbols, exactly: every bit of every value comes back.

Values become keys, unsigned whole numbers of 64 bits in the same order:

    whole numbers   their value, the sign turned
    floats          their bits; of negative ones all turned, of others the sign (so −0, every NaN
                    and denormals keep what they are)
    text            the rank among the different texts: by value if all are numbers, else by how
                    frequent they are

(`numbers.py` has shorter keys for floats that are decimals, and keeps apart what is missing.)

Keys become symbols: none where they rise in equal steps (row numbers, hours); else their distance
from the smallest, or, where only some of the values in between occur, their rank among those that
do; more than 1024 of them in digits of 8 bits, highest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from diabolo.uses.compress.coding.heads import MOST_CATEGORIES, MOST_ORDERED, Plane
from diabolo.uses.compress.content import Array
from diabolo.uses.compress.sources.planes import plane_of

SIGN = np.uint64(1 << 63)
DIGIT = 8  # bits
MOST_ROWS = 2**40
FEW = 8  # whole numbers of so few values are taken for categories
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_DATES = {"D": re.compile(r"\d{4}-\d\d-\d\d"), "s": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")}

Keep = Callable[[bytes], int]  # puts bytes into the file, says under which number
Fetch = Callable[[int], bytes]
Part = tuple[list[Plane], np.ndarray, dict[str, Any]]  # planes, symbols (n, planes), the recipe
StoredPart = tuple[list[Plane], Array, dict[str, Any]]  # likewise, symbols in a file perhaps


def keys_of(values: np.ndarray) -> np.ndarray:
    """Numbers → uint64 in the same order."""
    if values.dtype.kind in "ub":
        return values.astype(np.uint64)
    if values.dtype.kind == "i":
        return values.astype(np.int64).view(np.uint64) ^ SIGN
    size = values.dtype.itemsize
    bits = np.ascontiguousarray(values).view(f"u{size}")
    top = bits.dtype.type(1 << (8 * size - 1))
    return np.where(bits & top, ~bits, bits | top).astype(np.uint64)


def values_of(keys: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Back from `keys_of`."""
    if dtype.kind in "ub":
        return keys.astype(dtype)
    if dtype.kind == "i":
        return (keys ^ SIGN).view(np.int64).astype(dtype)
    bits = keys.astype(f"u{dtype.itemsize}")
    top = bits.dtype.type(1 << (8 * dtype.itemsize - 1))
    return np.where(bits & top, bits ^ top, ~bits).view(dtype)


def to_symbols(keys: np.ndarray, keep: Keep) -> Part:
    """Planes, symbols (n, planes) int16, and the recipe to go back."""
    n = len(keys)
    steps = np.diff(keys)  # modulo 2⁶⁴
    if n < 2 or (steps == steps[0]).all():
        first = int(keys[0]) if n else 0
        step = int(steps[0]) if n > 1 else 0
        return [], np.zeros((n, 0), np.int16), {"first": first, "step": step}
    low, high = int(keys.min()), int(keys.max())
    recipe: dict[str, Any] = {"low": low}
    known = np.unique(keys)
    sparse = high - low + 1 > 1.5 * len(known)
    if sparse and (len(known) <= MOST_ORDERED or len(known) <= n // 4):
        recipe["known"] = keep(planar(np.diff(known, prepend=known[:1])))
        keys, largest = np.searchsorted(known, keys).astype(np.uint64), len(known) - 1
    else:
        keys, largest = keys - np.uint64(low), high - low
    return _digits(keys, largest, recipe)


def _digits(keys: np.ndarray, largest: int, recipe: dict[str, Any]) -> Part:
    low = 0  # bits below the highest digit
    while largest >> low >= MOST_ORDERED:
        low += DIGIT
    recipe["digits"] = low // DIGIT + 1
    ordered = largest >= FEW or low > 0
    planes = [_plane((largest >> low) + 1, ordered, keys >> np.uint64(low))]
    symbols = [keys >> np.uint64(low)]
    for shift in range(low - DIGIT, -1, -DIGIT):
        symbols.append((keys >> np.uint64(shift)) & np.uint64(255))
        planes.append(_plane(256, True, symbols[-1]))
    return planes, np.stack(symbols, 1).astype(np.int16), recipe


def _plane(alphabet: int, ordered: bool, symbols: np.ndarray) -> Plane:
    if not ordered:
        return Plane(alphabet, False)
    return plane_of(np.bincount(symbols.astype(np.int64), minlength=alphabet))


def from_symbols(
    symbols: np.ndarray, recipe: dict[str, Any], fetch: Fetch, row: int = 0
) -> np.ndarray:
    """Keys (n,) from symbols (n, digits); raises ValueError for a recipe that makes no sense.

    row : the number of the first of them in the table.
    """
    if "step" in recipe:
        first, step = whole(recipe["first"]), whole(recipe["step"])
        rows = np.arange(row, row + len(symbols), dtype=np.uint64)
        return np.uint64(first) + np.uint64(step) * rows
    keys = np.zeros(len(symbols), np.uint64)
    for digit in symbols.T.astype(np.uint64):
        keys = (keys << np.uint64(DIGIT)) | digit
    if "known" in recipe:
        known = np.cumsum(from_planar(fetch(recipe["known"])), dtype=np.uint64)
        known += np.uint64(whole(recipe["low"]))
        if len(keys) and int(keys.max()) >= len(known):
            raise ValueError("a column has a rank beyond its values")
        return known[keys.astype(np.int64)]
    return keys + np.uint64(whole(recipe["low"]))


def digits_in(recipe: Any) -> int:
    """Planes that a column takes."""
    if not isinstance(recipe, dict):
        raise ValueError("a column is not described as diabolo describes it")
    apart = int("odd" in recipe)
    if "step" in recipe or "kept" in recipe:
        return apart
    digits = recipe.get("digits")
    if type(digits) is not int or not 1 <= digits <= 9:
        raise ValueError("a column is not described as diabolo describes it")
    return apart + digits


def whole(value: Any, most: int = 2**64 - 1) -> int:
    """A number from a directory, 0 … most; raises ValueError for anything else."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("a column has an impossible number")
    return value


def planar(keys: np.ndarray) -> bytes:
    """Whole numbers of 64 bits, bytes of equal rank together: most of them are alike."""
    return keys.astype("<u8").view(np.uint8).reshape(-1, 8).T.tobytes()


def from_planar(content: bytes) -> np.ndarray:
    """Back from `planar`, uint64."""
    if len(content) % 8:
        raise ValueError("a list of values is cut short")
    ranks = np.frombuffer(content, np.uint8).reshape(8, -1)
    return np.ascontiguousarray(ranks.T).view("<u8").reshape(-1).astype(np.uint64)


def rows_listed(content: bytes, first: int, count: int) -> np.ndarray:
    """Of the rows of a planar list those among `count` from `first` on, counted from there."""
    rows = from_planar(content)
    here = (rows >= first) & (rows < first + count)
    return (rows[here] - np.uint64(first)).astype(np.int64)


# odd cells, apart from the others


def with_odd(part: Part, which: np.ndarray, odd: list[Any]) -> Part:
    """A plane before the others that says which cells are odd ones.

    which : (n,) 0: as the other planes say; 1 …: the cell is odd[which − 1]
    """
    planes, symbols, recipe = part
    plane = Plane(len(odd) + 1, False)
    return (
        [plane, *planes],
        np.concatenate([which[:, None].astype(np.int16), symbols], 1),
        {"odd": odd, **recipe},
    )


def odd_of(symbols: np.ndarray, recipe: dict[str, Any]) -> tuple[np.ndarray, list[Any], np.ndarray]:
    """Which cells are odd (n,), what those are, and the symbols of the other planes."""
    if "odd" not in recipe:
        return np.zeros(len(symbols), np.int16), [], symbols
    odd = recipe["odd"]
    if not isinstance(odd, list) or symbols[:, 0].max(initial=0) > len(odd):
        raise ValueError("a column is not described as diabolo describes it")
    return symbols[:, 0], odd, symbols[:, 1:]


# text


def text_to_symbols(cells: list[str], keep: Keep) -> Part | None:
    """As `to_symbols`; None for texts that are better left to zstandard."""
    n = len(cells)
    for unit in _DATES:
        dates = _as_dates(cells, unit)
        if dates is not None:
            planes, symbols, recipe = to_symbols(keys_of(dates), keep)
            return planes, symbols, {"text": unit, **recipe}
    scaled = _as_decimals(cells)
    if scaled is not None:
        planes, symbols, recipe = to_symbols(keys_of(scaled[0]), keep)
        return planes, symbols, {"text": scaled[1], **recipe}
    for places in range(1, 7):
        singles = _as_singles(cells, places)
        if singles is not None:
            planes, symbols, recipe = to_symbols(keys_of(singles), keep)
            return planes, symbols, {"text": "single", "places": places, **recipe}
    known, ranks, counts = np.unique(np.array(cells), return_inverse=True, return_counts=True)
    texts = known.tolist()
    numeric = all(_NUMBER.fullmatch(t) for t in texts if t)
    if len(texts) > (n // 2 if numeric else min(n // 4, MOST_ORDERED)) and len(texts) > 2:
        return None
    if numeric:
        order = sorted(range(len(texts)), key=lambda i: (float(texts[i] or "-inf"), texts[i]))
    else:
        order = sorted(range(len(texts)), key=lambda i: (-counts[i], texts[i]))
    place = np.empty(len(texts), np.uint64)
    place[order] = np.arange(len(texts), dtype=np.uint64)
    recipe = {"text": "known", "texts": keep("\n".join(texts[i] for i in order).encode())}
    if not numeric and len(texts) <= MOST_CATEGORIES:
        symbols = place[ranks].astype(np.int16)[:, None]
        return [Plane(len(texts), False)], symbols, {**recipe, "low": 0, "digits": 1}
    planes, symbols, recipe = _digits(place[ranks], len(texts) - 1, {**recipe, "low": 0})
    return planes, symbols, recipe


def text_from_symbols(
    symbols: np.ndarray, recipe: dict[str, Any], fetch: Fetch, row: int = 0
) -> list[str]:
    """The cells; raises ValueError for a recipe that makes no sense."""
    keys, form = from_symbols(symbols, recipe, fetch, row), recipe.get("text")
    if form == "known":
        texts = fetch(recipe["texts"]).decode().split("\n")
        if len(keys) and int(keys.max()) >= len(texts):
            raise ValueError("a column has a rank beyond its texts")
        return [texts[int(key)] for key in keys.tolist()]
    numbers = values_of(keys, np.dtype(np.int64))
    if form in _DATES:
        return _dates_as_text(numbers, str(form))
    if form == "single" and recipe.get("places") in range(1, 7):
        return _singles_as_text(numbers, recipe["places"])
    if type(form) is not int or not 0 <= form <= 18:
        raise ValueError("a column has texts of an unknown form")
    return [decimal_text(number, form) for number in numbers.tolist()]


def _as_dates(cells: list[str], unit: str) -> np.ndarray | None:
    if not cells or not all(_DATES[unit].fullmatch(cell) for cell in cells):
        return None
    try:
        numbers = np.array(cells, f"datetime64[{unit}]").astype(np.int64)
    except ValueError:
        return None
    return numbers if _dates_as_text(numbers, unit) == cells else None


def _dates_as_text(numbers: np.ndarray, unit: str) -> list[str]:
    if len(numbers) and abs(numbers).max() > 2**38:
        raise ValueError("a column has impossible dates")
    texts = np.datetime_as_string(numbers.astype(f"datetime64[{unit}]"))
    return [text.replace("T", " ") for text in texts.tolist()]


def _as_decimals(cells: list[str]) -> tuple[np.ndarray, int] | None:
    """Whole numbers and the digits after the point that all cells have; None for other texts."""
    if not cells or len(cells[0]) > 20:
        return None
    places = len(cells[0].partition(".")[2])
    numbers = []
    for cell in cells:
        try:
            number = int(cell.replace(".", "", 1))
        except ValueError:
            return None
        if abs(number) >= 2**62 or decimal_text(number, places) != cell:
            return None
        numbers.append(number)
    return np.array(numbers, np.int64), places


def _as_singles(cells: list[str], places: int) -> np.ndarray | None:
    """Whole numbers m, where all cells are m / 10^places as a single, written as a double.

    5.827 is 5.827000141143799 in tables that were once in single precision.
    """
    try:
        numbers = np.rint(np.array(cells, np.float64) * 10.0**places)
    except (ValueError, OverflowError):
        return None
    if not (abs(numbers) < 2**53).all():
        return None
    whole = numbers.astype(np.int64)
    for some in (slice(16), slice(None)):  # most others are told by a few
        if _singles_as_text(whole[some], places) != cells[some]:
            return None
    return whole


def _singles_as_text(numbers: np.ndarray, places: int) -> list[str]:
    """Division and both roundings are IEEE's, Python's repr is the shortest: no machine differs."""
    singles = (numbers.astype(np.float64) / 10.0**places).astype(np.float32)
    return list(map(repr, singles.astype(np.float64).tolist()))


def decimal_text(number: int, places: int) -> str:
    """
    >>> decimal_text(-5, 2), decimal_text(1234, 0), decimal_text(1234, 3)
    ('-0.05', '1234', '1.234')
    """
    digits = str(abs(number)).rjust(places + 1, "0")
    point = len(digits) - places
    text = digits[:point] + ("." + digits[point:] if places else "")
    return f"-{text}" if number < 0 else text

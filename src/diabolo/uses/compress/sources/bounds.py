"""How far a number may be from what it was, and whether it is.

A bound is absolute, |x̂ − x| ≤ ε, or relative, |x̂ − x| ≤ ε |x|. Errors are compared exactly: the
difference of two floats is had without rounding as a sum of two (Knuth 1969, "TwoSum"), and where
a product has to be rounded, it is rounded against us.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches

import numpy as np

from diabolo.uses.compress.sources import columns

Given = float | str | Mapping[str, float | str] | None
ALL = "*"  # in a mapping: columns that are not named
MOST_RELATIVE = Decimal("0.5")


@dataclass(frozen=True)
class Bound:
    """amount : of an absolute bound, in units of the column; of a relative one, a share"""

    amount: Decimal
    relative: bool = False

    @property
    def size(self) -> float:
        return float(self.amount)

    def __str__(self) -> str:
        return f"{float(100 * self.amount):g}%" if self.relative else f"{self.size:g}"


@dataclass(frozen=True)
class Found:
    """The largest error in a column, as was found by looking at every value."""

    column: str
    bound: Bound
    largest: float  # in the unit of the bound: absolute, or a share of the value


def bound_of(given: float | str) -> Bound:
    """
    >>> print(bound_of(1e-3), bound_of("0.1%"))
    0.001 0.1%
    """
    text = str(given).strip()
    try:
        amount = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        raise ValueError(
            f"the error bound {text!r} is no number from 0 up: write it like 0.001, or 0.1% for a "
            "relative one"
        )
    relative = text.endswith("%")
    bound = Bound(amount / 100 if relative else amount, relative)
    if relative and bound.amount >= MOST_RELATIVE:
        raise ValueError(f"the relative error bound {text} is not below 50%")
    return bound


@dataclass
class Bounds:
    """The bound of each column, and what came of it."""

    others: Bound | None = None
    named: dict[str, Bound] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, given: Given) -> Bounds | None:
        """From a bound for all columns, or one by the name of a column, "*" meaning the others."""
        if given is None:
            return None
        if not isinstance(given, Mapping):
            return cls(bound_of(given))
        named = {str(name): bound_of(one) for name, one in given.items()}
        return cls(named.pop(ALL, None), named)

    def at(self, column: str) -> Bound | None:
        """None, where a column has to stay as it is."""
        self.seen.add(column)
        bound = self.named.get(column, self.others)
        return bound if bound and bound.amount else None

    def wanted(self, column: str) -> bool:
        """Whether a column was named, and so has to be one of numbers."""
        return bool(column in self.named and self.named[column].amount)

    def refuse(self, column: str) -> None:
        """A column cannot be rounded; raises ValueError where that was asked for by its name."""
        if self.wanted(column):
            raise ValueError(
                f"column {column!r} has an error bound but holds no numbers: leave it out"
            )

    def check_names(self) -> None:
        """Every named column was there; raises ValueError."""
        for name in self.named:
            if name not in self.seen:
                close = get_close_matches(name, self.seen, n=1)
                known = ", ".join(repr(one) for one in sorted(self.seen)[:8]) or "none of numbers"
                raise ValueError(
                    f"there is no column {name!r} to bound the error of; "
                    + (f"did you mean {close[0]!r}?" if close else f"there are {known}")
                )

    def look(
        self, column: str, bound: Bound, pairs: Iterable[tuple[np.ndarray, np.ndarray]]
    ) -> None:
        """Compare every value with what comes back of it, and note the largest error.

        pairs : values of the column, and what comes back of them, some at a time
        raises RuntimeError if one is beyond the bound: no file must be written then.
        """
        largest = 0.0
        for values, back in pairs:
            if not within(values, back, bound).all():
                raise RuntimeError(
                    f"column {column!r} was not rounded within {bound}: please report this"
                )
            largest = max(largest, _largest(values, back, bound))
        self.found.append(Found(column, bound, largest))


def merged(given: Iterable[str]) -> dict[str, float | str]:
    """Bounds as they are typed, one for all columns or NAME=BOUND, by the name of the column."""
    bounds: dict[str, float | str] = {}
    for one in given:
        name, _, amount = one.rpartition("=")
        name = name or ALL
        if name in bounds:
            raise ValueError(f"there are two error bounds for {name!r}: leave one out")
        bounds[name] = amount
    return bounds


# every value


def within(values: np.ndarray, back: np.ndarray, bound: Bound) -> np.ndarray:
    """(n,) whether each is as near as it has to be; values of the same bits are."""
    if values.dtype.kind == "f":
        same = _bits(values) == _bits(back)
        distance = _apart(values, back)
        if not bound.relative:
            return same | (distance <= bound.size)
        return same | (distance <= _share(bound, abs(values.astype(np.float64))))
    distance = _steps(values, back)
    if not bound.relative:
        return distance <= min(int(bound.amount), 2**64 - 1)
    size = np.nextafter(magnitude(values).astype(np.float64), 0)
    return (distance == 0) | (distance.astype(np.float64) * (1 + 2.0**-50) <= _share(bound, size))


def _largest(values: np.ndarray, back: np.ndarray, bound: Bound) -> float:
    if values.dtype.kind == "f":
        distance = np.where(_bits(values) == _bits(back), 0, _apart(values, back))
        size = abs(values.astype(np.float64))
    else:
        distance = _steps(values, back).astype(np.float64)
        size = magnitude(values).astype(np.float64)
    if bound.relative:
        distance = distance[distance > 0] / size[distance > 0]
    return float(distance.max(initial=0))


def _share(bound: Bound, size: np.ndarray) -> np.ndarray:
    return np.nextafter(bound.size * size, 0)


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a − b| of floats, as float64, and never too small."""
    a, b = a.astype(np.float64), -b.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        total = a + b
        other = total - a
        rest = (a - (total - other)) + (b - other)
        size = abs(total)
        return np.where(rest * np.sign(total) > 0, np.nextafter(size, np.inf), size)


def _steps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a − b| of whole numbers, as uint64."""
    a, b = columns.keys_of(a), columns.keys_of(b)
    return np.where(a > b, a - b, b - a)


def magnitude(values: np.ndarray) -> np.ndarray:
    """|v| of whole numbers as uint64: that of −2⁶³ has no int64."""
    if values.dtype.kind != "i":
        return values.astype(np.uint64)
    wide = values.astype(np.int64).view(np.uint64)
    return np.where(values < 0, ~wide + np.uint64(1), wide)


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")

"""Some of what is in a file: files by patterns, rows from … to …; what such parts are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

Rows = tuple[
    int | None, int | None
]  # first and last (exclusive); None: from the first, to the last
Wanted = Callable[[str], bool] | None  # by the name of a file; None: all


def fitting(patterns: Sequence[str] | None) -> Wanted:
    """Whether a name fits one of the patterns, such as "*.png"."""
    if patterns is None:
        return None
    return lambda name: any(fnmatchcase(name, pattern) for pattern in patterns)


def span_of(rows: Rows, count: int, name: str) -> tuple[int, int]:
    """First and last row (exclusive) that a file of `count` rows has of these.

    raises ValueError where it has none of them.
    """
    first, last = max(0, rows[0] or 0), count if rows[1] is None else min(rows[1], count)
    if first >= last:
        shown = ":".join("" if row is None else str(row) for row in rows)
        raise ValueError(
            f"{name} has {count:,} rows, counted from 0, and none of them is in {shown}"
        )
    return first, last


def part_name(name: str, first: int, last: int) -> str:
    """What rows first … last − 1 of a file are called, so that nobody takes them for all.

    >>> part_name("a/x.npy", 0, 5000)
    'a/x.rows-0-4999.npy'
    """
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}.rows-{first}-{last - 1}{path.suffix}"))


def runs(chosen: Iterable[bool]) -> list[tuple[int, int]]:
    """First and last place (exclusive) of those that are chosen, neighbours together.

    >>> runs([True, True, False, True])
    [(0, 2), (3, 4)]
    """
    found: list[tuple[int, int]] = []
    for place, one in enumerate(chosen):
        if one and found and found[-1][1] == place:
            found[-1] = found[-1][0], place + 1
        elif one:
            found.append((place, place + 1))
    return found

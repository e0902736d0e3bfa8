"""How results are laid out: aligned pairs, numbers with thousands, bytes in kB and MB."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

INDENT = 2
WIDTH = 100


def pairs(lines: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, aligned; long texts go on under their own beginning.

    A name that comes again right below itself is not repeated.
    """
    lines = [(name, text) for name, text in lines if text]
    column = max((len(name) for name, _ in lines), default=0) + 2
    filled, before = [], ""
    for name, text in lines:
        shown = "" if name == before else name
        filled.append(_hanging(" " * INDENT + shown.ljust(column), text))
        before = name
    return "\n".join(filled)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Cells below each other, the first row being the heads.

    >>> print(columns([("name", "figure"), ("ours", "3.00"), ("control", "3.64")]))
      name     figure
      ours     3.00
      control  3.64
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(" " * INDENT + line for line in lines)


def _hanging(beginning: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=beginning,
        subsequent_indent=" " * len(beginning),
        break_long_words=False,
        break_on_hyphens=False,
    )


def size_of(path: Path) -> str:
    """The size of a file: '512 bytes', '98 kB', '1.2 MB'."""
    return size(path.stat().st_size)


def size(count: float) -> str:
    """
    >>> size(512), size(98_304), size(1_200_000)
    ('512 bytes', '98 kB', '1.2 MB')
    """
    if count < 1000:
        return f"{count:.0f} bytes"
    power = min(3, (len(str(int(count))) - 1) // 3)
    amount = count / 1000**power
    return f"{amount:.{0 if amount >= 10 else 1}f} {('kB', 'MB', 'GB')[power - 1]}"


def many(count: int, noun: str) -> str:
    """
    >>> many(1, "row"), many(60_000, "row")
    ('1 row', '60,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shape(rows: int, of_one: tuple[int, ...]) -> str:
    """
    >>> shape(1797, (8, 8)), shape(150, (4,))
    ('1,797 images of 8x8', '150 rows of 4 columns')
    """
    if len(of_one) > 1:
        return f"{many(rows, 'image')} of {'x'.join(map(str, of_one))}"
    return f"{many(rows, 'row')} of {many(of_one[0], 'column')}"


def with_error(mean: float, error: float) -> str:
    """A mean with its standard error, to two digits of the error.

    >>> with_error(-85.32741, 0.16432), with_error(-1234.5, 31.4)
    ('-85.33 ± 0.16', '-1234 ± 31')
    """
    places = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 4
    return f"{mean:.{places}f} ± {error:.{places}f}"


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)

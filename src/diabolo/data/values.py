"""Which values a model can learn from, how columns are called, and the sentences for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np

FLOAT32_MAX = float(np.finfo(np.float32).max)


def column_name(j: int, shape: tuple[int, ...], names: tuple[str, ...] | None = None) -> str:
    """What to call entry j of a flattened row, for messages.

    >>> column_name(2, (3,), ("height", "weight", "age")), column_name(2, (3,))
    ("column 'age'", 'column 2')
    >>> column_name(30, (28, 28))
    'pixel (1, 2)'
    """
    if names is not None:
        return f"column {names[j]!r}"
    if len(shape) == 1:
        return f"column {j}"
    return f"pixel {tuple(int(i) for i in np.unravel_index(j, shape))}"


def require_finite(
    rows: np.ndarray,
    numbers: np.ndarray,
    *,
    source: str,
    names: tuple[str, ...] | None = None,
    gaps: bool = False,
) -> None:
    """Raise a ValueError that names the first NaN or infinity among the rows (b, *shape), if any.

    numbers : (b,) of these rows in the whole data set, counted from 0
    gaps    : NaN stands for a missing cell, which is allowed
    """
    if rows.dtype.kind != "f" or np.isfinite(rows).all():
        return
    flat = rows.reshape(len(rows), -1)
    bad = np.argwhere(np.isinf(flat) if gaps else ~np.isfinite(flat))
    if not len(bad):
        return
    i, j = (int(one) for one in bad[0])
    where = f"row {numbers[i]}, {column_name(j, rows.shape[1:], names)}"
    if np.isnan(flat[i, j]):
        raise ValueError(missing_value(source, where))
    raise ValueError(
        f"{source} contains infinity ({flat[i, j]}) in {where}. "
        "Drop such rows, or replace infinity by a finite number."
    )


def missing_value(source: str, where: str) -> str:
    """The sentence for a value that is not there; `where` names row and column."""
    return (
        f"{source} contains NaN in {where}. Cells may be missing in frames, CSV and Parquet, if "
        "some were in training; here drop such rows, or fill them first (for example with "
        "sklearn.impute.SimpleImputer)."
    )


def require_rows_and_columns(shape: tuple[int, ...], source: str) -> None:
    """Raise a ValueError if there is no row, or if rows hold nothing (scikit-learn's words)."""
    if 0 in shape[1:]:
        raise ValueError(
            f"{source} has 0 feature(s) (shape={shape}) while a minimum of 1 is required."
        )
    if shape[0] == 0:
        raise ValueError(
            f"{source} has 0 sample(s) (shape={shape}) while a minimum of 1 is required."
        )


def require_one_part(split: str, source: str) -> None:
    """Raise a ValueError if a part is asked for of what does not come in parts."""
    if split != "train":
        raise ValueError(
            f"{source} does not come in two parts, so split={split!r} names nothing. "
            "Pass the rows to test on as data of their own."
        )


def guess(name: str, known: Iterable[str]) -> str:
    """'; did you mean …?' where one of the known names is near, else nothing.

    >>> guess("mnits", ["digits", "mnist"])
    "; did you mean 'mnist'?"
    """
    close = get_close_matches(name.lower(), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""

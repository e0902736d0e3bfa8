"""What comes beside the rows or instead of them: contexts and codes, as float32; labels.

A context is what encoder and decoder see besides the row and its code: labels, covariates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from diabolo.data.arrays import from_array
from diabolo.data.tables import from_frame, is_frame
from diabolo.data.values import column_name, require_finite


def side_columns(context: Any, rows: int) -> np.ndarray | None:
    """A context as (rows, c) float32; None for none.

    raises ValueError, one sentence, where it is no table of finite numbers or has other rows.
    """
    if context is None:
        return None
    shape = _shape(context)
    if len(shape) != 2 or shape[0] != rows:
        raise ValueError(
            f"context has shape {shape}, expected ({rows}, c): one row of numbers for each row of "
            "X. Pass a single column as c[:, None], and class numbers as np.eye(classes)[y]."
        )
    return _float32(context, "context")


def width_of(sides: np.ndarray | None) -> int:
    """Columns of a context, 0 for none."""
    return 0 if sides is None else sides.shape[1]


def class_labels(y: Any, rows: int) -> np.ndarray:
    """Labels (n,) as they are, if they are one class number or name for every row."""
    kind = np.asarray(y).dtype
    if kind.kind in "cmM":
        raise ValueError(f"y holds {kind}, expected class numbers or names.")
    y = column_or_1d(y)
    if len(y) != rows:
        raise ValueError(f"y has {len(y)} labels for {rows} rows of X: pass one for each.")
    require_finite(y[:, None], np.arange(rows), source="y")
    check_classification_targets(y)
    return y


def codes(Z: Any, width: int, owner: str) -> np.ndarray:
    """Codes Z as (n, width) float32; one sentence where they are no codes of this owner."""
    values = _float32(Z, "Z")
    if values.shape[1:] != (width,):
        found = " x ".join(map(str, values.shape[1:]))
        raise ValueError(f"codes of this {owner} have {width} columns, but Z has {found}.")
    return values


def _shape(table: Any) -> tuple[int, ...]:
    shape = getattr(table, "shape", None)
    return tuple(np.asarray(table, dtype=object).shape if shape is None else shape)


def _float32(table: Any, name: str) -> np.ndarray:
    """All rows of a table of finite numbers, in memory; it is called `name` in messages."""
    dataset = (from_frame if is_frame(table) else from_array)(table, name=name)
    numbers = np.arange(len(dataset))
    values = dataset.rows.take(numbers)
    require_finite(values, numbers, source=name, names=dataset.names)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    too_large = np.argwhere(np.isinf(narrow.reshape(len(narrow), -1)))
    if len(too_large):
        i, j = too_large[0]
        raise ValueError(
            f"{name} has {values.reshape(len(values), -1)[i, j]!s} in row {i}, "
            f"{column_name(j, dataset.shape, dataset.names)}, which float32 cannot hold."
        )
    return narrow

"""Arrays as users have them → rows that lie contiguous, in a dtype that can be learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from diabolo.data.rows import ArrayRows, MappedRows, Rows, is_mapped


def checked(source: Any, name: str) -> np.ndarray:
    return check_array(source, dtype="numeric", ensure_all_finite=False, allow_nd=True)


def as_rows(array: np.ndarray, name: str) -> Rows:
    return MappedRows(array) if is_mapped(array) else ArrayRows(np.ascontiguousarray(array))

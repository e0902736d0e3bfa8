"""The checked data set that everything else works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diabolo.data.fields import Field, Schema
from diabolo.data.rows import Rows


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of one shape, with what is known about them.

    rows   : see `diabolo.data.rows`
    shape  : of one row: (d,), (H, W) or (H, W, C)
    names  : of the columns, where there are any
    labels : (n,) whole numbers or text, one a row, where there are any
    source : what to call the data in messages
    schema : of a mixed table, whose cells the rows are as numbers, NaN where they are missing;
             None where all rows are plain numbers
    """

    rows: Rows
    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None
    labels: np.ndarray | None = None
    source: str = "X"
    schema: Schema | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        """What the columns of a mixed table are; () for plain numbers."""
        return () if self.schema is None else self.schema.fields

    def __len__(self) -> int:
        return len(self.rows)

"""Whatever the user has → a checked data set, or one clear sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diabolo.data import arrays, catalogue
from diabolo.data.rows import Rows


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of one shape, with what is known about them.

    rows   : see `diabolo.data.rows`
    shape  : of one row: (d,), (H, W) or (H, W, C)
    names  : of the columns, where there are any
    labels : (n,) whole numbers or text, one a row, where there are any
    source : what to call the data in messages
    """

    rows: Rows
    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None
    labels: np.ndarray | None = None
    source: str = "X"

    def __len__(self) -> int:
        return len(self.rows)


def open_dataset(
    source: Any,
    *,
    target: str | None = None,
    image_size: tuple[int, int] | None = None,
    split: str = "train",
) -> Dataset:
    """Open a data set by name or path, or take an array or frame.

    source : "digits", "mnist", "fashion-mnist"; or a numpy array
    split  : "train" or "test", of sets that come in these two parts
    """
    if isinstance(source, str) and source in catalogue.NAMES:
        images, labels = catalogue.load(source, split)
        return Dataset(arrays.as_rows(images, source), images.shape[1:], None, labels, source)
    if isinstance(source, str | Path):
        raise NotImplementedError(source)
    array = arrays.checked(source, "X")
    return Dataset(arrays.as_rows(array, "X"), array.shape[1:])

"""A model file and data for it, opened for one of the verbs that use a trained model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from diabolo.cli.usage import UsageError
from diabolo.data.fields import NUMBERS
from diabolo.data.rows import ArrayRows
from diabolo.data.sources import Dataset, open_dataset
from diabolo.estimators.rowwise import PIECE
from diabolo.families.saved import load

if TYPE_CHECKING:
    from diabolo.estimators.estimator import Estimator
    from diabolo.estimators.learner import Learner

WINDOW = 8 * 2**20  # bytes of rows held at a time, in their own dtype


def opened(model: Path, data: str, target: str | None, split: str) -> tuple[Estimator, Dataset]:
    """The autoencoder of a file, and the data, held against what it was fitted on."""
    estimator = load(model)
    require_encoder(estimator, model)
    return cast("Estimator", estimator), data_for(estimator, data, target, split)


def require_encoder(estimator: Learner, path: Path) -> None:
    """Raise a UsageError for a model that only makes rows and takes none."""
    if not hasattr(estimator, "transform"):
        raise UsageError(
            f"{path} holds a {type(estimator).__name__}, which makes rows and encodes none: use "
            "diabolo generate, or the file of an autoencoder."
        )


def data_for(estimator: Learner, data: str, target: str | None, split: str) -> Dataset:
    """The data, held against what the model was fitted on."""
    height, width, *_ = (*estimator.columns_.shape, 0)
    image_size = (height, width) if width else None
    schema = estimator.columns_.schema or NUMBERS
    dataset = open_dataset(data, target=target, image_size=image_size, split=split, schema=schema)
    estimator.columns_.check(dataset)
    return dataset


def windows(dataset: Dataset) -> Iterator[Dataset]:
    """The data a piece at a time, each a data set of its own."""
    width = int(np.prod(dataset.shape)) * dataset.rows.dtype.itemsize
    # a multiple of what the estimator takes at once, so that the same bits come out
    size = PIECE * max(1, WINDOW // (PIECE * width))
    for rows in dataset.rows.chunks(size):
        yield replace(dataset, rows=ArrayRows(rows), labels=None)


def through(
    function: Callable[[Dataset], Any], estimator: Estimator, dataset: Dataset
) -> Iterator[Any]:
    """function(rows), a piece at a time: memory is bounded by a piece, not by the data."""
    start = 0
    for window in windows(dataset):
        try:
            yield function(window)
        except ValueError:
            # the estimator numbers rows from the beginning of the piece
            rows = window.rows.take(np.arange(len(window)))
            estimator.columns_.check_values(rows, start + np.arange(len(rows)), dataset)
            raise
        start += len(window)

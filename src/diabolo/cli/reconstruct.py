"""`diabolo reconstruct`: data → what the model makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Model, Split, Target, output
from diabolo.cli.targets import check_target

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.estimators.estimator import Estimator

SHEET = ".png"


def reconstruct(
    model: Model,
    data: Data,
    /,
    *,
    output: Annotated[Path, output(".npy, .csv, .parquet, or .png for a sheet of images.")],
    target: Target = None,
    split: Split = "train",
    force: Force = False,
    json: Json = False,
) -> None:
    """Write what a model makes of data, in the data's own units and shape.

    A .png shows the first images, each above its reconstruction.
    """
    from diabolo.cli import models, tables

    tables.check_suffix(output, (SHEET,))
    check_target(output, force)
    estimator, dataset = models.opened(model, data, target, split)
    if output.suffix.lower() == SHEET:
        from diabolo.cli.sheets import write_sheet

        shown = write_sheet(output, estimator, dataset)
        print(_report(output, json, shown, len(dataset)))
        return
    errors, columns = Errors(estimator), estimator.columns_
    tables.refuse_numbers_only(output, columns)
    names = list(columns.names or (f"x{j}" for j in range(columns.n_features)))
    pieces = models.through(errors.reconstruct, estimator, dataset)
    tables.write(
        output, tables.Table(pieces, len(dataset), names, dataset.labels, target or "label")
    )
    if output != tables.STDOUT:
        print(_report(output, json, len(dataset), len(dataset), errors.mean))


class Errors:
    """Reconstructs piece by piece and keeps the mean squared error, in scaled units."""

    def __init__(self, estimator: Estimator) -> None:
        self.estimator, self.scale = estimator, estimator.columns_.scale
        self.total, self.rows = 0.0, 0

    def reconstruct(self, window: Dataset) -> Any:
        rebuilt = self.estimator.reconstruct(window)
        if window.schema is not None:  # cells that are missing do not count
            self.total -= float(self.estimator.score_samples(window).sum(dtype=np.float64))
            self.rows += len(window)
            return rebuilt
        given = window.rows.take(np.arange(len(window))).reshape(len(window), -1)
        error = (given - rebuilt.reshape(given.shape).astype(np.float64)) / self.scale
        self.total += float(np.square(error).mean(1).sum())
        self.rows += len(window)
        return rebuilt

    @property
    def mean(self) -> float:
        return self.total / self.rows


def _report(path: Path, json: bool, written: int, rows: int, error: float | None = None) -> str:
    if json:
        report = {"file": str(path), "bytes": path.stat().st_size, "rows": written}
        return text.as_json(report | ({} if error is None else {"squared_error": error}))
    count = f"{written:,} of {text.many(rows, 'row')}" if written < rows else text.many(rows, "row")
    measured = "" if error is None else f", squared error {error:.4g} per feature (scaled units)"
    return f"{path}: {count}{measured}, {text.size_of(path)}"

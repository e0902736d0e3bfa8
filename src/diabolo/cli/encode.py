"""`diabolo encode`: data → codes."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Model, Split, Target, output
from diabolo.cli.targets import check_target

if TYPE_CHECKING:
    import numpy as np

    from diabolo.data.sources import Dataset


def encode(
    model: Model,
    data: Data,
    /,
    *,
    output: Annotated[Path, output(".parquet, .csv or .npy; - for CSV to standard output.")],
    layer: Annotated[
        int | None, Parameter(help="Features of this hidden level, 1 first, instead of the code.")
    ] = None,
    target: Target = None,
    split: Split = "train",
    force: Force = False,
    json: Json = False,
) -> None:
    """Write the codes of data, one row each.

    Tables get a last column with the labels, where the data have any. Memory stays bounded,
    however large the data.
    """
    from diabolo.cli import models, tables

    tables.check_suffix(output)
    check_target(output, force)
    estimator, dataset = models.opened(model, data, target, split)

    def codes(rows: Dataset) -> np.ndarray:
        return estimator.transform(rows) if layer is None else estimator.features(rows, layer)

    pieces = models.through(codes, estimator, dataset)
    first = next(pieces)
    names = [f"layer{layer}_{unit}" for unit in range(first.shape[1])]
    if layer is None:
        names = list(estimator.get_feature_names_out())
    tables.write(
        output,
        tables.Table(
            chain([first], pieces), len(dataset), names, dataset.labels, target or "label"
        ),
    )
    if output != tables.STDOUT:
        labelled = dataset.labels is not None and output.suffix.lower() != ".npy"
        print(_report(output, len(dataset), len(names), labelled, json))


def _report(path: Path, rows: int, units: int, labelled: bool, json: bool) -> str:
    size = path.stat().st_size
    if json:
        return text.as_json(
            {"file": str(path), "bytes": size, "rows": rows, "units": units, "labels": labelled}
        )
    labels = ", labels" if labelled else ""
    return (
        f"{path}: {text.many(rows, 'row')} of {text.many(units, 'unit')}{labels}, {text.size(size)}"
    )

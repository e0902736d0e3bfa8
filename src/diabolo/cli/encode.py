"""`diabolo encode`: data → codes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
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
    from diabolo.estimators.estimator import Estimator
    from diabolo.uses.quantise import Price


def encode(
    model: Model,
    data: Data,
    /,
    *,
    output: Annotated[Path, output(".parquet, .csv or .npy; - for CSV to standard output.")],
    layer: Annotated[
        int | None, Parameter(help="Features of this hidden level, 1 first, instead of the code.")
    ] = None,
    int8: Annotated[
        bool,
        Parameter(
            negative="",
            help="In whole numbers of eight bits: twice as fast, if some of the rows show that it "
            "costs little; else in float32.",
            show_default=False,
        ),
    ] = False,
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
    from diabolo.cli.usage import UsageError

    if int8 and layer is not None:
        raise UsageError("--int8 is for codes: leave out --layer, or --int8.")
    tables.check_suffix(output)
    check_target(output, force)
    estimator, dataset = models.opened(model, data, target, split)
    transform, price = _quantised(estimator, dataset) if int8 else (estimator.transform, None)

    def codes(rows: Dataset) -> np.ndarray:
        return transform(rows) if layer is None else estimator.features(rows, layer)

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
        print(_report(output, len(dataset), len(names), labelled, price, json))


def _quantised(estimator: Estimator, dataset: Dataset) -> tuple[Callable, Price | None]:
    """What encodes, and what that costs; the model itself, with a warning, where it costs much."""
    from diabolo.uses.quantise import TooCoarseError, quantised

    try:
        fast = quantised(estimator, dataset)
    except TooCoarseError as error:
        warnings.warn(f"{error.finding}: encoded in float32 instead", stacklevel=2)
        return estimator.transform, None
    return fast.transform, fast.price


def _report(
    path: Path, rows: int, units: int, labelled: bool, price: Price | None, json: bool
) -> str:
    size = path.stat().st_size
    if json:
        found = {"file": str(path), "bytes": size, "rows": rows, "units": units, "labels": labelled}
        return text.as_json(found | ({"int8": price._asdict()} if price else {}))
    labels = ", labels" if labelled else ""
    eight_bits = f"\nint8: {price}" if price else ""
    return (
        f"{path}: {text.many(rows, 'row')} of {text.many(units, 'unit')}{labels}, "
        f"{text.size(size)}{eight_bits}"
    )

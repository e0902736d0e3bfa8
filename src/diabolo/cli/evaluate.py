"""`diabolo evaluate`: how well a model does on data, beside PCA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Json, Model, Split, Target

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.estimators.estimator import Estimator

PCA_ROWS = 5000
LIKELIHOOD_ROWS = 1000  # a hundred draws for each take about as long as 100,000 reconstructions


def evaluate(
    model: Model,
    data: Data,
    /,
    *,
    target: Target = None,
    split: Split = "train",
    samples: Annotated[
        int, Parameter(help="Draws a row for the log-likelihood of a variational model.")
    ] = 100,
    json: Json = False,
) -> None:
    """Measure a model on data: reconstruction error beside PCA's with the same code size.

    Errors are squared and in scaled units. Of a mixed table, numbers and categories apart, beside
    means and modes. A variational model also gets its log-likelihood, by
    importance sampling on at most 1,000 rows.
    """
    from diabolo.cli import models

    estimator, dataset = models.opened(model, data, target, split)
    measured = _measured(estimator, dataset, samples)
    if json:
        print(text.as_json(measured))
        return
    print(f"{type(estimator).__name__} on {text.shape(len(dataset), dataset.shape)} of {data}")
    print(text.pairs(_lines(measured)))


def _measured(estimator: Estimator, dataset: Dataset, samples: int) -> dict[str, Any]:
    error, d = -estimator.score(dataset), estimator.columns_.n_features
    is_mixed = estimator.columns_.schema is not None
    return {
        "rows": len(dataset),
        "features": d,
        "code": estimator.module_.code.dim,
        "score": -error,
        "squared_error_per_feature": error,
        "squared_error_per_row": error * d,
        "cells": _cells(estimator, dataset) if is_mixed else None,
        "pca": None if is_mixed else _pca(estimator, dataset),
        "log_likelihood": _likelihood(estimator, dataset, samples),
    }


def _pca(estimator: Estimator, dataset: Dataset) -> dict[str, Any] | None:
    """PCA of the same code size; None where it would keep everything."""
    from diabolo.cli.models import windows
    from diabolo.doctor.linear import fitted_pca, squared_errors
    from diabolo.measures.rows import scaled, spread

    k, d = estimator.module_.code.dim, estimator.columns_.n_features
    fitted_to = spread(dataset, PCA_ROWS)
    if k >= min(d, len(fitted_to)):
        return None
    pca = fitted_pca(scaled(estimator, fitted_to), k)
    total = sum(squared_errors(pca, scaled(estimator, w)).sum() for w in windows(dataset))
    error = float(total) / len(dataset)
    return {
        "components": k,
        "fitted_rows": len(fitted_to),
        "squared_error_per_feature": error,
        "squared_error_per_row": error * d,
    }


def _cells(estimator: Estimator, dataset: Dataset) -> dict[str, Any]:
    """Numbers and categories apart, of at most 5,000 rows, beside means and modes of these."""
    from diabolo.measures.constants import cell_errors, means_and_modes
    from diabolo.measures.rows import rebuilt, scaled, spread

    rows = spread(dataset, PCA_ROWS)
    x = scaled(estimator, rows)
    found = cell_errors(estimator, x, rebuilt(estimator, rows))
    constants = cell_errors(estimator, x, means_and_modes(estimator, x))
    return {"rows": len(rows), **found._asdict(), "means_and_modes": constants._asdict()}


def _likelihood(estimator: Estimator, dataset: Dataset, samples: int) -> dict[str, Any] | None:
    if not estimator.module_.is_variational:
        return None
    from diabolo.measures.rows import spread

    rows = spread(dataset, LIKELIHOOD_ROWS)
    estimate = estimator.log_likelihood(rows, samples, random_state=0)
    return {
        "nats_per_row": estimate.mean,
        "standard_error": estimate.standard_error if len(rows) > 1 else None,
        "draws": samples,
        "rows": len(rows),
    }


def _lines(measured: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "score", f"{measured['score']:.4g}  (higher is better, 0 is perfect)"
    if cells := measured["cells"]:
        yield from _cell_lines(cells)
    else:
        yield "squared error", _errors(measured)
        yield _pca_line(measured)
    if likelihood := measured["log_likelihood"]:
        yield "log-likelihood", _nats(likelihood)


def _pca_line(measured: dict[str, Any]) -> tuple[str, str]:
    if pca := measured["pca"]:
        rows = text.many(pca["fitted_rows"], "row")
        name = f"PCA, {text.many(pca['components'], 'component')}"
        return name, f"{_errors(pca)}, fitted to {rows} of these"
    return "PCA", "would lose nothing: the code is as wide as the data"


def _cell_lines(cells: dict[str, Any]) -> Iterator[tuple[str, str]]:
    bar, (numbers, categories) = cells["means_and_modes"], (cells["numbers"], cells["categories"])
    if numbers is not None:
        means = f"{bar['numbers']:.4g}"
        yield "numbers", f"squared error {numbers:.4g} of a column's variance; means {means}"
    if categories is not None:
        yield "categories", f"{categories:.1%} wrong; modes {bar['categories']:.1%}"


def _nats(likelihood: dict[str, Any]) -> str:
    mean, error = likelihood["nats_per_row"], likelihood["standard_error"]
    draws, rows = text.many(likelihood["draws"], "draw"), text.many(likelihood["rows"], "row")
    if error is None:
        return f"{mean:.5g} nats ({draws}, {rows})"
    return f"{text.with_error(mean, error)} nats per row (standard error; {draws}, {rows})"


def _errors(measured: dict[str, Any]) -> str:
    feature, row = (measured[f"squared_error_per_{of}"] for of in ("feature", "row"))
    return f"{feature:.4g} per feature, {row:.4g} per row"

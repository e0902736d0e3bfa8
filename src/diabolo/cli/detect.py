"""`diabolo detect`: rows that are unlike the others, and which of their cells do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Split, Target, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    import polars as pl

    from diabolo.data.sources import Dataset
    from diabolo.uses.detect.detector import AnomalyDetector
    from diabolo.uses.detect.reasons import Finding, Reason

SHOWN = 10  # flagged rows on the screen
FORMATS = (".csv", ".parquet")


def detect(
    data: Data,
    /,
    *,
    output: Annotated[
        Path | None, output(".csv or .parquet for the flagged rows, with reasons.")
    ] = None,
    model: Annotated[
        Path | None, Parameter(help="A file that --save wrote; nothing is trained then.")
    ] = None,
    contamination: Annotated[
        float | None, Parameter(help="Share of the rows to flag; 0.05 if nothing is said.")
    ] = None,
    combine: Annotated[
        str | None, Parameter(help="A partner whose score is added: forest or mahalanobis.")
    ] = None,
    explain: Annotated[
        bool, Parameter(negative="", show_default=False, help="Print reasons for flagged rows.")
    ] = False,
    save: Annotated[Path | None, Parameter(help="Model file to write.")] = None,
    seed: Annotated[int, Parameter(help="Of all that is random.")] = 0,
    target: Target = None,
    split: Split = "train",
    force: Force = False,
    json: Json = False,
) -> None:
    """Flag rows of data that are unlike the others.

    Each cell of a table is predicted from the others by many small networks; a row is strange by
    how badly that works. Nothing has to be known of anomalies, and some may be among the rows.
    The output file has the flagged rows in their own columns, the strangest first, and why.
    """
    from diabolo.cli import tables

    if output is not None and output != tables.STDOUT:
        if output.suffix.lower() not in FORMATS:
            raise ValueError(f"{output}: reasons are text, so write {' or '.join(FORMATS)}.")
        check_target(output, force)
    if save is not None:
        check_target(save, force)
    detector, dataset = _opened(data, model, contamination, combine, seed, target, split)
    findings = detector.explain(dataset)
    if save is not None:
        detector.save(save)
    if output is not None:
        frame = _frame(detector, dataset, findings)
        tables.write(output, tables.Table([frame], len(frame), frame.columns))
        if output == tables.STDOUT:
            return
    print(_report(detector, dataset, findings, json, explain, data, (output, save)))


def _opened(
    data: str,
    model: Path | None,
    contamination: float | None,
    combine: str | None,
    seed: int,
    target: str | None,
    split: str,
) -> tuple[AnomalyDetector, Dataset]:
    """A fitted detector, and the rows to look at."""
    from diabolo.cli.models import data_for
    from diabolo.data.sources import open_dataset
    from diabolo.uses.detect.detector import AnomalyDetector
    from diabolo.uses.detect.partners import PARTNERS
    from diabolo.uses.saved import load

    if combine is not None and combine not in PARTNERS:
        raise UsageError(f"--combine {combine}: known are {' and '.join(PARTNERS)}.")
    if contamination is not None and not 0 < contamination <= 0.5:
        raise UsageError(f"--contamination {contamination} is no share above 0, up to 0.5.")
    if model is None:
        dataset = open_dataset(data, target=target, split=split)
        made = AnomalyDetector(combine=combine, random_state=seed)
        if contamination is not None:
            made.set_params(contamination=contamination)
        return made.fit(dataset), dataset
    if contamination is not None or combine is not None:
        raise UsageError("--contamination and --combine are for training: leave --model out.")
    loaded = load(model)
    if not isinstance(loaded, AnomalyDetector):
        raise UsageError(
            f"{model} holds a {type(loaded).__name__}, which has no threshold: pass a file that "
            "diabolo detect --save wrote."
        )
    return loaded, data_for(loaded.estimator_, data, target, split)


def _frame(detector: AnomalyDetector, dataset: Dataset, findings: list[Finding]) -> pl.DataFrame:
    """Flagged rows in their own columns, with their numbers, probabilities and reasons."""
    import polars as pl

    from diabolo.data.originals import as_polars

    columns = detector.estimator_.columns_
    rows = dataset.rows.take(np.array([f.row for f in findings], np.int64))
    if columns.schema is None:
        names = list(columns.names or (f"x{j}" for j in range(columns.n_features)))
        own = pl.from_numpy(rows.reshape(len(rows), columns.n_features), schema=names)
    else:
        own = as_polars(columns.as_given(np.asarray(rows, np.float64)))
    return own.with_columns(
        pl.Series(_free("row", own), [f.row for f in findings], pl.Int64),
        pl.Series(_free("probability", own), [f.probability for f in findings], pl.Float64),
        pl.Series(_free("unsure", own), [f.unsure for f in findings], pl.Boolean),
        pl.Series(
            _free("why", own), ["; ".join(map(_said, f.reasons)) for f in findings], pl.String
        ),
    )


def _free(name: str, frame: pl.DataFrame) -> str:
    """A name that the user's own columns have left."""
    while name in frame.columns:
        name += "_"
    return name


def _said(reason: Reason) -> str:
    return f"{reason.column} is {_cell(reason.seen)}, expected {_cell(reason.expected)}"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _report(
    detector: AnomalyDetector,
    dataset: Dataset,
    findings: list[Finding],
    json: bool,
    explain: bool,
    data: str,
    files: tuple[Path | None, Path | None],
) -> str:
    if json:
        return text.as_json(_as_plain(detector, dataset, findings, files))
    share = len(findings) / len(dataset)
    lines = [
        f"{type(detector.estimator_).__name__} on {text.shape(len(dataset), dataset.shape)} of "
        f"{data}",
        text.pairs(_lines(detector, findings, share, files)),
    ]
    if explain and findings:
        heads = [("row", "probability", "why")]
        shown = [
            (
                str(f.row),
                f"{f.probability:.2f}{' ?' if f.unsure else ''}",
                "; ".join(map(_said, f.reasons)) or "no cell alone",
            )
            for f in findings[:SHOWN]
        ]
        lines.append(text.columns(heads + shown))
        if len(findings) > SHOWN:
            lines.append(f"  … and {text.many(len(findings) - SHOWN, 'row')} more: pass -o")
    return "\n".join(lines)


def _lines(
    detector: AnomalyDetector,
    findings: list[Finding],
    share: float,
    files: tuple[Path | None, Path | None],
) -> Iterator[tuple[str, str]]:
    unsure = sum(f.unsure for f in findings)
    doubts = f", {text.many(unsure, 'row')} of them too near the threshold to tell"
    yield "flagged", f"{text.many(len(findings), 'row')} ({share:.2%}){doubts if unsure else ''}"
    if detector.agreement_ is not None:
        yield "isolation forest", f"rank correlation of the scores {detector.agreement_:.2f}"
    for note in detector.notes_:
        yield "note", note
    for path in files:
        if path is not None:
            yield "written", f"{path}, {text.size_of(path)}"


def _as_plain(
    detector: AnomalyDetector,
    dataset: Dataset,
    findings: list[Finding],
    files: tuple[Path | None, Path | None],
) -> dict[str, Any]:
    return {
        "rows": len(dataset),
        "flagged": [
            {
                **finding._asdict(),
                "reasons": [
                    {
                        name: value
                        if isinstance(value, str | int | float | bool | None)
                        else str(value)
                        for name, value in reason._asdict().items()
                    }
                    for reason in finding.reasons
                ],
            }
            for finding in findings
        ],
        "threshold": detector.threshold_,
        "agreement": detector.agreement_,
        "notes": detector.notes_,
        "files": [str(path) for path in files if path is not None],
    }

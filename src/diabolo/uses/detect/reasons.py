"""Why a row was flagged: which cells, what was expected there, what was seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from diabolo.estimators.rowwise import apply
from diabolo.uses.detect.scores import Score, of_cells

if TYPE_CHECKING:
    from diabolo.data.columns import Columns

NOTICEABLE = math.log(2)  # a cell's error is at least twice its usual one


class Reason(NamedTuple):
    """One cell that does not fit, in the units and categories of the data.

    times : its error, as a multiple of what is usual in that column.
    """

    column: str
    seen: Any
    expected: Any
    times: float


class Finding(NamedTuple):
    """One row that was looked at.

    row : its number in the data, from 0.
    decision : how far on the normal side of the threshold it is; negative where it is flagged.
    probability : that it is anomalous, see `AnomalyDetector.anomaly_probability`.
    unsure : whether it is too near the threshold to tell.
    reasons : the strangest cells first.
    """

    row: int
    decision: float
    probability: float
    unsure: bool
    reasons: tuple[Reason, ...]


def reasons(
    score: Score, x: Tensor, usual: Tensor, columns: Columns, most: int
) -> list[tuple[Reason, ...]]:
    """For every scaled row (n, d), at most so many cells that stand out from the usual (d,).

    Only those that are not what would be expected, given all cells of the row that do not.
    """
    excess = apply(lambda rows, _: of_cells(score, rows) - usual, x)
    excess = excess.masked_fill(x.isnan(), -math.inf)
    strongest, cells = excess.topk(min(most, x.shape[1]), dim=1)
    odd = torch.zeros_like(x, dtype=torch.bool).scatter(1, cells, strongest > NOTICEABLE)
    d = x.shape[1]
    beside = torch.cat([x, odd.to(x)], 1)
    expected = apply(lambda both, _: score.expected(both[:, :d], both[:, d:] > 0), beside)
    seen, wanted = (_readable(columns, rows) for rows in (x, expected))
    return [
        tuple(
            Reason(columns.names[j] if columns.names else f"x{j}", seen[i][j], wanted[i][j], times)
            for j, times in zip(cells[i].tolist(), strongest[i].exp().tolist(), strict=True)
            if odd[i, j] and seen[i][j] != wanted[i][j]  # doubtful, but what was to be expected
        )
        for i in range(len(x))
    ]


def _readable(columns: Columns, x: Tensor) -> list[list[Any]]:
    """Scaled rows as plain values in the data's own units."""
    rows = columns.original(x)
    if columns.schema is None:
        return [[float(f"{value:.6g}") for value in row] for row in rows.reshape(len(rows), -1)]
    from diabolo.data.originals import as_polars

    return [[_plain(value) for value in row] for row in as_polars(columns.as_given(rows)).rows()]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value.item() if isinstance(value, np.generic) else value

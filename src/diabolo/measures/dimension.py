"""How many dimensions rows really have.

TwoNN  μ = r₂/r₁, the distances of a row's second and first neighbour. Wherever the density hardly
       changes between them, μ follows a Pareto law whose exponent is the dimension d of what the
       rows fill, P(μ > m) = m^−d: log μ is exponential with rate d, whatever the density is.

Facco, d'Errico, Rodriguez & Laio 2017, "Estimating the intrinsic dimension of datasets by a minimal
neighborhood information".
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from diabolo.doctor.nearest import nearest

KEPT = 0.9  # of the ratios; the largest stray most from the law (Facco 2017, sec. "Methods")
FEWEST = 10  # rows
SLICES = 20
HALVINGS = 5


class Dimension(NamedTuple):
    """An estimate, its standard error, and how many rows it is made of."""

    value: float
    standard_error: float
    n_rows: int


def two_nn(rows: np.ndarray) -> Dimension:
    """The dimension of rows (n, d) on the scale of their neighbours' distance.

    Of n ratios the smallest nine tenths are looked at, of the others only that they are larger:
    d = r / (Σ_{i ≤ r} log μ_(i) + (n − r) log μ_(r)), the likeliest value. Rows that are each
    other's neighbours say the same twice, so that d/√r would be too small an error: it comes from
    20 slices of the rows along their longest axis, each with its own count r_b and sum T_b, as that
    of the ratio Σ r_b / Σ T_b. Copies of a row count once.

    raises ValueError for fewer than ten different rows.
    """
    rows = np.unique(np.asarray(rows, np.float32), axis=0)
    n = len(rows)
    if n < FEWEST:
        raise ValueError(
            f"{n} different rows are too few to tell their dimension by: pass {FEWEST} at least."
        )
    first, second = nearest(rows, rows, 3)[:, 1:].T  # the nearest is the row itself
    logs = np.log(second / first)
    last = np.sort(logs)[math.ceil(KEPT * n) - 1]
    seen, times = logs <= last, np.minimum(logs, last)
    if not times.sum() > 0:
        raise ValueError("all rows have two neighbours at the same distance: they lie on a grid.")
    value = (seen.sum() - 1) / times.sum()  # with r instead of r − 1 too large on average
    centred = rows - rows.mean(0)
    along = centred @ np.linalg.svd(centred.T @ centred)[0][:, 0]
    slices = np.array_split(np.argsort(along), min(SLICES, n // 2))
    off = np.array([seen[some].sum() - value * times[some].sum() for some in slices])
    error = math.sqrt(len(off) / (len(off) - 1) * np.square(off).sum()) / times.sum()
    return Dimension(float(value), float(error), n)


def by_scale(rows: np.ndarray, seed: int = 0) -> list[Dimension]:
    """The estimate for all rows, a random half of them, a quarter …, at most 5 halvings.

    Fewer rows see coarser structure: noise, which is small, makes fine scales look wide. Where the
    values agree over some halvings, that is the dimension (Facco 2017, fig. 3).
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    sizes = [len(rows) >> k for k in range(HALVINGS + 1)]
    return [two_nn(rows[np.sort(order[:size])]) for size in sizes if size >= 10 * FEWEST]


def significant(spectrum: np.ndarray, share: float = 0.1) -> np.ndarray:
    """How many singular values (…, k), largest first, are above that share of the largest, (…)."""
    return (spectrum > share * spectrum[..., :1]).sum(-1)

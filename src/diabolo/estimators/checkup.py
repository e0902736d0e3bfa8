"""What a fit keeps so that the doctor can be asked later: a few rows, in their own dtype.

A diagnosis costs as much as a small fit, and is not always read: it is made when it is first asked
for, or when the model is saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from diabolo.doctor.case import Case
from diabolo.models.autoencoder import Example

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset
    from diabolo.doctor.findings import Finding
    from diabolo.engine.schedule import Phase
    from diabolo.estimators.fits import Fits
    from diabolo.estimators.learner import Learner

TRAINED, HELD_OUT = 700, 300  # rows kept of each kind, at most
MOST_BYTES = 16 * 2**20  # of the kept rows, if that leaves
FEWEST = 32  # of each kind


class Rows(NamedTuple):
    """Some rows (n, …) in their own dtype, and their context (n, c)."""

    rows: np.ndarray
    context: np.ndarray | None


class Kept(NamedTuple):
    """What `case_of` needs besides the fitted estimator."""

    trained: Rows
    held_out: Rows | None
    rows: int  # learned from in all
    steps: int  # of an epoch
    epochs: int  # that the last phase was allowed


def keep(fits: Fits, last: Phase) -> Kept:
    dataset, most = fits.dataset, TRAINED
    if fits.held_out is None:
        most += HELD_OUT
    return Kept(
        _some(dataset, fits.context, fits.train, most),
        None if fits.held_out is None else _some(dataset, fits.context, fits.held_out, HELD_OUT),
        len(fits.train),
        len(last.batches),
        last.max_epochs,
    )


def _some(dataset: Dataset, context: Any, index: np.ndarray, most: int) -> Rows:
    """At most so many of the rows numbered in `index`, evenly spread."""
    each = int(np.prod(dataset.shape)) * dataset.rows.dtype.itemsize
    most = max(FEWEST, min(most, MOST_BYTES // max(1, 2 * each)))
    chosen = index[:: -(-len(index) // most)]
    return Rows(dataset.rows.take(chosen), None if context is None else context[chosen])


def findings(estimator: Learner) -> tuple[Finding, ...]:
    """What the doctor says of a fitted estimator and the rows that its fit kept.

    raises AttributeError, as for anything that only a fit brings, where there was none.
    """
    kept = estimator.__dict__.get("_kept")
    if kept is None:
        raise AttributeError(f"this {type(estimator).__name__} has no diagnosis_ before a fit.")
    from diabolo.doctor.diagnosis import diagnose  # imports scikit-learn's decompositions

    found = diagnose(case_of(estimator, kept))
    del estimator._kept
    return found


def case_of(estimator: Learner, kept: Kept) -> Case:
    return Case(
        estimator.module_,
        estimator.columns_,
        estimator.history_,
        _scaled(estimator, kept.trained),
        None if kept.held_out is None else _scaled(estimator, kept.held_out),
        kept.rows,
        kept.steps,
        kept.epochs,
    )


def _scaled(estimator: Learner, some: Rows) -> Example:
    x = estimator.columns_.scaled(torch.from_numpy(np.ascontiguousarray(some.rows)))
    return Example(x, None if some.context is None else torch.from_numpy(some.context))

"""DEC and IDEC: from first clusters to codes that belong to them more clearly, by the one loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from diabolo.data.batches import Batches
from diabolo.data.dataset import Dataset
from diabolo.engine.fit import fit as carry_out
from diabolo.engine.schedule import Phase
from diabolo.estimators import rowwise
from diabolo.estimators.fits import Fits
from diabolo.estimators.seeds import Seeds
from diabolo.models.clustering import Clustering
from diabolo.parts.clusters import Assignment


class Wishes(NamedTuple):
    """How to refine.

    name : of the phase.
    weight : of the divergence beside the model's own loss; None: the divergence alone.
    max_epochs : at most; it ends when fewer than `tol` of all rows changed their cluster in one.
    """

    name: str
    weight: float | None
    max_epochs: int
    tol: float
    lr: float


def refine(
    estimator: Any, dataset: Dataset, assignment: Assignment, wishes: Wishes, seeds: Seeds
) -> None:
    """Go on training a fitted autoencoder, and the assignment with it, as a further phase."""
    numbers = np.arange(len(dataset))
    fits = Fits(estimator, dataset, None, numbers)
    batches = Batches(
        dataset,
        estimator.columns_,
        batch_size=fits.batch_size,
        seed=seeds.number("order of refinement"),
        device=estimator.device_,
        labels=numbers,
    )
    module = estimator.module_
    objective = Clustering(module, assignment.to(estimator.device_), len(dataset), wishes.weight)

    def shares(x: Tensor, side: Tensor | None) -> Tensor:
        return assignment(module.encode(x, side))

    def renew() -> bool:
        q = rowwise.collect(shares, batches, assignment.count)
        return objective.take(torch.from_numpy(q)) < wishes.tol

    player = fits.player(wishes.name, objective, objective.trained, lr=wishes.lr, weight_decay=0.0)
    # a constant rate, as nobody knows when it will end; and no row is held out: all have targets
    phase = Phase(
        wishes.name,
        (player,),
        batches,
        max_epochs=wishes.max_epochs,
        patience=None,
        warmup=None,
        renew=renew,
    )
    outcome = carry_out(
        [phase],
        objective,
        seeds.generator("refinement", estimator.device_),
        n_threads=estimator.n_threads,
    )
    assignment.eval()
    estimator._finish(outcome, fits, phase, before=estimator.history_)
    if outcome.interrupted:
        raise KeyboardInterrupt

"""Plans: which fits follow each other, how the learning rate moves, when a fit ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from diabolo.engine.players import Player


class Supply(Protocol):
    """Where batches come from; `data.batches.Batches` is one."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def epoch(self, number: int, start: int = 0) -> Iterator:
        """The epoch's batches from number `start` on, in an order that depends on nothing else."""


class Evaluation(Protocol):
    """Held-out terms by name, "loss" among them; changes nothing."""

    def __call__(self, briefly: bool = False) -> dict[str, float]:
        """briefly : a first look at a part of the rows will do."""


@dataclass(frozen=True)
class Phase:
    """One fit of a plan: some players on some batches until it is enough.

    name : in history and messages.
    players : each makes one step a batch, in this order; where no rows are held out, the loss of
        the first one judges.
    batches : the training rows.
    evaluate : how good the weights are on held-out rows; None where there are none.
    max_epochs : when to stop at the latest.
    patience : epochs without improvement after which the fit stops; None: never before the end.
    tol : smallest gain that counts, as a fraction of all that was gained so far.
    warmup : fraction of all steps over which the learning rate rises from 0; it then falls
        linearly to 0. None: constant, for data that come in pieces.
    floor : losses at or below it cannot be told apart. Of such epochs the last one is kept, and
        none of them wears out patience.
    renew : called before every epoch; computes anew what objectives hold fixed for its length, such
        as targets that follow from all rows, in buffers of theirs. True ends the phase.
    """

    name: str
    players: tuple[Player, ...]
    batches: Supply
    evaluate: Evaluation | None = None
    max_epochs: int = 100
    patience: int | None = 10
    tol: float = 1e-4
    warmup: float | None = 0.03
    floor: float = -math.inf
    renew: Callable[[], bool] | None = None

    @property
    def steps(self) -> int:
        return self.max_epochs * len(self.batches)

    def rate(self, step: int) -> float:
        """Fraction of the highest learning rate at step 0, 1, …"""
        if self.warmup is None:
            return 1.0
        rise = max(1, math.ceil(self.warmup * self.steps))
        return min((step + 1) / rise, (self.steps - step) / max(1, self.steps - rise), 1.0)


@dataclass
class Stopper:
    """Remembers the best loss and says when to give up; its fields go into the checkpoint.

    first : the loss before the first step, where rows are held out; else that of the first epoch.
    """

    first: float = math.nan
    best: float = math.inf
    best_epoch: int = -1
    stale: int = 0

    def improves(self, loss: float, epoch: int, tol: float, floor: float = -math.inf) -> bool:
        """Whether this epoch's loss is the best so far, or as good as can be told.

        For patience an epoch counts only if it gains more than `tol` of all that was gained since
        the start: losses carry constants, so a fraction of the loss itself says nothing.
        """
        if math.isnan(self.first):
            self.first = loss
        if loss <= floor:
            self.stale, self.best, self.best_epoch = 0, floor, epoch
            return True
        if not loss < self.best:
            self.stale += 1
            return False
        enough = self.best - loss > tol * (self.first - self.best)
        self.stale = 0 if enough or self.best_epoch < 0 else self.stale + 1
        self.best, self.best_epoch = loss, epoch
        return True

    def gives_up(self, patience: int | None) -> bool:
        return patience is not None and self.stale >= patience

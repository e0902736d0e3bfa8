"""What one published figure is, as plain data: paper, data, metric, arms, thresholds, budget.

A record says what would count before anything is trained. `diabolo.records.run` carries it out.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np

Figures = dict[str, float]
Settings = Mapping[str, Any]
Runs = Mapping[str, Sequence[Figures]]  # arm → the figures of each seed


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a set, as they come, and their labels (n,), where there are any."""

    x: np.ndarray
    y: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def labels(self) -> np.ndarray:
        """The labels, of rows that have them."""
        if self.y is None:
            raise ValueError("these rows have no labels")
        return self.y

    def __getitem__(self, index: slice | np.ndarray) -> Rows:
        return Rows(self.x[index], None if self.y is None else self.y[index])


@dataclass(frozen=True, eq=False)
class Split:
    """What may be learned from, and what figures are measured on."""

    train: Rows
    test: Rows


class NotHereError(Exception):
    """Data that this machine does not have; the message says which."""


@dataclass(frozen=True)
class Data:
    """Where the rows come from, and what is done to them.

    sha256 : of each file, by name; a file with another one is refused.
    split : in words. preprocessing : in words.
    load : the rows; raises NotHereError.
    held_out : the last rows of the training part, on which settings are chosen.
    """

    name: str
    sha256: Mapping[str, str]
    split: str
    preprocessing: str
    load: Callable[[], Split]
    held_out: int = 10_000

    def for_choosing(self) -> Split:
        """The training part alone, in two: the test rows are not even looked at."""
        train = self.load().train
        return Split(train[: -self.held_out], train[-self.held_out :])


@dataclass(frozen=True)
class Gate:
    """A published figure that needs no training: it proves data, split, scale and metric.

    expected, tolerance : half of the last digit that was printed, or as said in `source`.
    """

    name: str
    expected: float
    tolerance: float
    source: str
    measure: Callable[[], float]

    def holds(self, found: float) -> bool:
        return abs(found - self.expected) <= self.tolerance + 1e-12


@dataclass(frozen=True)
class Arm:
    """One way to come by the figures: what the record is about, or a control beside it.

    settings : plain data; whoever changes them has changed the arm, and its stored runs are void.
    learn : of a trial, whatever is to be measured. measure : its figures on the trial's rows;
        what was not reached, such as a goal in time, is left out.
    choices : changes of the settings that `--choose` compares on held-out training rows.
    """

    name: str
    about: str
    learn: Callable[[Any], Any]
    measure: Callable[[Any, Any], Figures]
    settings: Settings = field(default_factory=dict)
    choices: tuple[Settings, ...] = ()


@dataclass(frozen=True)
class Published:
    """A number in a paper, and what counts as reaching it.

    measure, arm : which of our figures stands beside it.
    provenance : "S" seen in a named public source, "M" quoted from memory, "C" computed here.
    matched, beaten : the mean over seeds has to be at most that (`higher`: at least).
    middle : "median" for figures that are times.
    """

    measure: str
    value: float | None
    matched: float
    beaten: float | None
    provenance: Literal["S", "M", "C"]
    source: str
    arm: str = "ours"
    higher: bool = False
    interval: float | None = None
    middle: Literal["mean", "median"] = "mean"

    def reaches(self, ours: float, wanted: float | None) -> bool:
        if wanted is None or math.isnan(ours):
            return False
        return ours >= wanted if self.higher else ours <= wanted

    def of_each(self, runs: Runs) -> list[float]:
        """Our figure beside it, seed by seed; infinitely bad where a run did not get there."""
        never = -math.inf if self.higher else math.inf
        return [figures.get(self.measure, never) for figures in runs[self.arm]]

    def ours(self, runs: Runs) -> float:
        """Over the seeds."""
        found = self.of_each(runs)
        return statistics.median(found) if self.middle == "median" else statistics.fmean(found)

    def worst(self, runs: Runs) -> float:
        found = self.of_each(runs)
        return min(found) if self.higher else max(found)


class Condition(Protocol):
    """What must hold besides, before a figure counts as beaten."""

    @property
    def words(self) -> str: ...

    def holds(self, runs: Runs) -> bool: ...


def mean_of(runs: Runs, arm: str, measure: str) -> float:
    return statistics.fmean(figures[measure] for figures in runs[arm])


@dataclass(frozen=True)
class Order:
    """The arms' means of a measure rise from left to right, each time by at least `by`."""

    measure: str
    arms: tuple[str, ...]
    by: float = 0.0

    @property
    def words(self) -> str:
        apart = f", each by at least {self.by:g}" if self.by else ""
        return f"{self.measure}: {' < '.join(self.arms)}{apart}"

    def holds(self, runs: Runs) -> bool:
        means = [mean_of(runs, arm, self.measure) for arm in self.arms]
        return all(high - low >= self.by and high > low for low, high in pairwise(means))


@dataclass(frozen=True)
class Within:
    """The mean of a measure lies between two numbers."""

    measure: str
    low: float
    high: float
    arm: str = "ours"

    @property
    def words(self) -> str:
        return f"{self.measure} of {self.arm} between {self.low:g} and {self.high:g}"

    def holds(self, runs: Runs) -> bool:
        return self.low <= mean_of(runs, self.arm, self.measure) <= self.high


@dataclass(frozen=True)
class Record:
    """Everything about one published cell, or about a few of one table that belong together.

    id : what `diabolo reproduce` calls it. row : which table or figure, which row.
    metric, network, optimiser, epochs : in words, for readers.
    arms : the first is ours; all get the same budget.
    conditions : must hold for "beaten".
    minutes : budget of an arm and seed, on two cores. gflop : of it, where it was counted.
    needs : what this machine may lack; such a record is listed and not run.
    """

    id: str
    paper: str
    year: int
    row: str
    data: Data
    metric: str
    network: str
    optimiser: str
    epochs: str
    published: tuple[Published, ...]
    arms: tuple[Arm, ...] = ()
    gates: tuple[Gate, ...] = ()
    conditions: tuple[Condition, ...] = ()
    seeds: int = 3
    minutes: float = 15.0
    gflop: float | None = None
    needs: str | None = None

    @property
    def unverified(self) -> bool:
        """Whether a published number was quoted from memory."""
        return any(one.provenance == "M" for one in self.published)

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

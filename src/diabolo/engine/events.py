"""What happened in a fit, and who is told: history, progress, trackers.

Watchers only watch. A tracker is a plain scikit-learn callback (`sklearn.callback`); the
estimator turns what it is told here into that protocol's tasks, so that a grid search shows
nested bars.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

Terms = dict[str, float]


def _value(terms: dict[str, float], term: str) -> float:
    """A term, or the first player's of that name."""
    return terms.get(term, next((v for n, v in terms.items() if n.endswith(f"/{term}")), math.nan))


@dataclass
class History:
    """One record an epoch: phase, epoch (from 1), learning rate, train and validation terms.

    Terms are means over rows in nats per row, unless their part says otherwise. Seconds are kept
    apart: they are the only thing that two equal runs differ in.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def curve(self, term: str = "loss", split: str = "train", phase: str | None = None) -> list:
        """Values of one term, epoch by epoch; nan where an epoch has none.

        In a game of several a bare term is the first player's; others are named "player/term".
        """
        return [
            _value(record.get(split, {}), term)
            for record in self.records
            if phase is None or record["phase"] == phase
        ]

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(record["phase"] for record in self.records))

    def to_json(self) -> dict[str, Any]:
        return {"records": self.records, "seconds": self.seconds, "notes": self.notes}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> History:
        return cls(list(data["records"]), list(data["seconds"]), list(data["notes"]))


class Watcher(Protocol):
    """Told what happens; may ask for the end of the phase by returning True."""

    def begin(self, phases: list[tuple[str, int]]) -> None:
        """Names of the phases, each with its most epochs."""

    def begin_phase(self, name: str, epochs: int) -> None: ...

    def begin_epoch(self) -> None:
        """Also where an epoch begins anew after a loss that was not a number."""

    def end_epoch(self, record: dict[str, Any], seconds: float, history: History) -> bool: ...

    def end_phase(self, history: History) -> None: ...

    def end(self, history: History) -> None: ...


class Nobody:
    """The watcher that does not look."""

    def begin(self, phases: list[tuple[str, int]]) -> None: ...

    def begin_phase(self, name: str, epochs: int) -> None: ...

    def begin_epoch(self) -> None: ...

    def end_epoch(self, record: dict[str, Any], seconds: float, history: History) -> bool:
        return False

    def end_phase(self, history: History) -> None: ...

    def end(self, history: History) -> None: ...


class Tally:
    """Running means of an epoch's terms, weighted by rows; sums in Python's doubles."""

    def __init__(self, sums: Terms | None = None, rows: int = 0) -> None:
        self.sums, self.rows = dict(sums or {}), rows

    def add(self, terms: dict[str, float], rows: int) -> None:
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * rows

    def count(self, rows: int) -> None:
        self.rows += rows

    def means(self) -> Terms:
        return {name: total / max(1, self.rows) for name, total in self.sums.items()}


def as_floats(terms: dict[str, Tensor]) -> Terms:
    return {name: float(value) for name, value in terms.items()}


def not_finite(terms: Iterable[tuple[str, float]]) -> list[str]:
    return [name for name, value in terms if not math.isfinite(value)]

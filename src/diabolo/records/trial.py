"""One arm with one seed: what it may learn from, and how its fits are carried out and resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diabolo.records.record import Rows, Settings


@dataclass(frozen=True)
class Pace:
    """How much of the work is done: a share of the rows, a share of the epochs."""

    rows: float = 1.0
    epochs: float = 1.0

    def shortened(self, rows: Rows) -> Rows:
        """Rows from all over the set, so that each kind of row remains."""
        return rows[:: round(1 / self.rows)] if self.rows < 1 else rows


FULL = Pace()
QUICK = Pace(rows=1 / 10, epochs=1 / 5)  # a fiftieth of the budget


@dataclass
class Trial:
    """What `Arm.learn` and `Arm.measure` are given.

    train : to learn from. judged : to measure on; an arm does not learn whether they are held-out
        training rows or the test set.
    folder : where unfinished fits are kept, so that a killed run goes on; None: nowhere.
    """

    settings: Settings
    seed: int
    train: Rows
    judged: Rows
    pace: Pace = FULL
    folder: Path | None = None
    n_threads: int | None = None
    curves: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def epochs(self, count: int) -> int:
        """That many at full pace, at least one."""
        return max(1, round(count * self.pace.epochs))

    def draws(self, count: int) -> int:
        """That many samples at full pace, at least ten."""
        return max(min(10, count), round(count * self.pace.epochs * self.pace.rows))

    def fit(self, estimator: Any, x: Any, y: Any = None, *, name: str = "model") -> Any:
        """A fitted estimator, from its file if this very fit was finished before.

        name : tells the fits of a trial apart.
        """
        parameters = {"random_state": self.seed, "n_threads": self.n_threads}
        known = estimator.get_params(deep=False)
        estimator.set_params(**{k: v for k, v in parameters.items() if k in known})
        done = None if self.folder is None else self.folder / f"{name}.safetensors"
        if done is not None and done.exists():
            estimator = _loaded(done)
        else:
            if done is not None and "checkpoint" in known:
                done.parent.mkdir(parents=True, exist_ok=True)
                estimator.set_params(checkpoint=done.with_suffix(".checkpoint"))
            estimator.fit(x, y) if y is not None else estimator.fit(x)
            if done is not None:
                done.parent.mkdir(parents=True, exist_ok=True)
                estimator.save(done)
        self._remember(estimator, name)
        return estimator

    def _remember(self, estimator: Any, name: str) -> None:
        """Its curve and what it took, over all pieces of a fit that was interrupted."""
        learner = getattr(estimator, "estimator_", estimator)
        history = getattr(estimator, "history_", None) or getattr(learner, "history_", None)
        if history is None:
            return
        records = [record.get("validation") or record["train"] for record in history.records]
        self.curves[name] = [float(f"{_loss(record):.5g}") for record in records]
        self.seconds[name] = sum(history.seconds)

    def clear(self) -> None:
        """Remove what was kept for going on; the figures are stored."""
        if self.folder is not None and self.folder.exists():
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()


def _loss(terms: dict[str, float]) -> float:
    """The loss, or that of the first player of a game."""
    return terms["loss"] if "loss" in terms else next(iter(terms.values()))


def _loaded(path: Path) -> Any:
    from diabolo.uses.saved import load

    return load(path)

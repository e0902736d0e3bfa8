"""An estimator's settings and data → the phases that the engine carries out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from diabolo.data.batches import Batch, Batches
from diabolo.data.neighbours import Graph, fuzzy_graph
from diabolo.data.paired import Paired
from diabolo.data.sources import Dataset
from diabolo.engine.events import Terms
from diabolo.engine.players import Player
from diabolo.engine.schedule import Evaluation, Phase

if TYPE_CHECKING:
    from diabolo.estimators.learner import Learner

FEWEST_TO_SPLIT = 30  # rows; with fewer none are held out
STEPS = 6000  # of training where no number of epochs was asked for
GLANCE = 256  # held-out rows that say what the loss is before the first step
LONG_AFTER = 1e9  # epochs: on the held-out rows every warm-up is over


class Fits:
    """Makes phases: splits the rows once, shuffles them by the estimator's seed.

    context : (n, c) float32 that go along with the rows, or None.
    labels : (n,) class numbers, or None.
    """

    def __init__(
        self,
        estimator: Learner,
        dataset: Dataset,
        context: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        self.estimator = estimator
        self.seeds = estimator._seeds
        self.dataset, self.context, self.labels = dataset, context, labels
        self.train, self.held_out, self.glance = self._split(len(dataset))
        self.batch_size = estimator.batch_size or batch_size(len(self.train))
        self._graphs: dict[int, tuple[np.ndarray, Graph]] = {}  # by the index that is kept beside

    def _split(self, rows: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Rows to learn from, those held out, and some of these for a quick look."""
        if not self.estimator.early_stopping or rows < FEWEST_TO_SPLIT:
            return np.arange(rows), None, None
        order = np.random.default_rng(self.seeds.number("split")).permutation(rows)
        held_out = round(rows * self.estimator.validation_fraction)
        held_out = min(max(1, held_out), rows - 2)  # two are left to learn from at least
        train, held_out_rows = order[held_out:], order[:held_out]
        return np.sort(train), np.sort(held_out_rows), np.sort(held_out_rows[:GLANCE])

    def player(
        self, name: str, objective: nn.Module, trains: tuple[str, ...] | None = None, **others: Any
    ) -> Player:
        """Who trains what `trains` names (None: all), with the estimator's settings or `others`."""
        settings = self.estimator
        names = ("lr", "weight_decay", "clip", "precision")
        given = {name: getattr(settings, name) for name in names}
        return Player(name, objective, trains, **{**given, **others})

    def phase(
        self,
        name: str,
        players: tuple[Player, ...],
        max_epochs: int | None = None,
        judge: nn.Module | None = None,
        floor: float = -math.inf,
    ) -> Phase:
        """One fit of all the players, with the estimator's settings.

        judge : an objective whose loss on held-out rows says how good the weights are; the first
            player's where none is given.
        floor : what it cannot tell from perfect.
        """
        settings = self.estimator
        batches = self._supply(self.train, seed=self.seeds.number(f"order {name}"))
        return Phase(
            name,
            players,
            batches,
            evaluate=None
            if self.held_out is None
            else self._evaluation(judge or players[0].objective),
            floor=floor,
            max_epochs=max_epochs or settings.max_epochs or epochs(len(batches)),
            patience=settings.n_iter_no_change if settings.early_stopping else None,
            tol=settings.tol,
        )

    def held_out_batches(self) -> Iterator[Batch]:
        """The rows that judge, in order, in large pieces; none where none are held out."""
        if self.held_out is not None:
            yield from self._batches(self.held_out, seed=0).in_order()

    def rows(self, index: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Those rows, scaled, and their context."""
        batches = list(self._batches(index, seed=0).in_order())
        sides = [batch.context for batch in batches if batch.context is not None]
        return torch.cat([batch.x for batch in batches]), torch.cat(sides) if sides else None

    def all_rows(self) -> Iterator[Batch]:
        """Every row, in order, in large pieces."""
        yield from self._batches(np.arange(len(self.dataset)), seed=0).in_order()

    def all_scaled(self) -> Tensor:
        """Every row as the networks see it, in memory, (n, d) float32."""
        return torch.cat([batch.x.cpu() for batch in self.all_rows()])

    def single_pass(self, players: tuple[Player, ...], number: int) -> Phase:
        """Pass `number` over rows that come in pieces: all of them, at a constant rate."""
        rows = np.arange(len(self.dataset))
        batches = self._supply(rows, seed=self.seeds.number(f"order of pass {number}"))
        return Phase("pass", players, batches, max_epochs=1, patience=None, warmup=None)

    def _batches(self, index: np.ndarray, seed: int) -> Batches:
        return Batches(self.dataset, self.estimator.columns_, **self._words(index, seed))

    def _supply(self, index: np.ndarray, seed: int) -> Batches:
        """What is learned from, or judged by: with neighbours where the estimator asks for them."""
        if not self.estimator.n_joined:
            return self._batches(index, seed)
        graph, words = self.graph(index), self._words(index, seed)
        return Paired(self.dataset, self.estimator.columns_, graph=graph, **words)

    def graph(self, index: np.ndarray) -> Graph:
        """Who is near whom among these rows; found once."""
        if id(index) not in self._graphs:
            x = torch.cat([batch.x.cpu() for batch in self._batches(index, seed=0).in_order()])
            found = fuzzy_graph(x, self.estimator.n_joined, self.seeds.number("neighbours"))
            self._graphs[id(index)] = index, found
        return self._graphs[id(index)][1]

    def _words(self, index: np.ndarray, seed: int) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "seed": seed,
            "device": self.estimator.device_,
            "index": index,
            "context": self.context,
            "labels": self.labels,
        }

    def _evaluation(self, objective: nn.Module) -> Evaluation:
        """Held-out terms, with the same noise every time, so that epochs can be compared."""
        whole, part = (
            self._supply(rows, seed=0) for rows in (self.held_out, self.glance) if rows is not None
        )
        clock = torch.full((), LONG_AFTER)

        def evaluate(briefly: bool = False) -> Terms:
            noise = self.seeds.generator("held-out noise", self.estimator.device_)
            sums: Terms = {}
            batches = part if briefly else whole
            for batch in batches.in_order():
                for name, value in objective(batch, clock, noise).items():
                    if value.ndim == 0:
                        sums[name] = sums.get(name, 0.0) + float(value) * len(batch.x)
            return {name: total / batches.n_rows for name, total in sums.items()}

        return evaluate


def batch_size(rows: int) -> int:
    """Rows a step where none were asked for: about 60 steps an epoch, within 16 … 128.

    >>> batch_size(100), batch_size(1797), batch_size(60_000)
    (16, 32, 128)
    """
    return int(min(128, max(16, 2 ** math.ceil(math.log2(max(1, rows / 64))))))


def epochs(steps: int) -> int:
    """Epochs where none were asked for: about 6,000 steps in all, within 20 … 200.

    >>> epochs(469), epochs(57), epochs(1)
    (20, 106, 200)
    """
    return min(200, max(20, math.ceil(STEPS / steps)))

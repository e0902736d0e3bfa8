"""Batches in which every row is followed, half a batch later, by one of its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from diabolo.data.batches import Batch, Batches
from diabolo.data.neighbours import Graph
from diabolo.data.shuffle import Shuffle


class Paired(Batches):
    """Every row once an epoch as the first of a pair; row b/2 + i of a batch is a neighbour of row
    i, drawn by the weights of the graph's edges. Context and labels go along with both.

    graph : of the rows that `index` names, in that order.
    batch_size : rows of a batch at most, two for each pair.

    For the rest see `Batches`.
    """

    def __init__(self, *args: Any, graph: Graph, batch_size: int, **settings: Any) -> None:
        super().__init__(*args, batch_size=max(1, batch_size // 2), **settings)
        self._graph = graph

    @property
    def n_rows(self) -> int:
        """Rows that an epoch shows, those that come as neighbours included."""
        return 2 * self._count

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from batch `start` on; the earlier ones cost nothing."""
        order = Shuffle(self._count, self._seed, number)
        chance = np.random.default_rng([self._seed, number]).random(self._count)
        for j in range(start, self._length):
            rows = order.between(self._border(j), self._border(j + 1))
            yield self._pairs(rows, chance)

    def in_order(self, size: int = 1024) -> Iterator[Batch]:
        """All rows once in their own order with neighbours that are always the same."""
        chance = np.random.default_rng(self._seed).random(self._count)
        for first in range(0, self._count, size // 2):
            yield self._pairs(np.arange(first, min(first + size // 2, self._count)), chance)

    def _pairs(self, rows: np.ndarray, chance: np.ndarray) -> Batch:
        both = np.concatenate([rows, self._graph.neighbours(rows, chance[rows])])
        return self._batch(both if self._index is None else self._index[both])

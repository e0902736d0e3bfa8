"""How good a model is for its purpose, on rows that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from diabolo.data.columns import Columns, as_tensor
from diabolo.data.dataset import Dataset
from diabolo.estimators.seeds import Seeds
from diabolo.measures.clusters import modularity
from diabolo.measures.description import description_length
from diabolo.models.autoencoder import Example

NEIGHBOURS = 10
TREES = 200


@dataclass(frozen=True)
class Judges:
    """Rows that judge, and those that models learn from."""

    purpose: str
    rows: Dataset
    learned: Dataset
    columns: Columns
    seeds: Seeds

    def __len__(self) -> int:
        return len(self.rows)

    def criterion(self, model: Any) -> np.ndarray:
        """On every judge, smaller is better; not for detectors, see `disagreement`."""
        if self.purpose == "reduce":
            return -model.score_samples(self.rows)
        if self.purpose == "cluster":
            share = modularity(self._neighbours(), model.predict(self.rows))
            return np.full(len(self.rows), 1 - share)
        learned, judges = (_example(model, rows) for rows in (self.learned, self.rows))
        return description_length(model.module_, model.columns_, learned, judges).each

    def disagreement(self, scores: list[np.ndarray]) -> list[float]:
        """Detectors are judged by each other: 1 − rank correlation with their mean ranking.

        An isolation forest's ranking counts as much as all of theirs.
        """
        rankings = [rankdata(each) for each in scores if np.ptp(each) > 0]
        mean = np.mean([*rankings, *[self._forest()] * max(1, len(rankings))], axis=0)
        return [1 - float(np.nan_to_num(spearmanr(each, mean).statistic)) for each in scores]

    def _neighbours(self) -> np.ndarray:
        """Of each judge among the others, in the input, (n, k)."""
        rows = np.nan_to_num(_scaled(self.columns, self.rows))
        count = min(NEIGHBOURS, len(rows) - 1) + 1
        return NearestNeighbors(n_neighbors=count).fit(rows).kneighbors(rows)[1][:, 1:]

    def _forest(self) -> np.ndarray:
        rows = [np.nan_to_num(_scaled(self.columns, each)) for each in (self.learned, self.rows)]
        seed = self.seeds.number("forest") >> 33
        forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(rows[0])
        return rankdata(-forest.score_samples(rows[1]))


def _scaled(columns: Columns, dataset: Dataset) -> np.ndarray:
    return columns.scaled(as_tensor(dataset.rows.take(np.arange(len(dataset))))).numpy()


def _example(model: Any, dataset: Dataset) -> Example:
    return Example(torch.from_numpy(_scaled(model.columns_, dataset)))

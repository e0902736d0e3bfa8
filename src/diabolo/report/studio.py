"""Where a gallery's models are trained, and what is asked of them afterwards."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from diabolo.estimators.learner import Learner
from diabolo.families.autoencoder import OvercompleteWarning
from diabolo.measures.probe import probe_accuracy
from diabolo.report.material import Material
from diabolo.report.recipes import Budget, recipes
from diabolo.report.sheets import Picture, sheet, strip
from diabolo.uses.edit.effects import Probe

Progress = Callable[[int, int, str], None]


class Fitted(NamedTuple):
    """A trained model, how long it took, and what it warned of."""

    estimator: Any  # of the family that its recipe names
    seconds: float
    warnings: tuple[str, ...]


class Growth:
    """A callback that draws the same samples after 1, 2, 4, … epochs."""

    def __init__(self, seed: int, count: int = 10) -> None:
        self.seed, self.count = seed, count
        self.samples: list[tuple[int, np.ndarray]] = []

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        if context.task_name != "epoch" or fitted_estimator is None:
            return
        epoch = fitted_estimator.n_iter_
        if epoch & (epoch - 1) == 0:
            rows = fitted_estimator.sample(self.count, random_state=self.seed)
            self.samples.append((epoch, rows))


@dataclass
class Studio:
    """The material, the budget, and all models by their names in `recipes`."""

    material: Material
    budget: Budget
    seed: int = 0
    fitted: dict[str, Fitted] = field(default_factory=dict)
    growth: dict[str, Growth] = field(default_factory=dict)  # of the generators

    def train(self, progress: Progress | None = None) -> None:
        """Fit every recipe; `progress` is told (how many are done, of how many, which is next)."""
        plan = recipes(self.budget, self.material.features, self.seed)
        for done, (name, estimator) in enumerate(plan.items()):
            if progress:
                progress(done, len(plan), name)
            if not hasattr(estimator, "transform"):
                self.growth[name] = Growth(self.seed)
                estimator.set_callbacks(self.growth[name])
            self.fitted[name] = fit(estimator, self.material.train)
        if progress:
            progress(len(plan), len(plan), "drawing")

    def __getitem__(self, name: str) -> Any:
        return self.fitted[name].estimator

    def module(self, name: str) -> Any:
        """A model's module; Any, because torch's modules do not tell the types of their parts."""
        return self[name].module_

    @cached_property
    def shown(self) -> np.ndarray:
        """The test images that stand for all: (10, H, W[, 3]), one of each class if there are."""
        return self.material.test[self.material.one_of_each()]

    @cached_property
    def pca(self) -> PCA:
        """The best linear autoencoder of the page's code size."""
        return self.pca_of(self.budget.code)

    def pca_of(self, components: int) -> PCA:
        rows = self.material.flat(self.material.train)
        return PCA(min(components, *rows.shape), random_state=self.seed).fit(rows)

    def rebuilt(self, name: str, images: np.ndarray) -> np.ndarray:
        """What a model makes of images, on the scale 0 … 1."""
        return self.material.unit(self[name].reconstruct(images))

    def rebuilt_by_pca(self, images: np.ndarray) -> np.ndarray:
        rows = self.pca.inverse_transform(self.pca.transform(self.material.flat(images)))
        return rows.reshape(images.shape)

    def error(self, rebuilt: np.ndarray, images: np.ndarray) -> float:
        """Squared error on the scale 0 … 1, summed over pixels, mean over images."""
        difference = rebuilt.reshape(len(images), -1) - self.material.flat(images)
        return float(np.square(difference).sum(1, dtype=np.float64).mean())

    def test_error(self, name: str) -> float:
        test = self.material.test
        return self.error(self.rebuilt(name, test), test)

    def probe(self, encode: Callable[[np.ndarray], np.ndarray]) -> float:
        """Accuracy of a linear classifier on codes of the test images; nan without labels."""
        data = self.material
        if data.train_labels is None or data.test_labels is None:
            return float("nan")
        return probe_accuracy(
            encode(data.train), data.train_labels, encode(data.test), data.test_labels
        )

    @cached_property
    def judge(self) -> Probe | None:
        """A linear classifier of images, which knows no model; None without labels."""
        data = self.material
        if data.train_labels is None or data.test_labels is None:
            return None
        return Probe(data.flat(data.train), data.train_labels)

    def strip(self, images: np.ndarray, alt: str) -> Picture:
        """Images on the scale 0 … 1 in one line."""
        return strip(images, alt, self.material.ink)

    def sheet(self, images: np.ndarray, alt: str, per_line: int | None = None) -> Picture:
        return sheet(images, alt, self.material.ink, per_line)


def fit(estimator: Learner, images: np.ndarray) -> Fitted:
    """Train, with a clock; the warning of an overcomplete code is kept for the page."""
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OvercompleteWarning)
        estimator.fit(images)
    for other in (w for w in caught if not issubclass(w.category, OvercompleteWarning)):
        warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    ours = tuple(str(w.message) for w in caught if issubclass(w.category, OvercompleteWarning))
    return Fitted(estimator, time.perf_counter() - start, ours)

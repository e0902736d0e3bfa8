"""Training arrives where the theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.families.autoencoder import Autoencoder
from diabolo.families.stacked import StackedAutoencoder
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import Example
from diabolo.uses.verify import textbook
from diabolo.uses.verify.proof import proof
from diabolo.uses.verify.small import LATE, Array, numbers, seeded


@proof("a linear autoencoder spans PCA's subspace", at_most=0.005)
def linear_autoencoder() -> float:
    """Largest angle between its decoder's columns and the principal axes, in radians."""
    x = _rows((3, 2, 1.5, 0.5, 0.4, 0.3))
    model = Autoencoder(n_components=3, activation="identity", likelihood="gaussian", **_PLAIN)
    weight, _ = numbers(model.fit(x).module_.decoder)
    return textbook.largest_angle(weight, textbook.principal_axes(x, 3))


@proof("a linear variational autoencoder reaches probabilistic PCA's likelihood", at_most=0.01)
def linear_variational_autoencoder() -> float:
    """Difference between its bound and the highest log-likelihood there is, in nats per row."""
    x = _rows((2, 1.5, 1, 0.5, 0.5, 0.5))
    model = VariationalAutoencoder(n_components=3, likelihood="gaussian-shared", **_PLAIN).fit(x)
    many = torch.tensor(x, dtype=torch.float32).repeat(400, 1)  # the bound is a mean over noise
    with torch.no_grad():
        bound = -model.module_(Example(many), LATE, seeded())["loss"].item()
    return abs(bound - textbook.probabilistic_pca(x, 3))


_PLAIN: dict[str, Any] = {
    "hidden_layer_sizes": (),
    "scaling": "none",
    "early_stopping": False,
    "weight_decay": 0.0,
    "lr": 0.05,
    "batch_size": 256,
    "max_epochs": 1000,
    "n_threads": 1,
    "random_state": 0,
}


def _rows(spread: tuple[float, ...], n: int = 256) -> Array:
    """Normal rows with these standard deviations along turned axes, off the origin, (n, d)."""
    random, d = np.random.default_rng(0), len(spread)
    axes, _ = np.linalg.qr(random.normal(size=(d, d)))
    return (random.normal(size=(n, d)) * spread) @ axes.T + random.normal(size=d)


@proof("greedy phases leave finished layers untouched", at_most=0)
def greedy_phases() -> float:
    """Tensors of finished layers that changed by a bit, or layers that did not learn."""
    stack = StackedAutoencoder(
        n_components=2,
        hidden_layer_sizes=(8, 5),
        layers=("denoising", "contractive", "plain"),
        max_epochs=2,
        n_threads=1,
        random_state=0,
    )
    album = _Album()
    stack.set_callbacks(album)
    stack.fit(_rows((3, 2, 1.5, 0.5, 0.4, 0.3)))
    wrong = 0
    for current in (1, 2):
        before, after = album.pages[f"layer {current}"], album.pages[f"layer {current + 1}"]
        for layer in range(current + 1):
            names = [name for name in after if name.startswith(_prefixes(layer, count=3))]
            same = [torch.equal(before[name], after[name]) for name in names]
            wrong += sum(same) if layer == current else len(same) - sum(same)
    return wrong


def _prefixes(layer: int, count: int) -> tuple[str, str]:
    """Where the weights of a layer and of its mirror image are."""
    return f"encoder.layers.{layer}.", f"decoder.layers.{count - 1 - layer}."


class _Album:
    """A scikit-learn callback that keeps the weights at the end of every phase."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Tensor]] = {}

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> None:
        self.pages[context.task_name] = fitted_estimator.module_.state_dict()

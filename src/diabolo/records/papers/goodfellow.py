"""Goodfellow et al. 2014 and Makhzani et al. 2015: the Parzen measure, and what it is worth.

Kernels around samples are a poor judge: real training rows come out below k-means centres, which
nobody would call samples (Theis et al. 2016). So both stand beside the models as controls, with
coverage and recall, and nothing is called beaten.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning

import diabolo
from diabolo.data.columns import Columns
from diabolo.measures.features import Features
from diabolo.measures.samples import neighbourhoods
from diabolo.records import gates, sets
from diabolo.records.measured import parzen
from diabolo.records.record import Arm, Figures, Published, Record
from diabolo.records.sets import MNIST_50
from diabolo.records.trial import Trial

COUNT = 10_000  # samples, of which each gets a kernel
COMPARED = 5_000  # of them, for coverage and recall
FAMILIES: dict[str, Any] = {
    "game": diabolo.GenerativeAdversarialNetwork,
    "codes": diabolo.AdversarialAutoencoder,
}
MEASURE = "Parzen log-likelihood in nats"


def learn(trial: Trial) -> np.ndarray:
    settings = dict(trial.settings)
    family = FAMILIES[settings.pop("family")]
    model = family(max_epochs=trial.epochs(settings.pop("epochs")), **settings)
    return drawn(trial.fit(model, trial.train.x), trial)


def drawn(model: Any, trial: Trial) -> np.ndarray:
    """As many samples as the measure asks for, in the units of the pixels."""
    return model.sample(_count(trial), random_state=trial.seed)


def _count(trial: Trial) -> int:
    return max(20, min(len(trial.train), round(COUNT * trial.pace.rows)))


def real_rows(trial: Trial) -> np.ndarray:
    """Control: training images themselves."""
    order = np.random.default_rng(trial.seed).permutation(len(trial.train))
    return trial.train.x[order[: _count(trial)]]


def centres(trial: Trial) -> np.ndarray:
    """Control: k-means centres of the training images."""
    k_means = MiniBatchKMeans(
        _count(trial), batch_size=4096, n_init=1, max_iter=5, random_state=trial.seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = k_means.fit(sets.flat(trial.train)).cluster_centers_
    return found.reshape(-1, *trial.train.x.shape[1:]) * 255


def measure(samples: np.ndarray, trial: Trial) -> Figures:
    """The width of the kernels is chosen on training rows."""
    own = samples.reshape(len(samples), -1).astype(np.float32) / 255
    choosing = trial.train[: len(trial.judged)][::5]
    nats, width = parzen(own, sets.flat(choosing), sets.flat(trial.judged))
    count = min(COMPARED, len(samples), len(trial.judged))
    columns = Columns.learn(diabolo.open_dataset(trial.train.x), "auto")
    features = Features.random(columns)
    like = np.clip(samples[:count], 0, 255).reshape(count, *trial.train.x.shape[1:])
    alike = neighbourhoods(features(trial.judged.x[:count]), features(like))
    return {
        MEASURE: nats,
        "width of kernels": width,
        "coverage": alike.coverage,
        "recall": alike.recall,
    }


CONTROLS: tuple[tuple[str, str, Callable[[Trial], np.ndarray]], ...] = (
    ("real rows", "control: 10,000 training images (Theis et al. 2016: 243)", real_rows),
    ("k-means", "control: 10,000 centres of the training images (Theis et al. 2016: 313)", centres),
)
COMMON: dict[str, Any] = {
    "data": MNIST_50,
    "metric": "mean log-density of test images under Gaussian kernels around 10,000 samples",
    "optimiser": "Adam, rising over 3 % of the steps, then falling to 0",
    "gates": (gates.PCA_30,),
    "minutes": 15,
}


def _arms(ours: Arm) -> tuple[Arm, ...]:
    return (ours, *(Arm(name, about, make, measure) for name, about, make in CONTROLS))


GOODFELLOW_2014 = Record(
    id="goodfellow2014",
    paper="Goodfellow et al. 2014, Generative adversarial nets",
    year=2014,
    row="table 1, MNIST",
    network="12-1200-1200-784 against 784-1200-1200-1 (theirs: maxout of 240)",
    epochs="26",
    arms=_arms(
        Arm(
            "ours",
            "relativistic game with R1 and R2",
            learn,
            measure,
            settings={
                "family": "game",
                "n_components": 12,
                "hidden_layer_sizes": (1200, 1200),
                "network": "dense",
                "lr": 2e-3,
                "batch_size": 100,
                "epochs": 26,
                "precision": "auto",
            },
            choices=(
                {"n_components": 64, "lr": 5e-3, "batch_size": 128, "epochs": 8},
                {"n_components": 64, "lr": 5e-4, "batch_size": 128, "epochs": 5},
                {"n_components": 64, "lr": 2e-4, "batch_size": 128, "epochs": 5, "penalty": 1.0},
                {"n_components": 64, "epochs": 10},
                {"n_components": 64, "lr": 1e-3, "epochs": 10},
                {"n_components": 64, "lr": 5e-4, "epochs": 10, "averaging": 0.999},
                {"n_components": 64, "epochs": 6},
                {"epochs": 6},
            ),
        )
    ),
    published=(
        Published(
            MEASURE, 225, matched=225, beaten=None, provenance="S", source="table 1", higher=True
        ),
    ),
    **COMMON,
)

MAKHZANI_2015 = Record(
    id="makhzani2015",
    paper="Makhzani et al. 2015, Adversarial autoencoders",
    year=2015,
    row="table of likelihoods, MNIST, 10,000 samples",
    network="784-1000-1000-8 and its mirror image",
    epochs="20",
    arms=_arms(
        Arm(
            "ours",
            "codes of 8 units, N(0, I)",
            learn,
            measure,
            settings={
                "family": "codes",
                "n_components": 8,
                "hidden_layer_sizes": (1000, 1000),
                "critic_weight": 1.0,
                "epochs": 20,
                "precision": "auto",
            },
            choices=(
                {"epochs": 8},
                {"epochs": 8, "critic_weight": 0.3},
                {"epochs": 8, "critic_weight": 3.0},
                {"epochs": 8, "critic_weight": 0.3, "activation": "silu"},
                {"epochs": 8, "weight_decay": 0.3},
                {"epochs": 25},
            ),
        )
    ),
    published=(
        Published(
            MEASURE,
            340,
            matched=340,
            beaten=None,
            provenance="M",
            source="table 1, quoted from memory",
            interval=2,
            higher=True,
        ),
    ),
    **COMMON,
)

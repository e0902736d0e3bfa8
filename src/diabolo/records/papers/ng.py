"""Ng 2011 and its exercises: sparse features of digits, learned without labels, and a stack."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import diabolo
from diabolo.records import gates, sets
from diabolo.records.measured import error_rate, softmax_regression
from diabolo.records.record import Arm, Data, Figures, Order, Published, Record, Rows, Split, Within
from diabolo.records.sets import MNIST
from diabolo.records.trial import Trial

FIRST_WITHOUT_LABEL = 5  # digits from there on are seen without their labels
TARGET = 0.1


def self_taught() -> Split:
    """Digits 5 to 9, then half of 0 to 4 to learn from; the other half of 0 to 4 is the test."""
    without, labelled = _parts(sets.mnist().train)
    half = len(labelled) // 2
    first = labelled[:half]
    x, y = zip((without.x, without.labels), (first.x, first.labels), strict=True)
    return Split(Rows(np.concatenate(x), np.concatenate(y)), labelled[half:])


class Taught(NamedTuple):
    """Features of rows and what reads digits off them."""

    model: Any
    reader: Any


def _parts(rows: Rows) -> tuple[Rows, Rows]:
    """Rows without labels, rows with."""
    return rows[rows.labels >= FIRST_WITHOUT_LABEL], rows[rows.labels < FIRST_WITHOUT_LABEL]


def learn(trial: Trial) -> Taught:
    settings = dict(trial.settings)
    strength = settings.pop("softmax")
    model = diabolo.SparseAutoencoder(
        n_components=200,
        hidden_layer_sizes=(),
        target_activation=TARGET,
        max_epochs=trial.epochs(settings.pop("epochs")),
        early_stopping=False,
        **settings,
    )
    without, labelled = _parts(trial.train)
    model = trial.fit(model, without.x)
    return Taught(model, softmax_regression(model.transform(labelled.x), labelled.labels, strength))


def measure(taught: Taught, trial: Trial) -> Figures:
    without, _ = _parts(trial.train)
    judged = trial.judged
    predicted = taught.reader.predict(taught.model.transform(judged.x))
    return {
        "accuracy in %": 100 - error_rate(predicted, judged.labels),
        "mean activation": float(taught.model.transform(without.x).mean(dtype=np.float64)),
    }


def learn_pixels(trial: Trial) -> Any:
    _, labelled = _parts(trial.train)
    return softmax_regression(sets.flat(labelled), labelled.labels, trial.settings["softmax"])


def measure_pixels(reader: Any, trial: Trial) -> Figures:
    predicted = reader.predict(sets.flat(trial.judged))
    return {"accuracy in %": 100 - error_rate(predicted, trial.judged.labels)}


RECIPE = {
    "likelihood": "bernoulli",
    "l2": 1e-2,
    "lr": 2e-2,
    "epochs": 40,
    "softmax": 0.1,
    "shift": 1,
}

SELF_TAUGHT = Record(
    id="ng2011",
    paper="Ng 2011, Sparse autoencoder (CS294A; the figure is that of UFLDL's exercise)",
    year=2011,
    row="self-taught learning",
    data=Data(
        "MNIST",
        MNIST.sha256,
        "29,404 digits 5–9 without labels; 15,298 digits 0–4 with labels / 15,298 digits 0–4; "
        "settings are chosen on the last 3,824 labelled training rows",
        "pixels / 255",
        self_taught,
        held_out=3_824,
    ),
    metric="accuracy of a softmax regression on the features, in %",
    network="784-200, sigmoid, KL(ρ ‖ ρ̂) with ρ = 0.1",
    optimiser="AdamW (theirs: L-BFGS, 400 iterations)",
    epochs="40; half of the images without labels moved by up to one pixel at every step",
    gates=(gates.PCA_30,),
    arms=(
        Arm(
            "ours",
            "β = 15",
            learn,
            measure,
            settings={**RECIPE, "sparsity_weight": 15.0},
            choices=(
                {"sparsity_weight": 3.0},
                {"sparsity_weight": 10.0},
                {"sparsity_weight": 30.0},
                {"softmax": 1.0},
                {"softmax": 0.03},
                {"softmax": 0.01},
                {"epochs": 15},
                {"l2": 3e-3},
                {"l2": 3e-2},
                {"likelihood": "gaussian", "lr": 5e-3},
                {"shift": 0},
            ),
        ),
        Arm("β = 0", "control: no sparsity", learn, measure, {**RECIPE, "sparsity_weight": 0.0}),
        Arm("pixels", "control: no features", learn_pixels, measure_pixels, {"softmax": 0.01}),
    ),
    published=(
        Published(
            "accuracy in %",
            98.3,
            matched=98.3,
            beaten=98.6,
            provenance="S",
            source="UFLDL, exercise on self-taught learning",
            higher=True,
        ),
    ),
    conditions=(
        Order("accuracy in %", ("β = 0", "ours")),
        Within("mean activation", 0.9 * TARGET, 1.1 * TARGET),
    ),
    minutes=5,
)


class Stacked(NamedTuple):
    features: Any
    reader: Any
    tuned: Any


def learn_stack(trial: Trial) -> Stacked:
    settings = dict(trial.settings)
    common: dict[str, Any] = {
        "n_components": 200,
        "hidden_layer_sizes": (200,),
        "activation": "sigmoid",
        "code_activation": "sigmoid",
        "target_activation": TARGET,
        "layer_epochs": trial.epochs(settings.pop("layer_epochs")),
        "max_epochs": trial.epochs(settings.pop("epochs")),
        "early_stopping": False,
    }
    strength = settings.pop("softmax")
    layers = settings.pop("layers")
    x, y = trial.train.x, trial.train.labels
    start = diabolo.StackedAutoencoder(layers="sparse", fine_tune=None, **common, **settings)
    start = trial.fit(start, x, name="layers")
    reader = softmax_regression(start.transform(x), y, strength)
    tuned = diabolo.StackedAutoencoder(layers=layers, fine_tune="labels", **common, **settings)
    return Stacked(start, reader, trial.fit(tuned, x, y, name="tuned"))


def measure_stack(stack: Stacked, trial: Trial) -> Figures:
    x, y = trial.judged.x, trial.judged.labels
    before = stack.reader.predict(stack.features.transform(x))
    return {
        "before, in %": 100 - error_rate(before, y),
        "accuracy in %": 100 - error_rate(stack.tuned.predict(x), y),
    }


STACK = {
    "layers": "sparse",
    "likelihood": "bernoulli",
    "sparsity_weight": 3.0,
    "lr": 5e-3,
    "layer_epochs": 15,
    "epochs": 40,
    "dropout": 0.1,
    "input_dropout": 0.1,
    "softmax": 1.0,
}

STACKED = Record(
    id="ng2011-stacked",
    paper="Ng 2011, Sparse autoencoder (the figures are those of UFLDL's exercise)",
    year=2011,
    row="stacked autoencoders for digit classification",
    data=MNIST,
    metric="accuracy on the test set, in %",
    network="784-200-200-10, sigmoid, both layers sparse",
    optimiser="AdamW (theirs: L-BFGS)",
    epochs="15 a layer, then 40 with labels",
    gates=(gates.PCA_30,),
    arms=(
        Arm(
            "ours",
            "two sparse layers, then all of it with labels",
            learn_stack,
            measure_stack,
            settings=STACK,
            choices=(
                {"dropout": 0.0, "input_dropout": 0.0},
                {"dropout": 0.2, "input_dropout": 0.2},
                {"lr": 2e-3},
                {"lr": 1e-2},
            ),
        ),
        Arm(
            "random start",
            "control: the same net from random weights, 55 epochs with labels",
            learn_stack,
            measure_stack,
            settings={**STACK, "layers": None, "epochs": 55},
        ),
    ),
    published=(
        Published(
            "accuracy in %",
            97.6,
            matched=97.6,
            beaten=98.2,
            provenance="S",
            source="UFLDL, exercise on stacked autoencoders",
            higher=True,
        ),
        Published(
            "before, in %",
            87.7,
            matched=87.7,
            beaten=87.7,
            provenance="S",
            source="the same, before fine-tuning",
            higher=True,
        ),
    ),
    minutes=8,
)

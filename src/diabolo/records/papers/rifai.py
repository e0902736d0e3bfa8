"""Rifai et al. 2011: whose features move least, and what that is worth to a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import diabolo
from diabolo.records import gates
from diabolo.records.measured import error_rate, jacobian_norm
from diabolo.records.record import Arm, Figures, Order, Published, Record
from diabolo.records.sets import MNIST_50
from diabolo.records.trial import Trial
from diabolo.uses.classify import EncoderClassifier

FAMILIES = {
    "contractive": diabolo.ContractiveAutoencoder,
    "denoising": diabolo.DenoisingAutoencoder,
}


class Learned(NamedTuple):
    features: Any
    classifier: Any


def learn(trial: Trial) -> Learned:
    settings = dict(trial.settings)
    tuning = settings.pop("tuning")
    features = FAMILIES[settings.pop("family")](
        n_components=1000,
        hidden_layer_sizes=(),
        tied=True,
        likelihood="bernoulli",
        early_stopping=False,
        max_epochs=trial.epochs(settings.pop("epochs")),
        **settings,
    )
    features = trial.fit(features, trial.train.x, name="features")
    classifier = EncoderClassifier(
        pretrained=features,
        control=False,
        batch_size=128,
        **{**tuning, "max_epochs": trial.epochs(tuning["max_epochs"])},
    )
    classifier = trial.fit(classifier, trial.train.x, trial.train.labels, name="classifier")
    return Learned(features, classifier)


def measure(learned: Learned, trial: Trial) -> Figures:
    """The Jacobian is that of the features, before labels were seen."""
    predicted = learned.classifier.predict(trial.judged.x)
    return {
        "error in %": error_rate(predicted, trial.judged.labels),
        "Jacobian norm": jacobian_norm(learned.features, trial.judged),
    }


TUNING = {"max_epochs": 30, "lr": 3e-3}


def _arm(
    name: str, about: str, choices: tuple[Mapping[str, Any], ...] = (), **settings: Any
) -> Arm:
    common = {
        "lr": 1e-2,
        "batch_size": 128,
        "epochs": 40,
        "shift": 1,
        "precision": "auto",
        "tuning": TUNING,
    }
    return Arm(name, about, learn, measure, {**common, **settings}, choices)


RIFAI_2011 = Record(
    id="rifai2011",
    paper="Rifai et al. 2011, Contractive auto-encoders",
    year=2011,
    row="tables 1 and 2, MNIST, one layer",
    data=MNIST_50,
    metric="wrong among 10,000 test images, in %; mean of ‖∂z/∂x‖_F over 1,000 of them",
    network="784-1000 sigmoid, tied; then 784-1000-10 with labels",
    optimiser="AdamW; half of the images moved by up to one pixel at every step",
    epochs="40, then 30 with labels",
    gates=(gates.PCA_30,),
    arms=(
        _arm(
            "ours",
            "contractive",
            family="contractive",
            contraction=0.3,
            choices=({"shift": 0, "tuning": {**TUNING, "lr": 1e-3}},),
        ),
        _arm(
            "denoising",
            "control: 30 % of the pixels masked",
            family="denoising",
            level=0.3,
            code_activation="sigmoid",
        ),
        _arm(
            "weight decay",
            "control: plain, with stronger weight decay",
            family="contractive",
            contraction=0.0,
            weight_decay=0.3,
        ),
        _arm("plain", "control", family="contractive", contraction=0.0),
    ),
    published=(
        Published(
            "error in %",
            1.14,
            matched=1.14,
            beaten=1.04,
            provenance="M",
            source="table 1; beaten: CAE+H with two layers",
            interval=0.2,
        ),
    ),
    conditions=(
        Order("error in %", ("ours", "denoising", "plain")),
        Order("Jacobian norm", ("ours", "denoising")),
        Order("Jacobian norm", ("ours", "weight decay")),
        Order("Jacobian norm", ("ours", "plain")),
    ),
    minutes=10,
)

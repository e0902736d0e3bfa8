"""Masci et al. 2011: a convolutional network that saw images without labels first."""

from __future__ import annotations

from typing import Any

import diabolo
from diabolo.records import gates, sets
from diabolo.records.measured import error_rate
from diabolo.records.record import Arm, Data, Figures, Order, Published, Record, Rows, Split
from diabolo.records.trial import Trial
from diabolo.uses.classify import EncoderClassifier

LABELLED = 10_000
NONE = -1


def few_labels() -> Split:
    """All training images, of which the last 10,000 keep their labels; −1 where there is none."""
    whole = sets.mnist()
    labels = whole.train.labels.copy()
    labels[:-LABELLED] = NONE
    return Split(Rows(whole.train.x, labels), whole.test)


def learn(trial: Trial) -> Any:
    """Features of all images, then everything with the labelled ones."""
    settings = dict(trial.settings)
    epochs, tuning = settings.pop("epochs"), settings.pop("tuning")
    common = {
        "control": False,
        "batch_size": 64,
        "lr": tuning["lr"],
        "corrupt": settings.pop("corrupt"),
    }
    known = trial.train.labels != NONE
    x, y = trial.train.x, trial.train.labels
    model = diabolo.DenoisingAutoencoder(
        network="convolutional",
        n_components=128,
        early_stopping=False,
        max_epochs=trial.epochs(max(1, epochs)),
        **settings,
    )
    rounds = trial.epochs(tuning["epochs"])
    if not epochs:
        classifier = EncoderClassifier(estimator=model, pretrain=False, max_epochs=rounds, **common)
    else:
        model = trial.fit(model, x, name="features")
        classifier = EncoderClassifier(pretrained=model, max_epochs=rounds, **common)
    return trial.fit(classifier, x[known], y[known], name="classifier")


def measure(classifier: Any, trial: Trial) -> Figures:
    predicted = classifier.predict(trial.judged.x)
    return {"error in %": error_rate(predicted, trial.judged.labels)}


RECIPE = {
    "channels": (32, 64, 128),
    "noise": "moves",
    "level": 0.1,
    "epochs": 3,
    "lr": 2e-3,
    "tuning": {"epochs": 30, "lr": 3e-3},
    "corrupt": True,  # labelled images come moved, too, in the control as well
}

MASCI_2011 = Record(
    id="masci2011",
    paper="Masci et al. 2011, Stacked convolutional auto-encoders",
    year=2011,
    row="MNIST, 10,000 labels",
    data=Data(
        "MNIST",
        sets.MNIST.sha256,
        "60,000 images, 10,000 of them with labels / 10,000; settings are chosen on the last "
        "2,000 labelled training rows",
        "pixels / 255",
        few_labels,
        held_out=2_000,
    ),
    metric="wrong among 10,000 test images, in %",
    network="convolutions with 32-64-128 maps, stride 2, 128 units, softmax",
    optimiser="AdamW",
    epochs="3 of all images, then 30 of the labelled ones",
    gates=(gates.PCA_30,),
    arms=(
        Arm(
            "ours",
            "first a denoising autoencoder of all images, which undoes small moves",
            learn,
            measure,
            settings=RECIPE,
            choices=(
                {"epochs": 6},
                {"noise": "masking", "level": 0.3},
                {"corrupt": False},
                {"tuning": {"epochs": 30, "lr": 1e-3}},
            ),
        ),
        Arm(
            "random start",
            "control: the same network from random weights, as long: 78 epochs with labels",
            learn,
            measure,
            # an image without label goes up and down: at least two with label, which go up alone
            settings={**RECIPE, "epochs": 0, "tuning": {"epochs": 78, "lr": 3e-3}},
        ),
    ),
    published=(
        Published(
            "error in %",
            1.88,
            matched=1.88,
            beaten=1.50,
            provenance="M",
            source="table of MNIST errors, quoted from memory",
            interval=0.26,
        ),
    ),
    conditions=(Order("error in %", ("ours", "random start"), by=0.2),),
    minutes=15,
)

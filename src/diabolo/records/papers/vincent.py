"""Vincent et al. 2010: denoising layers, one on top of the other, as a start for a classifier."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import diabolo
from diabolo.records import gates
from diabolo.records.measured import error_rate
from diabolo.records.record import Arm, Figures, Order, Published, Record
from diabolo.records.sets import MNIST_50
from diabolo.records.trial import Trial

SIZES = (784, 1000, 1000, 1000)
CLASSES = 10


def work_of_a_layer(index: int) -> int:
    """Multiplications a row and step of training layer `index` on what those below make of it.

    Five products with its matrix: up and down, both gradients of the weights, and the gradient of
    its units; one with each matrix below.
    """
    matrices = [a * b for a, b in pairwise(SIZES)]
    return 5 * matrices[index] + sum(matrices[:index])


def work_with_labels() -> int:
    """The same of the whole: up, the gradients of the weights, and of all units but the inputs."""
    matrices = [a * b for a, b in pairwise((*SIZES, CLASSES))]
    return 3 * sum(matrices) - matrices[0]


def equal_work(layer_epochs: int) -> int:
    """Epochs with labels that cost what that many epochs of each layer cost.

    >>> equal_work(15)
    33
    """
    layers = sum(work_of_a_layer(index) for index in range(len(SIZES) - 1))
    return -(-layer_epochs * layers // work_with_labels())  # in doubt more for the control


def learn(trial: Trial) -> Any:
    settings = dict(trial.settings)
    layer_epochs, epochs = settings.pop("layer_epochs"), settings.pop("epochs")
    if settings["layers"] is None:
        epochs += equal_work(layer_epochs)
    model = diabolo.StackedAutoencoder(
        n_components=SIZES[-1],
        hidden_layer_sizes=SIZES[1:-1],
        fine_tune="labels",
        code_activation=settings["activation"],
        layer_epochs=trial.epochs(layer_epochs),
        max_epochs=trial.epochs(epochs),
        early_stopping=False,
        **settings,
    )
    return trial.fit(model, trial.train.x, trial.train.labels)


def measure(model: Any, trial: Trial) -> Figures:
    return {"error in %": error_rate(model.predict(trial.judged.x), trial.judged.labels)}


RECIPE = {
    "layers": "denoising",
    "likelihood": "bernoulli",
    "level": 0.25,
    "activation": "sigmoid",
    "layer_lr": 3e-3,
    "lr": 3e-3,
    "batch_size": 128,
    "layer_epochs": 15,
    "epochs": 30,
    "shift": 1,
    "dropout": 0.1,
    "input_dropout": 0.0,
    "precision": "auto",
}
STILL = {"shift": 0, "epochs": 40, "dropout": 0.3, "input_dropout": 0.2}
SHORT = {"shift": 0, "epochs": 20, "dropout": 0.0, "lr": 1e-3}

VINCENT_2010 = Record(
    id="vincent2010",
    paper="Vincent et al. 2010, Stacked denoising autoencoders (net and time: Theano's tutorial)",
    year=2010,
    row="SdA, MNIST",
    data=MNIST_50,
    metric="wrong among 10,000 test images, in %; 95 % of repetitions lie within 0.22",
    network="784-1000-1000-1000-10",
    optimiser="AdamW; dropout while labels are learned, in the control as well",
    epochs="15 a layer, then 30 with labels (theirs: 15, then 36, in 1,029 min on one core)",
    gates=(gates.PCA_30,),
    arms=(
        Arm(
            "ours",
            "denoising layers, one after the other, then all of it with labels; half of the "
            "labelled images moved by up to one pixel at every step",
            learn,
            measure,
            settings=RECIPE,
            choices=(
                SHORT,
                {**SHORT, "lr": 3e-4, "dropout": 0.2, "input_dropout": 0.1},
                {**SHORT, "dropout": 0.3, "input_dropout": 0.2},
                STILL,
            ),
        ),
        Arm(
            "random start",
            "control: the same net from random weights, as many multiplications, images moved "
            "likewise",
            learn,
            measure,
            settings={**RECIPE, "layers": None},
        ),
    ),
    published=(
        Published(
            "error in %",
            1.30,
            matched=1.30,
            beaten=1.10,
            provenance="S",
            source="DeepLearningTutorials, SdA; the paper's own: 1.28 ± 0.22",
            interval=0.22,
        ),
    ),
    conditions=(Order("error in %", ("ours", "random start"), by=0.1),),
    minutes=15,
    gflop=2e-9
    * 50_000
    * (15 * sum(work_of_a_layer(index) for index in range(3)) + 30 * work_with_labels()),
)

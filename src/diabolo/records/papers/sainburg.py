"""Sainburg et al. 2021, Parametric UMAP: maps of two dimensions, judged by three figures."""

from __future__ import annotations

from typing import Any

from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

import diabolo
from diabolo.records import gates, sets
from diabolo.records.measured import squared_error
from diabolo.records.record import Arm, Figures, Published, Record
from diabolo.records.sets import MNIST_50
from diabolo.records.trial import Trial

TRUSTED = 10_000  # rows at most


def learn(trial: Trial) -> Any:
    settings = dict(trial.settings)
    family = {"plain": diabolo.Autoencoder, "t-SNE": diabolo.ParametricTSNE}[settings.pop("family")]
    model = family(
        n_components=2,
        hidden_layer_sizes=(1000, 500, 250),
        max_epochs=trial.epochs(settings.pop("epochs")),
        early_stopping=False,
        **settings,
    )
    return trial.fit(model, trial.train.x)


def measure(model: Any, trial: Trial) -> Figures:
    codes, judged = model.transform(trial.train.x), model.transform(trial.judged.x)
    neighbours = KNeighborsClassifier(5).fit(codes, trial.train.labels)
    known, new = (
        float(trustworthiness(sets.flat(rows[:TRUSTED]), z[:TRUSTED], n_neighbors=5))
        for rows, z in ((trial.train, codes), (trial.judged, judged))
    )
    return {
        "accuracy of 5 neighbours": neighbours.score(judged, trial.judged.labels),
        "squared error a pixel": squared_error(model, trial.judged) / codes_of(trial),
        "trustworthiness": known,
        "trustworthiness of test images": new,
    }


def codes_of(trial: Trial) -> int:
    """Pixels of an image."""
    return trial.train.x[0].size


RECIPE = {"family": "t-SNE", "activation": "silu", "lr": 2e-3, "batch_size": 256, "epochs": 16}
PLAIN = {"family": "plain", "activation": "silu", "lr": 2e-3, "batch_size": 128, "epochs": 30}
SOURCE = "tables of nearest neighbours, of reconstruction and of projections, AE"

SAINBURG_2021 = Record(
    id="sainburg2021",
    paper="Sainburg et al. 2021, Parametric UMAP embeddings",
    year=2021,
    row="MNIST, two dimensions",
    data=MNIST_50,
    metric="5 nearest training codes vote on the test images; squared error a pixel on [0, 1], "
    "test; trustworthiness with k = 5 of the first 10,000 training rows",
    network="784-1000-500-250-2 and its mirror image (theirs: convolutional)",
    optimiser="AdamW",
    epochs="16 of the encoder and 16 of the decoder, the control 30 of both (theirs: 50)",
    gates=(gates.PCA_2, gates.PCA_64),
    arms=(
        Arm(
            "ours",
            "t-SNE's map, learned by the encoder as a choice among anchors; a decoder from there",
            learn,
            measure,
            settings=RECIPE,
            choices=(
                {"epochs": 10},
                {"epochs": 10, "sharpness": 4.0},
                {"epochs": 10, "anchors": 2000},
            ),
        ),
        Arm(
            "plain",
            "control: reconstruction alone",
            learn,
            measure,
            settings=PLAIN,
            choices=({"epochs": 10}, {"epochs": 10, "activation": "relu"}),
        ),
    ),
    published=(
        Published(
            "accuracy of 5 neighbours",
            0.7926,
            matched=0.7926,
            beaten=0.9537,
            provenance="S",
            source=f"{SOURCE}; beaten: UMAP / AE",
            higher=True,
        ),
        Published(
            "squared error a pixel",
            0.0369,
            matched=0.0369,
            beaten=0.0360,
            provenance="S",
            source=f"{SOURCE}; beaten: UMAP / AE",
        ),
        Published(
            "trustworthiness",
            0.9663,
            matched=0.966,
            beaten=0.966,
            provenance="S",
            source=SOURCE,
            higher=True,
        ),
    ),
    minutes=15,
)

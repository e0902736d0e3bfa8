"""Xie et al. 2016: clusters of USPS digits on the codes of an autoencoder; no label is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans

import diabolo
from diabolo.measures.clusters import agreement
from diabolo.records import sets
from diabolo.records.record import Arm, Data, Figures, Gate, Order, Published, Record, Rows, Split
from diabolo.records.trial import Trial
from diabolo.uses.cluster import DeepClusterer

CHECKSUM = "8f8f99ae011eb5b5680e7685948ed3726080ed687300e3d61f0769c5345e63f3"
DIGITS = 10
SOURCE = "DEC-keras, results of ten runs"


def usps() -> Split:
    """All 9,298 digits: what is clustered is also what is judged."""
    path = sets.file_of("usps", "usps.npz", CHECKSUM)
    with np.load(path, allow_pickle=False) as stored:
        x = np.concatenate([stored["x_train"], stored["x_test"]]).reshape(-1, 16, 16)
        y = np.concatenate([stored["y_train"], stored["y_test"]]).astype(np.int64)
    return Split(Rows(x, y), Rows(x, y))


def on_pixels() -> float:
    """Accuracy of k-means on the pixels, in %."""
    rows = usps().train
    found = KMeans(DIGITS, n_init=5, random_state=0).fit_predict(rows.x.reshape(len(rows), -1))
    return 100 * agreement(rows.labels, found).accuracy


def figures(clusters: np.ndarray, trial: Trial) -> Figures:
    found = agreement(trial.train.labels, clusters)
    return {"accuracy in %": 100 * found.accuracy, "NMI in %": 100 * found.nmi}


def learn(trial: Trial) -> np.ndarray:
    return trial.fit(DeepClusterer(n_clusters=DIGITS, **trial.settings), trial.train.x).predict(
        trial.train.x
    )


def learn_with_net(trial: Trial) -> np.ndarray:
    """The paper's net."""
    settings = dict(trial.settings)
    net = diabolo.Autoencoder(
        n_components=10,
        hidden_layer_sizes=(500, 500, 2000),
        max_epochs=trial.epochs(settings.pop("epochs")),
        early_stopping=False,
        random_state=trial.seed,
        n_threads=trial.n_threads,
    )
    if "refine_epochs" in settings:
        settings["refine_epochs"] = trial.epochs(settings["refine_epochs"])
    model: Any = DeepClusterer(n_clusters=DIGITS, estimator=net, **settings)
    return trial.fit(model, trial.train.x).predict(trial.train.x)


def learn_pixels(trial: Trial) -> np.ndarray:
    k_means = KMeans(DIGITS, n_init=5, random_state=trial.seed)
    return k_means.fit_predict(trial.train.x.reshape(len(trial.train), -1))


XIE_2016 = Record(
    id="xie2016",
    paper="Xie et al. 2016, Unsupervised deep embedding for clustering analysis",
    year=2016,
    row="USPS, all 9,298 digits, ten runs",
    data=Data(
        "USPS",
        {"usps.npz": CHECKSUM},
        "training and test part together; labels are for judging alone, so nothing is chosen by "
        "them: settings are the defaults",
        "grey on [0, 1]",
        usps,
        held_out=2_007,
    ),
    metric="accuracy under the best matching of clusters and classes, and NMI, in %",
    network="ours: that of LayoutAutoencoder; controls: 256-500-500-2000-10",
    optimiser="AdamW",
    epochs="by the number of rows; controls 50",
    gates=(
        Gate(
            "k-means on the pixels of USPS, accuracy in %",
            67.0,
            0.5,
            "DEC-keras, README",
            on_pixels,
        ),
    ),
    arms=(
        Arm("ours", "codes led to a layout of neighbours, then k-means", learn, figures),
        Arm(
            "DEC",
            "control: the paper's net and method",
            learn_with_net,
            figures,
            settings={"method": "dec", "epochs": 50, "refine_epochs": 40},
        ),
        Arm(
            "autoencoder",
            "control: k-means on the codes of the paper's net",
            learn_with_net,
            figures,
            settings={"method": "kmeans", "epochs": 50},
        ),
        Arm("pixels", "control: k-means on the pixels", learn_pixels, figures),
    ),
    published=(
        Published(
            "accuracy in %",
            76.4,
            matched=76.4,
            beaten=95.8,
            provenance="S",
            source=f"{SOURCE}; beaten: N2D, from memory",
            higher=True,
        ),
        Published(
            "NMI in %",
            78.7,
            matched=78.7,
            beaten=90.1,
            provenance="S",
            source=f"{SOURCE}; beaten: N2D, from memory",
            higher=True,
        ),
        Published(
            "accuracy in %",
            76.4,
            matched=76.4,
            beaten=76.4,
            provenance="S",
            source=SOURCE,
            arm="DEC",
            higher=True,
        ),
    ),
    conditions=(Order("accuracy in %", ("pixels", "ours")),),
    seeds=10,
    minutes=2,
)

"""Anomaly detection: one class is known, and everything else should stand out."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from diabolo.estimators.rowwise import apply
from diabolo.families.denoising import DenoisingAutoencoder
from diabolo.report.figures import histogram
from diabolo.report.page import Beside, Block, Code, Plot, Section, Strips
from diabolo.report.sheets import signed
from diabolo.report.studio import Studio
from diabolo.uses.detect.detector import AnomalyDetector
from diabolo.uses.detect.scores import of_cells

SHOWN = 10
LEARNED = 2000  # images of the known class
LOOKED_AT = 2000  # test images


def chapter(studio: Studio) -> Section:
    known, name = _known(studio)
    detector = AnomalyDetector(
        estimator=DenoisingAutoencoder(
            n_components=studio.budget.code, max_epochs=20, random_state=studio.seed
        ),
        contamination=0.05,
        relative=False,
        random_state=studio.seed,
        baseline=False,
    ).fit(known)
    return Section(
        id="detecting",
        title="Anomaly detection",
        formula="score(x) = Σ_j −log p(x_j | z(x)),  flagged where it is above the threshold",
        text=(
            f"A model that has seen nothing but {name} can rebuild nothing else. How badly it "
            "rebuilds an image says how strange the image is, and where. No anomaly was needed "
            "to learn that. For tables, many small networks predict each cell from the others, "
            "since a network that can copy a row also copies a wrong one."
        ),
        paper="Hinton & Salakhutdinov 2006 for the idea of a bottleneck; for tables Du, Melis & "
        "Wang 2024, “ReMasker”, and Liu et al. 2008, “Isolation forest”, as the baseline.",
        blocks=[*_blocks(studio, detector, name), Code([" ".join(repr(detector).split())])],
    )


def _known(studio: Studio) -> tuple[np.ndarray, str]:
    """Training images that count as usual, and what they are called."""
    data = studio.material
    if data.train_labels is None:
        return data.train[:LEARNED], "the training images"
    return data.train[data.train_labels == 0][:LEARNED], f"images of class {data.classes[0]}"


def _blocks(studio: Studio, detector: AnomalyDetector, name: str) -> list[Block]:
    data = studio.material
    images = data.test[:LOOKED_AT]
    strange = -detector.score_samples(images)
    if data.test_labels is None:
        order = np.argsort(-strange)[:SHOWN]
        return [_strips(studio, detector, images[order], "strangest")]
    is_known = data.test_labels[:LOOKED_AT] == 0
    usual = np.flatnonzero(is_known)[np.argsort(strange[is_known])]
    odd = _one_of_each(data.test_labels[:LOOKED_AT], strange)
    auroc = roc_auc_score(~is_known, strange)
    drawing = histogram(
        {"known": strange[is_known], "others": strange[~is_known]},
        title="How strange test images are",
        x_label="nats",
        y_label="share",
        marks={"threshold": detector.threshold_},
    )
    flagged = (strange > detector.threshold_)[~is_known].mean()
    caption = (
        f"Scores of {len(images):,} test images. Of two images, one of {name} and one of "
        f"another class, the other is the stranger in {auroc:.1%} of all pairs; {flagged:.0%} of "
        "the others are above the threshold, which was set by 5 % of the known ones alone."
    )
    return [
        _strips(studio, detector, images[odd], "others"),
        Beside(
            [
                Plot(drawing, caption, "How strange test images are"),
                _strips(studio, detector, images[usual[-SHOWN // 2 :][::-1]], "strangest known"),
            ]
        ),
    ]


def _one_of_each(labels: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """The image in the middle of every other class, by its score; at most ten."""
    chosen = []
    for label in np.unique(labels[labels != 0])[:SHOWN]:
        own = np.flatnonzero(labels == label)
        chosen.append(own[np.argsort(strange[own])[len(own) // 2]])
    return np.array(chosen)


def _strips(studio: Studio, detector: AnomalyDetector, images: np.ndarray, name: str) -> Strips:
    data, model = studio.material, detector.estimator_
    rebuilt = data.unit(model.reconstruct(images))
    x = model.columns_.scaled(torch.from_numpy(np.ascontiguousarray(images)))
    score = detector._score()
    assert score is not None  # an autoencoder's cells can be judged
    excess = apply(lambda rows, _: of_cells(score, rows), x).numpy()
    excess = (excess - detector.usual_.cells.numpy()).clip(0).reshape(images.shape)
    return Strips(
        [
            (name, studio.strip(data.unit(images), "Images that were looked at")),
            ("expected", studio.strip(rebuilt, "What the model makes of them")),
            ("strange", signed(excess, "Where they are strange", len(images))),
        ],
        "Images, what the model expected instead, and the pixels that cost more nats than usual.",
    )

"""All families on one budget, with PCA as the baseline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from diabolo.doctor.findings import Finding
from diabolo.report.numerals import number, per_cent
from diabolo.report.page import Lines, Section, Strips, Table
from diabolo.report.recipes import SIDE_BY_SIDE
from diabolo.report.studio import Studio


class Row(NamedTuple):
    name: str
    error: float
    probe: float
    seconds: float
    weights: int


def chapter(studio: Studio) -> Section:
    sizes = studio.budget
    rows = [_pca(studio), *(_family(studio, name) for name in SIDE_BY_SIDE)]
    return Section(
        id="side-by-side",
        title="Side by side",
        formula="x → z → x̂",
        text=(
            f"An autoencoder squeezes an image x of {studio.material.features} pixels into a code "
            f"z and rebuilds it. Here every family gets the same budget: a code of {sizes.code} "
            f"numbers, the same {len(studio.material.train):,} training images, "
            f"{sizes.epochs} epochs. PCA is the best that a linear code of this size can do. "
            "The families differ in what they ask of the code besides: to repair noise, to be "
            "sparse, not to move, to fill a known distribution. That costs some error, and the "
            "following chapters show what it buys."
        ),
        paper="Hinton & Salakhutdinov 2006, “Reducing the dimensionality of data with neural "
        "networks”, Science 313. Baldi & Hornik 1989 for PCA as the linear case.",
        blocks=[_strips(studio), _table(rows), _diagnoses(studio)],
    )


def _diagnoses(studio: Studio) -> Lines:
    """One line a model: what is wrong with it, or else how it stands beside PCA."""
    lines = [f"{name}: {_gist(studio[name].diagnosis_)}" for name in SIDE_BY_SIDE]
    return Lines("What the doctor says", lines)


def _gist(findings: Sequence[Finding]) -> str:
    wrong = [str(one) for one in findings if one.is_warning]
    return "; ".join(wrong) or f"nothing wrong; {findings[0]}"


def _strips(studio: Studio) -> Strips:
    images = studio.shown
    rows = [
        ("input", studio.strip(studio.material.unit(images), "Test images")),
        ("PCA", studio.strip(studio.rebuilt_by_pca(images), "The same, rebuilt by PCA")),
    ]
    for name in SIDE_BY_SIDE:
        picture = studio.strip(studio.rebuilt(name, images), f"The same, rebuilt by: {name}")
        rows.append((name, picture))
    return Strips(
        rows, "Test images, which no model was trained on, and what is rebuilt from their codes."
    )


def _pca(studio: Studio) -> Row:
    start = time.perf_counter()
    pca = studio.pca
    seconds = time.perf_counter() - start
    test = studio.material.test
    error = studio.error(studio.rebuilt_by_pca(test), test)
    probe = studio.probe(lambda images: pca.transform(studio.material.flat(images)))
    return Row("PCA", error, probe, seconds, pca.components_.size + pca.mean_.size)


def _family(studio: Studio, name: str) -> Row:
    estimator, seconds, _ = studio.fitted[name]
    weights = sum(p.numel() for p in estimator.module_.parameters())
    return Row(name, studio.test_error(name), studio.probe(estimator.transform), seconds, weights)


def _table(rows: list[Row]) -> Table:
    errors = np.array([row.error for row in rows])
    probes = np.array([row.probe for row in rows])
    heads = ["", "squared error per image", "of PCA’s", "linear probe", "weights", "time"]
    cells = [
        (
            row.name,
            f"{row.error:.2f}",
            f"{100 * row.error / rows[0].error:.0f} %",
            per_cent(row.probe),
            number(row.weights) if row.weights < 1e6 else f"{row.weights / 1e6:.1f} M",
            f"{row.seconds:.1f} s",
        )
        for row in rows
    ]
    best = {1: int(errors.argmin())}
    if np.isfinite(probes).all():
        best[3] = int(probes.argmax())
    return Table(
        heads,
        cells,
        "PCA is the baseline; best values in bold. Squared error: of test images, grey values "
        "from 0 to 1, summed over the pixels of an image, mean over images; lower is better. "
        "Linear probe: how often logistic regression reads the class of a test image from its "
        "code. The stacked one has half of the epochs for each of its layers, and half for all "
        "together. Time: of training, with choosing threads.",
        bars={1: (errors / errors.max()).tolist()},
        best=best,
    )

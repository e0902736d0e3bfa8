"""The sparse autoencoder: few units active at a time."""

from __future__ import annotations

import math

import numpy as np

from diabolo.doctor.units import use_of_bounded
from diabolo.report.chapters.closing import closing
from diabolo.report.features import drawn_by_weights
from diabolo.report.figures import histogram
from diabolo.report.page import Beside, Block, Numbers, Plot, Section, Sheet, Strips
from diabolo.report.sheets import Picture, signed
from diabolo.report.studio import Studio

BEFORE, AFTER = "not sparse", "sparse features"


def chapter(studio: Studio) -> Section:
    target = studio[AFTER].target_activation
    units = studio.budget.features
    return Section(
        id="sparse",
        title="Sparse autoencoder",
        formula="minimise J + β Σⱼ KL(ρ ‖ ρ̂ⱼ),  ρ̂ⱼ = mean activation of unit j",
        text=(
            f"One layer of {units} units between 0 and 1. The penalty asks each of them to be "
            f"active for a share ρ = {target:g} of the images on average. Since few may speak "
            "at a time, each has to stand for something that occurs: a stroke, an arc, a gap. "
            "Beside it the same network without the penalty (β = 0)."
        ),
        paper="Ng 2011, “Sparse autoencoder” (CS294A lecture notes), sec. 3; Olshausen & Field "
        "1996.",
        blocks=[_filters(studio), _activations(studio), *_means(studio), *closing(studio, AFTER)],
    )


def _filters(studio: Studio) -> Beside:
    def filters(name: str, title: str, caption: str) -> Sheet:
        weights = studio.module(name).decoder.layers[-1].weight
        images = drawn_by_weights(weights, studio.material.shape)
        return Sheet(signed(images, f"Features of all units, {title}"), caption, title)

    return Beside(
        [
            filters(
                AFTER,
                "With sparsity",
                "What each unit draws: it adds what is orange, takes away what is blue.",
            ),
            filters(BEFORE, "Without", "The same network with β = 0."),
        ]
    )


def _activations(studio: Studio) -> Strips:
    images = studio.shown
    side = math.isqrt(studio.budget.features)

    def tiles(name: str, alt: str) -> Picture:
        codes = studio[name].transform(images)
        return studio.strip(codes.reshape(len(images), side, side), alt)

    return Strips(
        [
            ("input", studio.strip(studio.material.unit(images), "Test images")),
            ("before sparsity", tiles(BEFORE, "Activations without the penalty")),
            ("after sparsity", tiles(AFTER, "Activations with the penalty")),
        ],
        f"Activations of all {side * side} units for each image: one small square a unit, "
        "from 0 (background) to 1.",
    )


def _means(studio: Studio) -> list[Block]:
    target = studio[AFTER].target_activation
    codes = {name: studio[name].transform(studio.material.test) for name in (AFTER, BEFORE)}
    series = {"with sparsity": codes[AFTER].mean(0), "without": codes[BEFORE].mean(0)}
    plot = Plot(
        histogram(
            series,
            title="Mean activations of the units",
            x_label="mean activation ρ̂ over the test images",
            y_label="units",
            within=(0, 1),
            marks={f"target ρ = {target:g}": target},
        ),
        "Mean activation of every unit over the test images.",
        "Mean activations",
    )
    return [Beside([plot, _counts(studio, codes)])]


def _counts(studio: Studio, codes: dict[str, np.ndarray]) -> Numbers:
    sparse, dense = use_of_bounded(codes[AFTER]), use_of_bounded(codes[BEFORE])
    return Numbers(
        [
            (
                f"{codes[AFTER].mean():.3f}",
                f"{codes[BEFORE].mean():.3f} without",
                "mean activation",
            ),
            (f"{sparse.dead}", f"{dense.dead} without", f"dead units of {sparse.units}"),
            (f"{sparse.always_on}", f"{dense.always_on} without", "units that are always on"),
            (
                f"{studio.test_error(AFTER):.2f}",
                f"{studio.test_error(BEFORE):.2f} without",
                "squared error per image",
            ),
        ]
    )

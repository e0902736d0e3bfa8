"""The chapters of a gallery, in the order of the page: each turns trained models into a section."""

from __future__ import annotations

from collections.abc import Callable

from diabolo.report.chapters import (
    classifying,
    clustering,
    compressing,
    contractive,
    convolutional,
    deep,
    denoising,
    detecting,
    generating,
    imputing,
    manifold,
    manipulation,
    reduction,
    side_by_side,
    sparse,
    stacked,
    undercomplete,
    variational,
)
from diabolo.report.page import Section
from diabolo.report.studio import Studio

CHAPTERS: tuple[Callable[[Studio], Section], ...] = (
    side_by_side.chapter,
    undercomplete.chapter,
    deep.chapter,
    reduction.chapter,
    stacked.chapter,
    denoising.chapter,
    sparse.chapter,
    contractive.chapter,
    convolutional.chapter,
    variational.chapter,
    generating.chapter,
    manipulation.chapter,
    classifying.chapter,
    imputing.chapter,
    manifold.chapter,
    compressing.chapter,
    clustering.chapter,
    detecting.chapter,
)

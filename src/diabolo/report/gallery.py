"""The gallery: every family trained on one set of images, on one page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from diabolo import __version__
from diabolo.files import check_writable, write_atomically
from diabolo.report.chapters import CHAPTERS
from diabolo.report.material import Material, at_hand, gather
from diabolo.report.page import Page, render
from diabolo.report.recipes import QUICK_ROWS, Budget, budget
from diabolo.report.studio import Progress, Studio


def write_gallery(
    data: Any = None,
    path: str | os.PathLike = "gallery/index.html",
    *,
    quick: bool | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Train every family on images and write one HTML file about it; returns where it is.

    data : a named set ("digits", "mnist", "fashion-mnist"), a path, an array N×H×W(×3) or a data
        set. None: MNIST if its files are on this machine, else the digits; nothing is downloaded.
    quick : a part of the rows and few epochs, under three minutes on two cores for MNIST; None:
        only where `data` is not named.
    seed : same number, threads and machine: the same page, but for the times.
    progress : called with (fits done, of how many, what comes next).
    """
    quick = data is None if quick is None else quick
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    studio = _studio(at_hand() if data is None else data, quick, seed)
    studio.train(progress)
    write_atomically(path, [render(page(studio)).encode()])
    return path


def _studio(data: Any, quick: bool, seed: int) -> Studio:
    material = gather(data, QUICK_ROWS if quick else None, seed)
    return Studio(material, budget(material.features, quick), seed)


def page(studio: Studio) -> Page:
    """All chapters about trained models."""
    data, sizes = studio.material, studio.budget
    return Page(
        title="The autoencoder gallery",
        subtitle=f"Every kind of autoencoder, trained on {data.name} and shown on images "
        "that none of them has seen.",
        facts=_facts(data, sizes, studio),
        sections=[chapter(studio) for chapter in CHAPTERS],
    )


def _facts(data: Material, sizes: Budget, studio: Studio) -> list[tuple[str, str]]:
    seconds = sum(fitted.seconds for fitted in studio.fitted.values())
    return [
        ("images", " × ".join(map(str, data.shape)) + " pixels"),
        ("to train on", f"{len(data.train):,}"),
        ("to show and measure", f"{len(data.test):,}"),
        ("epochs", f"at most {sizes.epochs}"),
        ("models", f"{len(studio.fitted)} in {seconds:.0f} s"),
        ("seed", f"{studio.seed}"),
        ("diabolo", __version__),
    ]

"""The plain autoencoder, with a code smaller than the input and one as wide."""

from __future__ import annotations

import numpy as np

from diabolo.report.chapters.closing import closing
from diabolo.report.page import Lines, Numbers, Section, Strips
from diabolo.report.studio import Studio


def chapter(studio: Studio) -> Section:
    size, features = studio.budget.code, studio.material.features
    shuffled = _shuffled(studio)
    return Section(
        id="autoencoder",
        title="Autoencoder: undercomplete and overcomplete",
        formula="minimise J = −log p(x | z),  z = encode(x)",
        text=(
            f"The undercomplete code has {size} units for {features} pixels: the network has to "
            f"find out what images of this kind have in common. The overcomplete one has "
            f"{features} units, as many as there are pixels, and nothing keeps it from passing "
            "the pixels through. Images with shuffled pixels tell them apart: they have the same "
            "greys and no structure. Whoever has learned the kind of image must fail on them, "
            "whoever copies does not."
        ),
        paper="Goodfellow, Bengio & Courville 2016, “Deep learning”, sec. 14.1 and 14.2; "
        "Baldi & Hornik 1989.",
        blocks=[
            _strips(studio, shuffled),
            _numbers(studio, shuffled),
            Lines("The warning that the overcomplete one gave", _warning(studio), warns=True),
            *closing(studio, "plain", "overcomplete"),
        ],
    )


def _shuffled(studio: Studio) -> np.ndarray:
    """Test images with the pixels of each in an order of their own."""
    test = studio.material.test[:1000]
    flat = test.reshape(len(test), -1, *test.shape[3:])
    return np.random.default_rng(studio.seed).permuted(flat, axis=1).reshape(test.shape)


def _strips(studio: Studio, shuffled: np.ndarray) -> Strips:
    images = np.concatenate([studio.shown[:6], shuffled[: 10 - len(studio.shown[:6])]])
    return Strips(
        [
            ("input", studio.strip(studio.material.unit(images), "Images, then shuffled ones")),
            ("undercomplete", studio.strip(studio.rebuilt("plain", images), "Rebuilt from few")),
            ("overcomplete", studio.strip(studio.rebuilt("overcomplete", images), "Rebuilt")),
        ],
        "Test images, and on the right test images with shuffled pixels.",
    )


def _numbers(studio: Studio, shuffled: np.ndarray) -> Numbers:
    def error(name: str, images: np.ndarray) -> str:
        return f"{studio.error(studio.rebuilt(name, images), images):.2f}"

    test = studio.material.test
    what = "squared error per image"
    return Numbers(
        [
            (error("plain", test), what, "undercomplete, test images"),
            (error("overcomplete", test), what, "overcomplete, test images"),
            (error("plain", shuffled), what, "undercomplete, shuffled pixels"),
            (error("overcomplete", shuffled), what, "overcomplete, shuffled pixels"),
        ]
    )


def _warning(studio: Studio) -> list[str]:
    return list(studio.fitted["overcomplete"].warnings) or ["none"]

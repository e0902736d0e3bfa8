"""The plain autoencoder, with a code smaller than the input and one as wide."""

from __future__ import annotations

import numpy as np

from diabolo.report.chapters.closing import closing
from diabolo.report.page import Lines, Numbers, Section, Strips
from diabolo.report.studio import Studio


def chapter(studio: Studio) -> Section:
    size, features = studio.budget.code, studio.material.features
    turned = _turned(studio)
    return Section(
        id="autoencoder",
        title="Autoencoder: undercomplete and overcomplete",
        formula="minimise J = −log p(x | z),  z = encode(x)",
        text=(
            f"The undercomplete code has {size} units for {features} pixels: the network has to "
            f"find out what images of this kind have in common. The overcomplete one has "
            f"{features} units, as many as there are pixels, and nothing keeps it from passing "
            "the pixels through. Images lying on their side tell the two apart: no such image was "
            "ever trained on. A network that has learned this kind of image draws one of its kind "
            "instead; a network that copies rebuilds whatever it is given."
        ),
        paper="Goodfellow, Bengio & Courville 2016, “Deep learning”, sec. 14.1 and 14.2; "
        "Baldi & Hornik 1989.",
        blocks=[
            _strips(studio, turned),
            _numbers(studio, turned),
            Lines("The warning that the overcomplete one gave", _warning(studio), warns=True),
            *closing(studio, "plain", "overcomplete"),
        ],
    )


def _turned(studio: Studio) -> np.ndarray:
    """Test images turned by a quarter; upside down where they are not square."""
    test = studio.material.test[:1000]
    square = test.shape[1] == test.shape[2]
    return np.ascontiguousarray(np.rot90(test, 1 if square else 2, axes=(1, 2)))


def _strips(studio: Studio, turned: np.ndarray) -> Strips:
    images = np.concatenate([studio.shown[:6], turned[: 10 - len(studio.shown[:6])]])
    given = studio.material.unit(images)
    return Strips(
        [
            ("input", studio.strip(given, "Test images, then some on their side")),
            ("undercomplete", studio.strip(studio.rebuilt("plain", images), "Rebuilt from few")),
            ("overcomplete", studio.strip(studio.rebuilt("overcomplete", images), "Rebuilt")),
        ],
        "Test images, and on the right test images turned by a quarter.",
    )


def _numbers(studio: Studio, turned: np.ndarray) -> Numbers:
    def error(name: str, images: np.ndarray) -> str:
        return f"{studio.error(studio.rebuilt(name, images), images):.2f}"

    test = studio.material.test
    what = "squared error per image"
    return Numbers(
        [
            (error("plain", test), what, "undercomplete, test images"),
            (error("overcomplete", test), what, "overcomplete, test images"),
            (error("plain", turned), what, "undercomplete, turned by a quarter"),
            (error("overcomplete", turned), what, "overcomplete, turned by a quarter"),
        ]
    )


def _warning(studio: Studio) -> list[str]:
    return list(studio.fitted["overcomplete"].warnings) or ["none"]

"""The deep autoencoder, and a map of the data in the plane."""

from __future__ import annotations

from diabolo.report.chapters.closing import closing
from diabolo.report.figures import scatter
from diabolo.report.page import Beside, Plot, Section, Strips
from diabolo.report.studio import Studio

MOST_POINTS = 2000


def chapter(studio: Studio) -> Section:
    levels = "-".join(map(str, (studio.material.features, *studio.budget.deep)))
    return Section(
        id="deep",
        title="Deep autoencoder",
        formula="z = f₄(f₃(f₂(f₁(x))))" if len(studio.budget.deep) == 3 else "z = f₃(f₂(f₁(x)))",
        text=(
            f"More levels ({levels} and the code, then back) bend the code space, where PCA can "
            "only turn it. With a code of two numbers the code itself is a map: every dot is a "
            "test image, coloured by its class, which the network never saw. Classes that PCA "
            "folds over each other come apart."
        ),
        paper="Hinton & Salakhutdinov 2006, fig. 3 and 4.",
        blocks=[_maps(studio), _strips(studio), *closing(studio, "plane", "deep")],
    )


def _maps(studio: Studio) -> Beside:
    data, pca = studio.material, studio.pca_of(2)
    images = data.test[:MOST_POINTS]
    labels = None if data.test_labels is None else data.test_labels[:MOST_POINTS]
    linear, curved = pca.transform(data.flat(images)), studio["plane"].transform(images)
    whole = data.test
    flat = pca.inverse_transform(pca.transform(data.flat(whole)))
    errors = studio.error(flat, whole), studio.test_error("plane")
    return Beside(
        [
            Plot(
                scatter(points, labels, data.classes, title=f"Codes of test images by {name}"),
                f"Rebuilding from these two numbers: squared error {error:.1f} per image.",
                name,
            )
            for name, points, error in (
                ("PCA", linear, errors[0]),
                ("Deep autoencoder", curved, errors[1]),
            )
        ]
    )


def _strips(studio: Studio) -> Strips:
    images, size = studio.shown, studio.budget.code
    return Strips(
        [
            ("input", studio.strip(studio.material.unit(images), "Test images")),
            ("2 numbers", studio.strip(studio.rebuilt("plane", images), "Rebuilt from 2")),
            (f"{size} numbers", studio.strip(studio.rebuilt("deep", images), f"From {size}")),
        ],
        "Test images and what the deep autoencoders make of them.",
    )

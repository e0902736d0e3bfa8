"""The stacked autoencoder: layer by layer, and what each stage gained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from diabolo.report.chapters.closing import closing
from diabolo.report.features import drawn_by_units, wanted_by_units
from diabolo.report.page import Beside, Lines, Section, Sheet, Table
from diabolo.report.sheets import signed
from diabolo.report.studio import Studio

SHOWN = 64  # features of a layer


def chapter(studio: Studio) -> Section:
    return Section(
        id="stacked",
        title="Stacked autoencoder",
        formula="layer i:  minimise −log p(hᵢ₋₁ | hᵢ),  then all layers together",
        text=(
            "Each layer is a small denoising autoencoder of its own, trained on the features of "
            "the finished layer below, which stays as it is. In the end all layers are fine-tuned "
            "as one. The first layer finds pieces of strokes; the second combines them, and its "
            "units answer to larger parts."
        ),
        paper="Bengio et al. 2007, “Greedy layer-wise training of deep networks”; Vincent et al. "
        "2010, “Stacked denoising autoencoders”; pictures of the second layer after Erhan et al. "
        "2009.",
        blocks=[_features(studio), _table(studio), _gains(studio), *closing(studio, "stack")],
    )


def _features(studio: Studio) -> Beside:
    module, data = studio["stack"].module_, studio.material
    first = drawn_by_units(module.decoder.layers[-1].weight, data.shape)
    second = wanted_by_units(module.encoder.part(0, 2), data.flat(data.train).astype(np.float32))
    lines = [
        (first, "First layer", "what each unit draws (its weights to the pixels)"),
        (
            second.reshape(-1, *data.shape),
            "Second layer",
            "the change of the mean image that excites each unit most",
        ),
    ]
    return Beside(
        [
            Sheet(
                signed(_strongest(images), f"{title}, features as images"),
                f"{min(SHOWN, len(images))} of {len(images)} units: {what}. "
                "Orange: brighter, blue: darker.",
                title,
            )
            for images, title, what in lines
        ]
    )


def _strongest(images: np.ndarray) -> np.ndarray:
    """The images of largest norm, in their own order: unused units have hardly any."""
    norms = np.square(images).reshape(len(images), -1).sum(1)
    return images[np.sort(np.argsort(-norms, kind="stable")[:SHOWN])]


def _table(studio: Studio) -> Table:
    stack, test = studio["stack"], studio.material.test
    sizes = stack.module_.encoder.sizes
    count = len(sizes) - 1
    readers: list[Callable[[np.ndarray], np.ndarray]] = [
        *(lambda images, i=i: stack.features(images, i) for i in range(1, count)),
        stack.transform,
    ]
    rows = []
    for i, read in enumerate(readers, 1):
        rebuilt = _through(studio, i)
        rows.append(
            (
                f"layer {i}" + (" (the code)" if i == count else ""),
                f"{sizes[i]}",
                f"{studio.error(rebuilt, test):.2f}",
                _per_cent(studio.probe(read)),
            )
        )
    return Table(
        ("", "units", "squared error per image", "linear probe"),
        rows,
        "Each layer after fine-tuning: test images rebuilt from its features by the way back "
        "from there, and how often a linear classifier reads the class from them.",
    )


def _through(studio: Studio, layer: int) -> np.ndarray:
    """Test images rebuilt from the features of a layer, past the layers above it."""
    stack, data = studio["stack"], studio.material
    module = stack.module_
    count = len(module.encoder.layers)
    if layer == count:
        return studio.rebuilt("stack", data.test)
    features = torch.from_numpy(stack.features(data.test, layer))
    with torch.inference_mode():
        out = module.likelihood.mean(module.decoder.part(count - layer, count)(features))
    return out.numpy()


def _gains(studio: Studio) -> Lines:
    return Lines("What each stage gained", studio["stack"].history_.notes)


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %" if np.isfinite(share) else "–"

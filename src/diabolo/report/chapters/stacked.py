"""The stacked autoencoder: layer by layer, and what each stage gained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from diabolo.report.chapters.closing import closing
from diabolo.report.features import drawn_by_layer
from diabolo.report.numerals import per_cent
from diabolo.report.page import Beside, Section, Sheet, Table
from diabolo.report.sheets import signed
from diabolo.report.studio import Studio

ALONE, WHOLE = "layers alone", "stacked"
SHOWN = 64  # features of a layer


def chapter(studio: Studio) -> Section:
    return Section(
        id="stacked",
        title="Stacked autoencoder",
        formula="layer i:  minimise −log p(hᵢ₋₁ | hᵢ),  then all layers together",
        text=(
            "Each layer is a small autoencoder of its own (here the first is sparse, the others "
            "denoising), trained on the features of the finished layer below, which stays as it "
            "is. In the end all layers are fine-tuned as one. Units of the first layer draw "
            "pieces of images; those of the second combine them to larger parts."
        ),
        paper="Bengio et al. 2007, “Greedy layer-wise training of deep networks”; Vincent et al. "
        "2010, “Stacked denoising autoencoders”; Hinton & Salakhutdinov 2006.",
        blocks=[_features(studio), _stages(studio), *closing(studio, WHOLE, ALONE)],
    )


def _features(studio: Studio) -> Beside:
    return Beside([_layer(studio, 1, "First layer"), _layer(studio, 2, "Second layer")])


def _layer(studio: Studio, layer: int, title: str) -> Sheet:
    data = studio.material
    features = _reader(studio, layer)(data.train)
    images = drawn_by_layer(studio.module(ALONE), layer, features, data.shape)
    return Sheet(
        signed(_strongest(images), f"{title}: features as images"),
        f"{min(SHOWN, len(images))} of {len(images)} units: how the image changes when the unit "
        "rises. Orange is added, blue is taken away.",
        title,
    )


def _strongest(images: np.ndarray) -> np.ndarray:
    """The images of largest norm, in their own order: unused units have hardly any."""
    norms = np.square(images).reshape(len(images), -1).sum(1)
    return images[np.sort(np.argsort(-norms, kind="stable")[:SHOWN])]


def _stages(studio: Studio) -> Table:
    sizes = studio.module(ALONE).encoder.sizes
    count = len(sizes) - 1
    rows = [
        _row(studio, f"layer {i}", sizes[i], _through(studio, i), _reader(studio, i))
        for i in range(1, count + 1)
    ]
    rebuilt = studio.rebuilt(WHOLE, studio.material.test)
    rows.append(_row(studio, "fine-tuned", sizes[-1], rebuilt, studio[WHOLE].transform))
    return Table(
        ("after training", "units", "squared error per image", "linear probe"),
        rows,
        "What each stage gained. Test images rebuilt from the features of the layer trained last, "
        "through the layers below it, and how often a linear classifier reads the class from "
        "these features. Greedy layers are finished before the next begins, so errors add up; "
        "fine-tuning lets them make up for each other.",
    )


def _row(
    studio: Studio,
    name: str,
    units: int,
    rebuilt: np.ndarray,
    read: Callable[[np.ndarray], np.ndarray],
) -> tuple[str, ...]:
    error = studio.error(rebuilt, studio.material.test)
    return name, f"{units}", f"{error:.2f}", per_cent(studio.probe(read))


def _reader(studio: Studio, layer: int) -> Callable[[np.ndarray], np.ndarray]:
    """images → features of that layer of the stack that was not fine-tuned."""
    stack = studio[ALONE]
    if layer == len(studio.module(ALONE).encoder.layers):
        return stack.transform
    return lambda images: stack.features(images, layer)


def _through(studio: Studio, layer: int) -> np.ndarray:
    """Test images rebuilt from the features of a layer, past the layers above it."""
    module = studio.module(ALONE)
    count = len(module.encoder.layers)
    features = torch.from_numpy(_reader(studio, layer)(studio.material.test))
    with torch.inference_mode():
        out = module.decoder.part(count - layer, count)(features)
        return module.likelihood.mean(out).numpy()

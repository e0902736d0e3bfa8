"""The denoising autoencoder: noise in, clean out."""

from __future__ import annotations

import numpy as np
import torch

from diabolo.estimators.seeds import Seeds
from diabolo.report.chapters.closing import closing
from diabolo.report.page import Section, Strips, Table
from diabolo.report.studio import Studio
from diabolo.uses.filters import (
    best_components,
    best_median,
    best_non_local_means,
    has_non_local_means,
    quality,
)

KINDS = {
    "masking": "Masking: pixels set to 0",
    "salt-and-pepper": "Salt-and-pepper: pixels set to 0 or 1",
    "gaussian": "Gaussian noise",
}
MEASURED = 200  # test images; non-local means take milliseconds each


def chapter(studio: Studio) -> Section:
    strips, rows = [], []
    for name, title in KINDS.items():
        strip, row = _kind(studio, name, title)
        strips.append(strip)
        rows.append(row)
    return Section(
        id="denoising",
        title="Denoising autoencoder",
        formula="minimise −log p(x | z(x̃)),  x̃ = x with noise",
        text=(
            "The encoder sees a corrupted image, the error is counted against the clean one. "
            "Copying no longer helps: what is missing has to be inferred from what is left. The "
            "noise is drawn anew at every step, so no image is seen twice in the same state. "
            "Beside it stand filters that learn nothing, and the best linear code."
        ),
        paper="Vincent et al. 2008, “Extracting and composing robust features with denoising "
        "autoencoders”; kinds of noise: Vincent et al. 2010, sec. 4.1.",
        blocks=[*strips, _table(rows), *closing(studio, *KINDS)],
    )


def _kind(studio: Studio, name: str, title: str) -> tuple[Strips, tuple[str, ...]]:
    data, estimator = studio.material, studio[name]
    test = data.test[:MEASURED]
    noisy, clean = spoiled(studio, name, test), data.unit(test)
    found = {"clean out": repaired(studio, name, noisy)} | _rivals(studio, noisy, clean)
    places = data.one_of_each()
    places = places[places < len(test)]
    what = f"{title}, level {estimator.level:g}"
    shown = {"clean": (clean, "Test images"), "noise in": (noisy, f"With noise: {name}")}
    shown |= {way: (images, f"What comes out: {way}") for way, images in found.items()}
    strips = Strips(
        [(way, studio.strip(images[places], alt)) for way, (images, alt) in shown.items()], what
    )
    return strips, (
        name,
        f"{estimator.level:g}",
        *(_worth(images, clean) for images in (noisy, *found.values())),
    )


def _rivals(studio: Studio, noisy: np.ndarray, clean: np.ndarray) -> dict[str, np.ndarray]:
    """What needs no training, and PCA, each with its best setting for these very images."""
    sigma = float(np.std(noisy - clean))
    found = [best_median(noisy, clean)]
    if has_non_local_means():
        found.append(best_non_local_means(noisy, clean, sigma))
    pca = studio.pca_of(2 * studio.budget.code)
    found.append(best_components(pca, noisy, clean))
    return {rival.name: rival.images for rival in found}


def _worth(images: np.ndarray, clean: np.ndarray) -> str:
    worth = quality(images, clean)
    return f"{worth.psnr:.1f} dB, {worth.ssim:.2f}"


def spoiled(studio: Studio, name: str, images: np.ndarray) -> np.ndarray:
    """Images with a model's own noise, on the scale 0 … 1."""
    flat = torch.from_numpy(studio.material.flat(images))
    generator = Seeds(studio.seed).generator(f"noise to be shown: {name}")
    noisy, _ = studio.module(name).corruption(flat, generator)
    return noisy.numpy().reshape(images.shape)


def repaired(studio: Studio, name: str, noisy: np.ndarray) -> np.ndarray:
    """What the model makes of images on the scale 0 … 1."""
    module = studio.module(name)
    with torch.inference_mode():
        rebuilt = module.reconstruct(torch.from_numpy(noisy.reshape(len(noisy), -1)))
    return rebuilt.numpy().reshape(noisy.shape)


def _table(rows: list[tuple[str, ...]]) -> Table:
    beside = ["median", *["non-local means"] * has_non_local_means(), "PCA"]
    return Table(
        ("", "level", "noise in", "clean out", *beside),
        rows,
        f"Peak signal-to-noise ratio and structural similarity, means of {MEASURED} test images; "
        "higher is better. The filters and PCA have the setting that comes closest to the clean "
        "images, the network knows none of them. Level: share of the pixels; for Gaussian noise, "
        "standard deviation on the scale from 0 to 1.",
    )

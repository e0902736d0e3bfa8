"""The denoising autoencoder: noise in, clean out."""

from __future__ import annotations

import numpy as np
import torch

from diabolo.estimators.seeds import Seeds
from diabolo.report.chapters.closing import closing
from diabolo.report.page import Section, Strips, Table
from diabolo.report.studio import Studio

KINDS = {
    "masking": "Masking: pixels set to 0",
    "salt-and-pepper": "Salt-and-pepper: pixels set to 0 or 1",
    "gaussian": "Gaussian noise",
}
SHOWN = 8


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
            "noise is drawn anew at every step, so no image is seen twice in the same state."
        ),
        paper="Vincent et al. 2008, “Extracting and composing robust features with denoising "
        "autoencoders”; kinds of noise: Vincent et al. 2010, sec. 4.1.",
        blocks=[*strips, _table(rows), *closing(studio, *KINDS)],
    )


def _kind(studio: Studio, name: str, title: str) -> tuple[Strips, tuple[str, ...]]:
    data, estimator = studio.material, studio[name]
    test = data.test[:2000]
    noisy, clean = spoiled(studio, name, test), data.unit(test)
    repaired = _repaired(studio, name, noisy)
    places = data.one_of_each()
    places = places[places < len(test)]
    what = f"{title}, level {estimator.level:g}"
    strips = Strips(
        [
            ("clean", studio.strip(clean[places], "Test images")),
            ("noise in", studio.strip(noisy[places], f"The same with noise: {name}")),
            ("clean out", studio.strip(repaired[places], "What the network makes of it")),
        ],
        what,
    )
    before, after = psnr(noisy, clean), psnr(repaired, clean)
    return strips, (
        name,
        f"{estimator.level:g}",
        f"{before:.1f} dB",
        f"{after:.1f} dB",
        f"+{after - before:.1f} dB" if after >= before else f"−{before - after:.1f} dB",
    )


def spoiled(studio: Studio, name: str, images: np.ndarray) -> np.ndarray:
    """Images with a model's own noise, on the scale 0 … 1."""
    flat = torch.from_numpy(studio.material.flat(images))
    generator = Seeds(studio.seed).generator(f"noise to be shown: {name}")
    noisy, _ = studio.module(name).corruption(flat, generator)
    return noisy.numpy().reshape(images.shape)


def _repaired(studio: Studio, name: str, noisy: np.ndarray) -> np.ndarray:
    """What the model makes of images on the scale 0 … 1."""
    module = studio.module(name)
    with torch.inference_mode():
        rebuilt = module.reconstruct(torch.from_numpy(noisy.reshape(len(noisy), -1)))
    return rebuilt.numpy().reshape(noisy.shape)


def psnr(images: np.ndarray, clean: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, of values in [0, 1]: −10 log₁₀ of the mean squared
    error over all pixels. Values outside are clipped first, as they are for showing."""
    error = np.square(np.clip(images, 0, 1) - clean).mean()
    return float(-10 * np.log10(max(error, 1e-12)))


def _table(rows: list[tuple[str, ...]]) -> Table:
    return Table(
        ("", "level", "noise in", "clean out", "gain"),
        rows,
        "Peak signal-to-noise ratio of 2,000 test images at most, higher is better. Level: share "
        "of the pixels; for Gaussian noise, standard deviation on the scale from 0 to 1.",
    )

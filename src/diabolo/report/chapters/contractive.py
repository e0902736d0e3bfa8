"""The contractive autoencoder: what the code does not react to."""

from __future__ import annotations

import numpy as np
import torch

from diabolo.report.chapters.closing import closing
from diabolo.report.figures import Line, spectrum
from diabolo.report.page import Beside, Numbers, Plot, Section, Sheet
from diabolo.report.sheets import signed
from diabolo.report.studio import Studio

COMPARED = ("plain", "denoising", "contractive")
ROWS = 200  # test images that Jacobians are taken at
DIRECTIONS = 6


def chapter(studio: Studio) -> Section:
    spectra = {name: _spectrum(studio, name) for name in COMPARED}
    return Section(
        id="contractive",
        title="Contractive autoencoder",
        formula="minimise J + λ ‖∂z/∂x‖²",
        text=(
            "The penalty asks the code not to move when the image moves a little. Rebuilding asks "
            "the opposite, but only along the directions in which images of this kind really "
            "vary. What is left at a point is a few large singular values of the Jacobian "
            "∂z/∂x; their directions are the tangents of the images’ manifold: a stroke "
            "that tilts, thickens or moves."
        ),
        paper="Rifai et al. 2011, “Contractive auto-encoders: explicit invariance during feature "
        "extraction”; tangents: Rifai et al. 2011, “The manifold tangent classifier”.",
        blocks=[
            Beside([_plot(spectra), _norms(studio, spectra)]),
            _tangents(studio),
            *closing(studio, "contractive"),
        ],
    )


def _spectrum(studio: Studio, name: str) -> np.ndarray:
    """Singular values of ∂z/∂x at test images, mean over images, largest first.

    z in units of its own spread over the test images (root of the summed variances), since codes
    of different families come on scales of their own and a scale alone says nothing.
    """
    estimator, data = studio[name], studio.material
    rows = torch.from_numpy(data.flat(data.test[:ROWS]).astype(np.float32))
    with torch.no_grad():
        values = torch.linalg.svdvals(estimator.module_.jacobian(rows))
    spread = np.sqrt(estimator.transform(data.test).var(0).sum())
    return values.mean(0).numpy() / max(float(spread), 1e-12)


def _plot(spectra: dict[str, np.ndarray]) -> Plot:
    lines = [Line(name, values.tolist(), i) for i, (name, values) in enumerate(spectra.items())]
    drawing = spectrum(
        lines,
        title="Singular values of the code’s Jacobian",
        x_label="number of the singular value",
        y_label="mean singular value (log scale)",
    )
    return Plot(
        drawing,
        f"Mean over {ROWS} test images. Codes are in units of their own spread, so that a code "
        "that is merely small gains nothing.",
        "Jacobian spectra",
    )


def _norms(studio: Studio, spectra: dict[str, np.ndarray]) -> Numbers:
    return Numbers(
        [
            (f"{np.sqrt(np.square(values).sum()):.2f}", "norm of the mean spectrum", name)
            for name, values in spectra.items()
        ]
    )


def _tangents(studio: Studio) -> Sheet:
    data, images = studio.material, studio.shown[:8]
    directions, _ = studio["contractive"].tangent_directions(images, DIRECTIONS)
    lines = np.concatenate(
        [
            np.concatenate([_centred(data.unit(image)), own.reshape(-1, *data.shape)])
            for image, own in zip(images, directions, strict=True)
        ]
    )
    return Sheet(
        signed(lines, "Images and their tangent directions", per_line=directions.shape[1] + 1),
        "On the left a test image, then the directions to which its code is most sensitive, the "
        "strongest first: moving along one adds what is orange and takes away what is blue.",
        "Tangent directions",
    )


def _centred(image: np.ndarray) -> np.ndarray:
    return image[None]

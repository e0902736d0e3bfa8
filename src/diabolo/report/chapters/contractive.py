"""The contractive autoencoder: what the code does not react to."""

from __future__ import annotations

import numpy as np
import torch

from diabolo.report.chapters.closing import closing
from diabolo.report.figures import Line, spectrum
from diabolo.report.numerals import per_cent
from diabolo.report.page import Beside, Plot, Section, Strips, Table
from diabolo.report.sheets import signed
from diabolo.report.studio import Studio

COMPARED = ("plain layer", "denoising layer", "contractive layer")
ROWS = 200  # test images that Jacobians are taken at
DIRECTIONS = 5


def chapter(studio: Studio) -> Section:
    spectra = {name: _spectra(studio, name) for name in COMPARED}
    return Section(
        id="contractive",
        title="Contractive autoencoder",
        formula="minimise J + λ ‖∂z/∂x‖²",
        text=(
            f"One layer of {studio.budget.features} units with tied weights. "
            "The penalty asks the code not to move when the image moves a little. Rebuilding asks "
            "the opposite, but only along the directions in which images of this kind really "
            "vary. What is left at a point is a few large singular values of the Jacobian "
            "∂z/∂x; their directions are the tangents of the images’ manifold: a stroke "
            "that tilts, thickens or moves."
        ),
        paper="Rifai et al. 2011, “Contractive auto-encoders: explicit invariance during feature "
        "extraction”; tangents: Rifai et al. 2011, “The manifold tangent classifier”.",
        blocks=[
            Beside([_plot(spectra), _table(studio, spectra)]),
            _tangents(studio),
            *closing(studio, *COMPARED[::-1]),
        ],
    )


def _spectra(studio: Studio, name: str) -> np.ndarray:
    """Singular values of ∂z/∂x at test images, (images, units), largest first.

    z in units of its own spread over the test images (root of the summed variances), since codes
    of different families come on scales of their own and a scale alone says nothing.
    """
    data = studio.material
    rows = torch.from_numpy(data.flat(data.test[:ROWS]))
    with torch.no_grad():
        values = torch.linalg.svdvals(studio.module(name).jacobian(rows)).numpy()
    spread = np.sqrt(studio[name].transform(data.test).var(0).sum())
    return values / max(float(spread), 1e-12)


def _plot(spectra: dict[str, np.ndarray]) -> Plot:
    lines = [
        Line(name.removesuffix(" layer"), values.mean(0).tolist(), i)
        for i, (name, values) in enumerate(spectra.items())
    ]
    drawing = spectrum(
        lines,
        title="Singular values of the code’s Jacobian",
        x_label="number of the singular value",
        y_label="singular value (log scale)",
    )
    return Plot(
        drawing,
        f"Mean over {ROWS} test images. Codes are in units of their own spread, so that a code "
        "that is merely small gains nothing.",
        "Jacobian spectra",
    )


def _table(studio: Studio, spectra: dict[str, np.ndarray]) -> Table:
    rows, norms = [], []
    for name, values in spectra.items():
        norms.append(float(np.sqrt(np.square(values).sum(1)).mean()))
        probe, error = studio.probe(studio[name].transform), studio.test_error(name)
        kind = name.removesuffix(" layer")
        rows.append((kind, f"{norms[-1]:.2f}", per_cent(probe), f"{error:.2f}"))
    return Table(
        ("", "mean ‖∂z/∂x‖", "linear probe", "squared error"),
        rows,
        "The norm says how far a code moves, in units of its spread, when the image moves by 1. "
        "Error per test image, as above.",
        best={1: int(np.argmin(norms))},
    )


def _tangents(studio: Studio) -> Strips:
    data, images = studio.material, studio.shown
    directions, _ = studio["contractive layer"].tangent_directions(images, DIRECTIONS)
    rows = [("image", studio.strip(data.unit(images), "Test images"))]
    for i in range(directions.shape[1]):
        along = directions[:, i].reshape(-1, *data.shape)
        name = f"{i + 1}. direction"
        rows.append((name, signed(along, f"Tangent direction {i + 1} at each", len(along))))
    return Strips(
        rows,
        "Below each test image the directions to which its code is most sensitive, the strongest "
        "first. To move along one is to add what is orange and to take away what is blue.",
    )

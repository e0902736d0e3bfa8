"""Dimensionality reduction: the rows as points in the plane, and how true such maps are."""

from __future__ import annotations

import numpy as np

from diabolo.measures.maps import map_quality
from diabolo.report.atlas import FORMULAS
from diabolo.report.figures import scatter
from diabolo.report.page import Beside, Block, Plot, Section, Sheet, Table
from diabolo.report.studio import Studio
from diabolo.uses.map import grid

MAPS = {"map": "Neighbours kept", "plane": "Autoencoder", "latent plane": "Variational"}
MEASURED = 1500  # test images
SIDE = 15  # decoded images


def chapter(studio: Studio) -> Section:
    codes = _codes(studio)
    plots = [_plot(studio, title, points) for title, points in codes.items()]
    return Section(
        id="reduction",
        title="Dimensionality reduction",
        formula=FORMULAS[type(studio["map"]).__name__],
        text=(
            "Codes of two units are maps of the data: each test image is a point. The first map is "
            "an autoencoder’s whose encoder has learned t-SNE’s map of the training images, as a "
            "choice among many anchors on it: it keeps who is near whom, new images are placed at "
            "once, and any place can be decoded. Labels were never seen; they colour the points."
        ),
        paper="van der Maaten 2009, “Learning a parametric embedding by preserving local "
        "structure”; measures: Venna & Kaski 2001, Kruskal 1964.",
        blocks=[
            Beside([plots[0], _decoded(studio, codes["Neighbours kept"])]),
            *(Beside(plots[i : i + 2]) for i in range(1, len(plots), 2)),
            _table(studio, codes),
        ],
    )


def _codes(studio: Studio) -> dict[str, np.ndarray]:
    """Test images on each map, (n, 2)."""
    test = studio.material.test[:MEASURED]
    found = {title: studio[name].transform(test) for name, title in MAPS.items()}
    return found | {"PCA": studio.pca.transform(studio.material.flat(test))[:, :2]}


def _plot(studio: Studio, title: str, codes: np.ndarray) -> Block:
    data = studio.material
    labels = None if data.test_labels is None else data.test_labels[:MEASURED]
    return Plot(scatter(codes, labels, data.classes, title=title), "", title)


def _decoded(studio: Studio, codes: np.ndarray) -> Block:
    images = studio.material.unit(grid(studio["map"], codes, SIDE))
    picture = studio.sheet(images, "What the decoder draws at places all over the map", SIDE)
    return Sheet(picture, "The same map: what an image at each place looks like.", "Decoded")


def _table(studio: Studio, codes: dict[str, np.ndarray]) -> Table:
    data = studio.material
    rows = data.flat(data.test[:MEASURED])
    labels = None if data.test_labels is None else data.test_labels[:MEASURED]
    found = {name: map_quality(rows, points, labels) for name, points in codes.items()}
    heads = ["", "trustworthiness", "continuity", "stress"]
    values: list[list[float | None]] = [
        [q.trustworthiness, q.continuity, q.stress] for q in found.values()
    ]
    if labels is not None:
        heads.append("5-NN accuracy")
        values = [[*v, q.accuracy] for v, q in zip(values, found.values(), strict=True)]
    table = np.array(values, float)
    best = {j + 1: int(c.argmin() if j == 2 else c.argmax()) for j, c in enumerate(table.T)}
    cells = [
        (name, *(f"{value:.3f}" for value in row)) for name, row in zip(found, table, strict=True)
    ]
    return Table(
        heads,
        cells,
        f"Of {len(rows):,} test images and their 5 nearest. Trustworthiness: no stranger comes "
        "near; continuity: no neighbour gets lost; stress: how far distances are from true, 0 is "
        "best; accuracy: how often most of the nearest on the map bear an image’s own label.",
        best=best,
    )

"""A map of a data set as one page or one picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from diabolo import __version__
from diabolo.measures.maps import MapQuality
from diabolo.report.figures import scatter
from diabolo.report.page import Beside, Block, Page, Plot, Section, Sheet, Table, render
from diabolo.report.sheets import sheet

SHOWN = 5000  # points of a plot, evenly spread: more only make the page heavy
FORMULAS = {
    "ParametricTSNE": "minimise KL(neighbours ‖ places), then −log p(x | z), z a choice of place",
    "ParametricUMAP": "minimise −log p(x | z) + λ CE(neighbours, codes),  z in the plane",
}
SIDE, EDGE, FINE = 900, 30, 2  # of a picture, in pixels; drawn so many times larger
COLOURS = (
    "#2b6cc4", "#d66012", "#2a9d5c", "#c2395b", "#7d5bd6", "#8a6a3b", "#d05ab0", "#5d6b7a",
    "#a39a12", "#1398a8",
)  # fmt: skip


class Classes:
    """Labels as numbers with names; none where there are none, or too many to be told apart."""

    MOST = 30

    def __init__(self, labels: np.ndarray | None) -> None:
        self.numbers: np.ndarray | None = None
        self.names: tuple[str, ...] = ()
        if labels is not None:
            names, numbers = np.unique(labels, return_inverse=True)
            if 1 < len(names) <= self.MOST:
                self.numbers, self.names = numbers, tuple(map(str, names))


def page(
    title: str,
    facts: Sequence[tuple[str, str]],
    maps: Mapping[str, np.ndarray],
    qualities: Mapping[str, MapQuality],
    labels: np.ndarray | None,
    plane: np.ndarray | None = None,
    ink: bool = False,
) -> str:
    """HTML: our map, the others, what they are worth, and the decoded plane.

    maps : (n, 2) by name, ours first. plane : (m, H, W) or (m, H, W, 3) in [0, 1], a square grid.
    """
    classes = Classes(labels)
    step = max(1, -(-len(next(iter(maps.values()))) // SHOWN))
    numbers = None if classes.numbers is None else classes.numbers[::step]
    plots: list[Block] = [
        Plot(scatter(codes[::step], numbers, classes.names, title=name), "", name)
        for name, codes in maps.items()
    ]
    if plane is not None:
        picture = sheet(plane, "Decoded places", ink, per_line=round(len(plane) ** 0.5))
        plots.insert(1, Sheet(picture, "What the decoder draws at places all over it.", "Decoded"))
    blocks = [*(Beside(plots[i : i + 2]) for i in range(0, len(plots), 2)), _table(qualities)]
    section = Section(
        id="map",
        title="Map",
        formula=FORMULAS.get(next(iter(maps)), "x → z in the plane → x̂"),
        text="Each point is a row. Rows that are alike lie together, and any place can be decoded.",
        paper="Measures: Venna & Kaski 2001, Kruskal 1964.",
        blocks=blocks,
    )
    what = "Two numbers for each row"
    return render(Page(title, what, [*facts, ("diabolo", __version__)], [section]))


def _table(qualities: Mapping[str, MapQuality]) -> Table:
    labelled = all(quality.accuracy is not None for quality in qualities.values())
    heads = ["", "trustworthiness", "continuity", "stress", *["5-NN accuracy"] * labelled]
    values = [
        [q.trustworthiness, q.continuity, q.stress, *[q.accuracy] * labelled]
        for q in qualities.values()
    ]
    columns = np.array(values, float)
    best = {j + 1: int(c.argmin() if j == 2 else c.argmax()) for j, c in enumerate(columns.T)}
    rows = [
        (name, *(f"{value:.3f}" for value in row))
        for name, row in zip(qualities, columns, strict=True)
    ]
    caption = (
        "By the 5 nearest rows. Trustworthiness: no stranger comes near; continuity: no neighbour "
        "gets lost; stress: how far distances are from true, 0 is best; accuracy: how often most "
        "of the nearest on the map bear a row’s own label."
    )
    return Table(heads, rows, caption, best=best)


def png(codes: np.ndarray, labels: np.ndarray | None) -> bytes:
    """The map alone as a picture, with a name for each class."""
    classes, side = Classes(labels), SIDE * FINE
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    low, high = codes.min(0), codes.max(0)
    at = (codes - low) / np.where(high > low, high - low, 1)
    at = EDGE * FINE + at * (side - 2 * EDGE * FINE)
    at[:, 1] = side - at[:, 1]
    size = FINE * float(np.clip(150 / len(codes) ** 0.5, 1.0, 4.0))
    numbers = np.zeros(len(codes), int) if classes.numbers is None else classes.numbers
    for (x, y), number in zip(at, numbers, strict=True):
        draw.ellipse((x - size, y - size, x + size, y + size), COLOURS[number % len(COLOURS)])
    for number, name in enumerate(classes.names):
        x, y = np.median(at[numbers == number], axis=0)
        words: dict[str, Any] = {"font_size": 22 * FINE, "anchor": "mm"}
        draw.text((x, y), name, "black", stroke_width=3 * FINE, stroke_fill="white", **words)
    buffer = io.BytesIO()
    image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()

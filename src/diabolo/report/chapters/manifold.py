"""A rolled-up surface: its dimension, its map, and a way on it that does not leave it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.datasets import make_swiss_roll

from diabolo.estimators.estimator import Estimator
from diabolo.families.autoencoder import Autoencoder
from diabolo.families.isometric import IsometricAutoencoder
from diabolo.report.figures import scatter
from diabolo.report.numerals import number, per_cent
from diabolo.report.page import Beside, Code, Plot, Section, Table
from diabolo.report.studio import Studio
from diabolo.uses.manifold.explore import Manifold

POINTS, EPOCHS = 1000, 80
STRIPES = 10  # of one colour each, from the inner end of the roll to the outer one
SEEN_FROM = np.array([[1.0, 0.0], [0.32, 0.20], [0.0, 1.0]])  # (x, height, y) → the page
WAYS = 8  # whose lengths are compared


def chapter(studio: Studio) -> Section:
    rows, along = _roll(studio)
    models = _models(studio)
    seen = [_explored(model, rows) for model in models]
    place = np.stack([along, rows[:, 1]], 1)
    return Section(
        id="manifold",
        title="Manifold learning",
        formula="min  J + λ ‖JᵍᵀJᵍ − I‖²,   Jᵍ = ∂x̂/∂z",
        text=(
            "Rows often fill a surface of few dimensions, rolled up in a space of many. How many "
            "is told by nearest neighbours alone. A decoder that keeps lengths makes the code a "
            "map of that surface, true to scale; it is first led to where Isomap puts the rows, "
            "and then let go. The shortest way on the surface is found on the map, and its length "
            "is what the decoder makes of it. A plain autoencoder of the same points may fold or "
            "tear its map: then codes that are near are not near on the roll."
        ),
        paper="Tenenbaum, de Silva & Langford 2000; Gropp, Atzmon & Lipman 2020; Arvanitidis, "
        "Hansen & Hauberg 2018; Facco et al. 2017.",
        blocks=[
            _pictures(rows, seen, place),
            _lengths(seen, place),
            Code([" ".join(repr(model).split()) for model in models]),
        ],
    )


def _roll(studio: Studio) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3), and how far along the roll they are, ∫ √(1 + t²) dt."""
    count = min(POINTS, 100 * studio.budget.epochs)
    rows, t = make_swiss_roll(count, random_state=studio.seed)
    return rows, (t * np.sqrt(1 + t * t) + np.arcsinh(t)) / 2


def _models(studio: Studio) -> tuple[Estimator, Estimator]:
    epochs = min(EPOCHS, 7 * studio.budget.epochs)
    shared: dict[str, Any] = {
        "n_components": 2,
        "batch_size": 32,
        "random_state": studio.seed,
        "n_threads": 1,
    }
    return (
        IsometricAutoencoder(isometry=1.0, max_epochs=epochs, **shared),
        Autoencoder(scaling="shared", max_epochs=epochs, **shared),
    )


def _explored(model: Estimator, rows: np.ndarray) -> Manifold:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that training was short
        return Manifold(model.fit(rows), rows)


def _pictures(rows: np.ndarray, seen: list[Manifold], place: np.ndarray) -> Beside:
    stripes = np.argsort(np.argsort(place[:, 0])) * STRIPES // len(place)
    corners = ((place - place.mean(0)) / place.std(0)).sum(1)
    ends = int(corners.argmin()), int(corners.argmax())
    mapped, plain = (one.geodesic(*ends, refine=True).codes for one in seen)
    rolled = seen[0].model.inverse_transform(mapped)
    order = np.argsort(-rows[:, 1])  # what is behind is drawn first
    pictures = (
        (
            rows[order] @ SEEN_FROM,
            stripes[order],
            rolled @ SEEN_FROM,
            "Three numbers a row",
            "Points of a roll, one colour a strip, and the shortest way between two of its corners "
            "that does not leave it.",
        ),
        (
            seen[0].codes,
            stripes,
            mapped,
            "Isometric autoencoder",
            "The code: the roll laid flat. The same way is straight here.",
        ),
        (
            seen[1].codes,
            stripes,
            plain,
            "Plain autoencoder",
            "The code of a plain autoencoder, folded, and the shortest way as it sees it.",
        ),
    )
    return Beside(
        [
            Plot(scatter(points, colours, title=title, way=way), caption, title)
            for points, colours, way, title, caption in pictures
        ]
    )


def _lengths(seen: list[Manifold], place: np.ndarray) -> Table:
    """Lengths of ways between points drawn at random, against the true ones."""
    pairs = np.random.default_rng(0).integers(len(place), size=(WAYS, 2))
    true = np.linalg.norm(place[pairs[:, 0]] - place[pairs[:, 1]], axis=1)
    lines = []
    for name, one in zip(("isometric", "plain"), seen, strict=True):
        found = [one.distance(int(a), int(b)) for a, b in pairs]
        straight = np.linalg.norm(np.subtract(*one.codes[pairs.T]), axis=1) * one.unit
        errors = (np.median(np.abs(np.divide(far, true) - 1)) for far in (found, straight))
        lines.append((name, *map(per_cent, map(float, errors))))
    dimension = seen[0].dimension
    return Table(
        ("autoencoder", "geodesic", "straight line in the code"),
        lines,
        f"Median error of distances between {WAYS} pairs of points, against the roll’s own in "
        f"closed form. Dimension by nearest neighbours: {number(dimension.value)} ± "
        f"{number(dimension.standard_error)}.",
    )

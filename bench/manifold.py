"""Known surfaces, learned from 2,000 points: dimension, tangents and geodesic distances.

    python bench/manifold.py             all of it, about ten minutes on two cores
    python bench/manifold.py --seeds 1   a glance

Distances are compared with those on the surface, in closed form, for 60 pairs of points drawn at
random. "geodesic" is the length of `Manifold.geodesic`, "graph" that of the shortest way over
neighbouring codes, "code" the straight distance in the code: medians of relative errors. "tangents"
is the median of the largest angle between the learned tangent plane and the true one.
The control is a plain autoencoder of the same network, scaling and epochs. A whole sphere has no
code of two numbers, so its code has three, and ways keep to the graph.

Figures go to results/manifold.json, and from there to docs/uses/manifold.md (bench/pages.py).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from kept import keep
from sklearn.datasets import make_s_curve, make_swiss_roll

from diabolo import Autoencoder, DenoisingAutoencoder, IsometricAutoencoder, Manifold

SEEDS = 3
POINTS, PAIRS = 2000, 60


class Surface(NamedTuple):
    """Points (n, 3), bases of their tangent planes (n, 2, 3), and distances between numbers."""

    rows: np.ndarray
    tangents: np.ndarray
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]


def swiss_roll(seed: int) -> Surface:
    """(t cos t, height, t sin t): unrolled, ∫ √(1 + t²) dt = ½ (t √(1 + t²) + arsinh t) long."""
    rows, t = make_swiss_roll(POINTS, random_state=seed)
    along = (t * np.sqrt(1 + t * t) + np.arcsinh(t)) / 2
    across = np.stack([np.cos(t) - t * np.sin(t), 0 * t, np.sin(t) + t * np.cos(t)], 1)
    return flat(rows, np.stack([along, rows[:, 1]], 1), across)


def s_curve(seed: int) -> Surface:
    """(sin t, height, ±(cos t − 1)): two arcs of radius 1."""
    rows, t = make_s_curve(POINTS, random_state=seed)
    across = np.stack([np.cos(t), 0 * t, -np.sign(t) * np.sin(t)], 1)
    return flat(rows, np.stack([t, rows[:, 1]], 1), across)


def flat(rows: np.ndarray, plane: np.ndarray, across: np.ndarray) -> Surface:
    across = across / np.linalg.norm(across, axis=1, keepdims=True)
    height = np.tile([0.0, 1.0, 0.0], (len(rows), 1))
    tangents = np.stack([across, height], 1)
    return Surface(rows, tangents, lambda a, b: np.linalg.norm(plane[a] - plane[b], axis=1))


def hemisphere(seed: int) -> Surface:
    return _round(seed, lambda rows: rows[rows[:, 2] > 0])


def sphere(seed: int) -> Surface:
    return _round(seed, lambda rows: rows)


def _round(seed: int, keep: Callable[[np.ndarray], np.ndarray]) -> Surface:
    rows = np.random.default_rng(seed).normal(size=(4 * POINTS, 3))
    rows = keep(rows / np.linalg.norm(rows, axis=1, keepdims=True))[:POINTS]
    tangents = np.linalg.svd(rows[:, None])[2][:, 1:]  # what is at right angles to the radius
    return Surface(
        rows, tangents, lambda a, b: np.arccos(np.clip((rows[a] * rows[b]).sum(1), -1, 1))
    )


SURFACES = {
    "swiss roll": (swiss_roll, 2),
    "S-curve": (s_curve, 2),
    "hemisphere": (hemisphere, 2),
    "sphere": (sphere, 3),
}


def models(units: int, seed: int) -> dict:
    shared = {"n_components": units, "random_state": seed, "n_threads": 1}
    # without noise it is the plain autoencoder, which would warn of a code as wide as the rows
    plain = Autoencoder if units < 3 else DenoisingAutoencoder
    words = {} if units < 3 else {"level": 0.0}
    alike = {"hidden_layer_sizes": (128, 128), "activation": "silu", "scaling": "shared"}
    return {
        "isometric": IsometricAutoencoder(**shared),
        "plain": plain(**shared, **alike, **words),
    }


def measured(surface: Surface, model, seed: int) -> dict:
    start = time.perf_counter()
    model.fit(surface.rows)
    fitted = time.perf_counter()
    manifold = Manifold(model, surface.rows)
    a, b = np.random.default_rng(seed).integers(len(surface.rows), size=(2, PAIRS))
    true = surface.distance(a, b)
    found = [manifold.geodesic(int(i), int(j)) for i, j in zip(a, b, strict=True)]
    straight = np.linalg.norm(manifold.codes[a] - manifold.codes[b], axis=1) * manifold.unit

    def error(lengths) -> float:
        return float(np.median(np.abs(np.asarray(lengths) - true) / true))

    return {
        "dimension": manifold.dimension.value,
        "its error": manifold.dimension.standard_error,
        "geodesic": error([one.length for one in found]),
        "graph": error([one.by_graph for one in found]),
        "code": error(straight),
        "tangents": tangent_angle(manifold, surface.tangents),
        "squared error": -model.score(surface.rows),
        "fit s": fitted - start,
        "ways s": time.perf_counter() - fitted,
    }


def tangent_angle(manifold: Manifold, true: np.ndarray) -> float:
    """Median over points, in degrees; nan where the code has a third direction."""
    found = manifold.tangents()
    if found.shape[1] != true.shape[1]:
        return float("nan")
    cosines = np.linalg.svd(found @ true.swapaxes(1, 2), compute_uv=False).min(1)
    return float(np.median(np.degrees(np.arccos(np.clip(cosines, 0, 1)))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", choices=SURFACES)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {}
    for name, (make, units) in SURFACES.items():
        if given.only not in (None, name):
            continue
        for seed in range(given.seeds):
            surface = make(seed)
            for kind, model in models(units, seed).items():
                row = measured(surface, model, seed)
                results.setdefault(name, {}).setdefault(kind, []).append(row)
                cells = "  ".join(f"{key} {value:.4g}" for key, value in row.items())
                print(f"{name:<11}{kind:<10}seed {seed}  {cells}", flush=True)
    keep("manifold", whole=given.seeds >= SEEDS, **results)


if __name__ == "__main__":
    main()

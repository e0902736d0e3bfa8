"""Ways from one code to another.

linear     z(t) = (1 − t) a + t b
spherical  z(t) = sin((1 − t)ω)/sin ω a + sin(tω)/sin ω b,  cos ω = a·b / |a||b|
geodesic   the shortest way as the decoder g sees it: between equally many points the energy
           E = T/2 Σ ‖g(z_{i+1}) − g(z_i)‖² is least, for T steps
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from diabolo.estimators.learner import Learner
from diabolo.uses.manifold.curves import exact_decoder, length, shortened

NEARLY_PARALLEL = 1e-4  # radians


class Path(NamedTuple):
    """Codes along the way (steps, k), ends included, and how long it is.

    length : Σ ‖g(z_{i+1}) − g(z_i)‖ over its points, in scaled units of the rows.
    straight : the same of the straight line between the ends.
    """

    codes: np.ndarray
    length: float
    straight: float


def linear(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Equal steps from a to b, both (k,), ends included, (steps, k)."""
    along = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return (1 - along) * a + along * b


def spherical(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Equal turns from a to b, (steps, k); codes keep to the lengths that the prior's have.

    Shoemake 1985; White 2016, "Sampling generative networks", sec. 2.1.
    """
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    cosine = a @ b / (sizes[0] * sizes[1]) if min(sizes) > 0 else 1.0
    angle = np.arccos(np.clip(cosine, -1, 1))
    if angle < NEARLY_PARALLEL or np.pi - angle < NEARLY_PARALLEL:
        return linear(a, b, steps)  # no plane to turn in
    along = np.linspace(0, 1, steps)[:, None]
    path = np.sin((1 - along) * angle) * a + np.sin(along * angle) * b
    return (path / np.sin(angle)).astype(np.float32)


def geodesic(
    model: Learner, a: np.ndarray, b: np.ndarray, steps: int, context: Any = None
) -> np.ndarray:
    """The way from a to b along which decoded rows change least, (steps, k).

    Found from the straight line by L-BFGS, so it is the shortest among ways like it. Its steps are
    about equally large in the rows.

    context : what the decoder sees besides, (1, c) all along or (steps, c) point by point, where
        the model was fitted with some.

    Shao, Kumar & Fletcher 2018, "The Riemannian geometry of deep generative models", alg. 1.
    """
    return shortened(exact_decoder(model, context, steps), linear(a, b, steps))


PATHS: dict[str, Callable[..., np.ndarray]] = {
    "linear": lambda model, a, b, steps, context=None: linear(a, b, steps),
    "spherical": lambda model, a, b, steps, context=None: spherical(a, b, steps),
    "geodesic": geodesic,
}


def path(
    model: Learner,
    a: np.ndarray,
    b: np.ndarray,
    *,
    kind: str = "linear",
    steps: int = 9,
    context: Any = None,
) -> Path:
    """The way of that kind from code a to code b, measured in rows.

    raises ValueError for an unknown kind or fewer than two steps.
    """
    if kind not in PATHS:
        raise ValueError(f"path {kind!r} is unknown: known are {', '.join(PATHS)}.")
    if steps < 2:
        raise ValueError(f"steps={steps} leaves no way between two codes: pass at least 2.")
    codes = PATHS[kind](model, a, b, steps, context)
    decode = exact_decoder(model, context, steps)
    return Path(codes, length(decode, codes), length(decode, linear(a, b, steps)))

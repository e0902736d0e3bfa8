"""Directions in a code space: what to add to a code to change one thing about its row.

From labels: the difference of the classes' means, within groups that should not change or over
all rows, or the normal of a linear probe. Without:
principal directions of the codes, or the first matrix of the decoder factorised. A step of
strength 1 is always something that can be imagined: from one class's mean to the other's, one
standard deviation of the codes, or one of the prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from torch import nn

from diabolo.estimators.learner import Learner
from diabolo.parts.networks import Mirror
from diabolo.uses.latent import code_width, decoder_of

FEWEST = 2  # codes of a class, for a mean that is more than one row's


class Direction(NamedTuple):
    """What one step adds to a code, (k,), and what to call it."""

    name: str
    vector: np.ndarray


def mean_difference(codes: np.ndarray, labels: Any, towards: Any, away: Any = None) -> Direction:
    """mean(z | towards) − mean(z | away): codes (n, k) with labels (n,).

    away : None for all rows that are not of the class `towards`.

    Radford, Metz & Chintala 2016, sec. 6.3.2; Larsen et al. 2016, sec. 5.2.
    """
    there, here = _sides(labels, towards, away)
    vector = codes[there].mean(0, dtype=np.float64) - codes[here].mean(0, dtype=np.float64)
    return Direction(_name(towards, away), vector.astype(np.float32))


def matched_difference(
    codes: np.ndarray, labels: Any, groups: Any, towards: Any, away: Any = None
) -> Direction:
    """The difference of means within each group, averaged over groups that hold both labels.

    groups : (n,), what is to stay as it is: where the label is more frequent in some groups than
        in others, the plain difference of means would lead from these to those.

    raises ValueError where no group holds both.
    """
    there, here = _sides(labels, towards, away)
    groups = np.asarray(groups)
    steps = [
        codes[own & there].mean(0, dtype=np.float64) - codes[own & here].mean(0, dtype=np.float64)
        for own in (groups == one for one in np.unique(groups))
        if (own & there).any() and (own & here).any()
    ]
    if not steps:
        raise ValueError(f"no group holds rows on both sides of {_name(towards, away)!r}.")
    return Direction(_name(towards, away), np.mean(steps, axis=0).astype(np.float32))


def probe_normal(codes: np.ndarray, labels: Any, towards: Any, away: Any = None) -> Direction:
    """Normal of the plane by which logistic regression parts the classes, in standardised codes.

    A step goes as far along the normal as the classes' means lie apart. It leaves alone what
    varies together with the class without telling it.

    Shen et al. 2020, "Interpreting the latent space of GANs for semantic face editing", sec. 3.1.
    """
    there, here = _sides(labels, towards, away)
    both = there | here
    # units that never vary tell nothing, and are left where they are
    spread = codes[both].std(0, dtype=np.float64)
    standard = (codes - codes[both].mean(0)) / np.where(spread > 0, spread, 1)
    normal = LogisticRegression(max_iter=1000).fit(standard[both], there[both]).coef_[0]
    normal /= np.linalg.norm(normal) or 1.0
    apart = (standard[there].mean(0) - standard[here].mean(0)) @ normal
    return Direction(_name(towards, away), (apart * normal * spread).astype(np.float32))


def holding(direction: Direction, others: Sequence[Direction]) -> Direction:
    """The part of a direction that is at right angles to others, so that these are held.

    Shen et al. 2020, eq. 3.
    raises ValueError where nothing is left.
    """
    if not others:
        return direction
    basis = np.linalg.qr(np.stack([other.vector for other in others], 1).astype(np.float64))[0]
    vector = direction.vector - basis @ (basis.T @ direction.vector)
    if np.linalg.norm(vector) < 1e-6 * np.linalg.norm(direction.vector):
        held = ", ".join(other.name for other in others)
        raise ValueError(
            f"nothing of the direction {direction.name!r} is left when {held} should be held: the "
            f"code has {len(vector)} units. Hold fewer."
        )
    return Direction(direction.name, vector.astype(np.float32))


def principal(codes: np.ndarray, count: int) -> list[Direction]:
    """Directions in which codes (n, k) vary most; a step is one standard deviation of theirs.

    Härkönen et al. 2020, "GANSpace", sec. 2.
    """
    centred = codes.astype(np.float64) - codes.mean(0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    return [
        Direction(f"principal {i + 1}", (size / np.sqrt(len(codes)) * _upright(axis)).astype("f4"))
        for i, (size, axis) in enumerate(zip(sizes[:count], axes, strict=False))
    ]


def factors(model: Learner, count: int) -> list[Direction]:
    """Unit directions that the first layer of decoder or generator, z ↦ Wz + b, stretches most:
    the first eigenvectors of WᵀW.

    Shen & Zhou 2021, "Closed-form factorization of latent semantics in GANs", eq. 4 to 6.
    """
    weight = first_matrix(decoder_of(model), code_width(model))
    _, _, axes = np.linalg.svd(weight.astype(np.float64), full_matrices=False)
    return [
        Direction(f"factor {i + 1}", _upright(axis).astype("f4"))
        for i, axis in enumerate(axes[:count])
    ]


def first_matrix(network: nn.Module, width: int) -> np.ndarray:
    """The matrix W (m, width) that meets the code first; columns of a context are left out.

    raises ValueError for networks that do not begin with a matrix.
    """
    if isinstance(network, Mirror):
        return network.encoder.layers[-1].weight[:width].T.detach().cpu().numpy()
    for layer in network.modules():
        weight = getattr(layer, "weight", None)
        # a context stands after the code
        if weight is not None and weight.ndim == 2 and weight.shape[1] >= width:
            return weight[:, :width].detach().cpu().numpy()
    raise ValueError("this decoder does not begin with a matrix that could be factorised.")


def class_mask(labels: Any, wanted: Any) -> np.ndarray:
    """Which of the labels (n,) are the one that looks like `wanted`.

    raises ValueError where too few are.
    """
    labels = np.asarray(labels)
    mask = labels.astype(str) == str(wanted)
    if not mask.any():
        known = ", ".join(map(str, np.unique(labels)[:20]))
        raise ValueError(f"no row has the label {str(wanted)!r}; there are {known}.")
    if mask.sum() < FEWEST:
        raise ValueError(
            f"only {mask.sum()} row has the label {str(wanted)!r}: a direction needs {FEWEST}."
        )
    return mask


def _sides(labels: Any, towards: Any, away: Any) -> tuple[np.ndarray, np.ndarray]:
    if away is not None and str(towards) == str(away):
        raise ValueError(f"a direction needs two labels, but both are {str(towards)!r}.")
    there = class_mask(labels, towards)
    here = ~there if away is None else class_mask(labels, away)
    if not here.any():
        raise ValueError(f"all rows have the label {str(towards)!r}: a direction needs others.")
    return there, here


def _name(towards: Any, away: Any) -> str:
    return f"to {towards}" if away is None else f"{away} to {towards}"


def _upright(axis: np.ndarray) -> np.ndarray:
    """The one of an axis's two directions whose largest part is positive."""
    return axis * np.sign(axis[np.abs(axis).argmax()])

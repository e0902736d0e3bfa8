"""What an edit does: to what it should move, to what it should not, and how far from the input.

Attributes are read from rows, not from codes, by probes that know nothing of the model: logistic
regressions on the rows, one log-odds log p/(1 − p) for each label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from diabolo.estimators.learner import Learner
from diabolo.uses.edit.directions import Direction
from diabolo.uses.latent import decode_scaled, in_units

Attribute = Callable[[np.ndarray], np.ndarray]  # scaled rows (n, d) → (n,)
MOST_ROWS = 5000  # that a probe learns from


class Probe:
    """Reads labels from scaled rows (n, d), as text; learned from rows and their labels (n,)."""

    def __init__(self, rows: np.ndarray, labels: Any) -> None:
        labels, step = np.asarray(labels).astype(str), -(-len(rows) // MOST_ROWS)
        if len(np.unique(labels)) < 2:
            raise ValueError("all rows have one label: a probe needs two at least.")
        self.reader = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.1, tol=1e-3, max_iter=500)
        ).fit(rows[::step], labels[::step])
        self.classes: list[str] = self.reader.classes_.tolist()

    def verdict(self, rows: np.ndarray) -> np.ndarray:
        """The likeliest label of each row, (n,) text."""
        return self.reader.predict(rows)

    def log_odds(self, label: Any, rows: np.ndarray) -> np.ndarray:
        """log p/(1 − p) of a label in each row, (n,)."""
        logs = self.reader.predict_log_proba(rows)
        j = self.classes.index(str(label))
        return logs[:, j] - logsumexp(np.delete(logs, j, 1), axis=1)

    def attributes(self) -> dict[str, Attribute]:
        """The log-odds of every label, by its name."""
        return {name: partial(self.log_odds, name) for name in self.classes}


class Effects(NamedTuple):
    """Means over rows at each strength, (s,).

    attributes : value of each attribute. distance : root mean square over features, in scaled
        units, from the rows at strength 0. target : the attribute that should move, or None.
    source : the attribute that it should move away from, or None.
    """

    strengths: np.ndarray
    attributes: dict[str, np.ndarray]
    distance: np.ndarray
    target: str | None = None
    source: str | None = None

    def slope(self, name: str) -> float:
        """By how much an attribute moves in one step: the least-squares line's."""
        return float(np.polyfit(self.strengths, self.attributes[name], 1)[0])

    @property
    def side_effect(self) -> float:
        """Root mean square of the other attributes' slopes, as a share of the target's slope;
        infinite where the target does not move, 0 where there are no others."""
        intended = {self.target, self.source}
        others = [self.slope(name) for name in self.attributes if name not in intended]
        if self.target is None or not others:
            return 0.0
        moved = abs(self.slope(self.target))
        return float(np.sqrt(np.mean(np.square(others))) / moved) if moved else float("inf")


def edited(
    model: Learner,
    codes: np.ndarray,
    direction: Direction,
    strengths: Sequence[float],
    context: Any = None,
) -> np.ndarray:
    """Rows of codes (n, k) moved by every strength, (s, n, *shape) in the units of the data."""
    scaled = _scaled(model, codes, direction, strengths, context)
    rows = in_units(model, scaled.reshape(-1, scaled.shape[2]))
    return rows.reshape(len(strengths), len(codes), *rows.shape[1:])


def effects(
    model: Learner,
    codes: np.ndarray,
    direction: Direction,
    strengths: Sequence[float],
    attributes: Mapping[str, Attribute],
    *,
    target: str | None = None,
    source: str | None = None,
    context: Any = None,
) -> Effects:
    """What moving codes (n, k) along a direction does to their rows."""
    if len(set(strengths)) < 2:
        raise ValueError("effects are measured between strengths: pass two that differ.")
    still, *moved = _scaled(model, codes, direction, [0.0, *strengths], context)
    values = {
        name: np.array([float(attribute(rows).mean()) for rows in moved])
        for name, attribute in attributes.items()
    }
    distance = np.array([float(np.sqrt(np.square(rows - still).mean())) for rows in moved])
    return Effects(np.asarray(strengths, float), values, distance, target, source)


def _scaled(
    model: Learner,
    codes: np.ndarray,
    direction: Direction,
    strengths: Sequence[float],
    context: Any,
) -> np.ndarray:
    """(s, n, d), scaled."""
    steps = np.asarray(strengths, np.float32)[:, None, None]
    moved = (codes[None] + steps * direction.vector).reshape(-1, codes.shape[1])
    sides = None if context is None else np.tile(context, (len(strengths), 1))
    rows = decode_scaled(model, moved, sides)
    return rows.reshape(len(strengths), len(codes), -1)

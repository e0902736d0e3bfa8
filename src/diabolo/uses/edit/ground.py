"""What directions are found in and measured on: codes with labels, half and half.

An autoencoder encodes given rows. A generator cannot: its codes are draws of its noise, labelled by
a probe that learned from the given rows (Shen et al. 2020, sec. 4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from diabolo.data.sources import Dataset
from diabolo.estimators.learner import Learner
from diabolo.estimators.seeds import Seeds
from diabolo.measures.rows import spread
from diabolo.uses.edit.directions import (
    Direction,
    class_mask,
    factors,
    holding,
    mean_difference,
    principal,
    probe_normal,
)
from diabolo.uses.edit.effects import Effects, Probe, effects
from diabolo.uses.latent import (
    code_width,
    decode_scaled,
    has_encoder,
    is_conditional,
    noise,
    scaled_rows,
    seen_beside,
)

MOST_ROWS = 10_000
MEASURED = 500  # codes that effects are measured on
MOST_LABELS = 50
METHODS = {"means": mean_difference, "probe": probe_normal}


class Ground(NamedTuple):
    """Codes (n, k) that directions are found in, and others (m, k) to measure them on.

    labels, other_labels : of these, as text, where there are any.
    other_context : what the decoder sees besides the others, (m, c), where it sees anything.
    probe : reads labels from rows; right for a share of `accuracy` of rows it has not seen.
    """

    codes: np.ndarray
    labels: np.ndarray | None
    others: np.ndarray
    other_labels: np.ndarray | None
    other_context: np.ndarray | None
    probe: Probe | None
    accuracy: float


def ground(
    model: Learner, dataset: Dataset, *, random_state: Any = 0, context: Any = None
) -> Ground:
    """From given rows, at most 10,000 of them; labels are those of the data.

    context : one row of numbers that all rows share, (1, c).
    """
    rows = spread(dataset, MOST_ROWS)
    labels = _labels(dataset)
    scaled = scaled_rows(model, rows)
    probe, accuracy = None, float("nan")
    if labels is not None:
        probe = Probe(scaled[::2], labels[::2])
        accuracy = float(np.mean(probe.verdict(scaled[1::2]) == labels[1::2]))
    if has_encoder(model):
        sides = seen_beside(model, None, context, len(scaled))
        codes = model.transform(rows, context=sides)
    else:
        codes = noise(model, len(scaled), random_state, "ground")
        sides = seen_beside(model, _classes(model, len(scaled), random_state), context, len(scaled))
        if probe is not None:
            labels = probe.verdict(decode_scaled(model, codes, sides))
    found, held = (None, None) if labels is None else (labels[::2], labels[1::2])
    other_sides = None if sides is None else sides[1::2]
    return Ground(codes[::2], found, codes[1::2], held, other_sides, probe, accuracy)


def _classes(model: Any, rows: int, random_state: Any) -> np.ndarray | None:
    """Classes with the shares of the training, for models that see them."""
    if not is_conditional(model):
        return None
    random = np.random.default_rng(Seeds.of(random_state).number("classes"))
    return random.choice(np.asarray(model.classes_), rows, p=np.asarray(model.class_shares_))


def towards(
    ground: Ground, label: Any, away: Any = None, *, by: str = "means", hold: Any = ()
) -> Direction:
    """The direction from one label to another; `hold` names labels that should stay as they are.

    by : "means" or "probe", see `directions`.
    raises ValueError for labels that are not there, and for data without any.
    """
    if by not in METHODS:
        raise ValueError(f"by={by!r} is unknown: known are {', '.join(METHODS)}.")
    if ground.labels is None:
        raise ValueError("the data have no labels to find a direction by: name their column.")
    direction = METHODS[by](ground.codes, ground.labels, label, away)
    return holding(direction, [probe_normal(ground.codes, ground.labels, one) for one in hold])


def unsupervised(model: Learner, ground: Ground, kind: str, number: int) -> Direction:
    """Principal direction or factor of that number, 1 the strongest."""
    most = code_width(model)
    if not 1 <= number <= most:
        raise ValueError(f"{kind} {number} is not among the {most} of this code.")
    if kind == "factor":
        return factors(model, number)[-1]
    if not has_encoder(model):
        raise ValueError(
            "the noise of a generator varies equally in all directions, so none is principal: "
            "take a factor."
        )
    found = principal(ground.codes, number)
    if len(found) < number:
        raise ValueError(f"{len(ground.codes)} codes have no principal direction {number}.")
    return found[-1]


def measured(
    model: Learner,
    ground: Ground,
    direction: Direction,
    strengths: Any,
    *,
    label: Any = None,
    away: Any = None,
) -> tuple[Effects, np.ndarray | None, int]:
    """Effects on codes that the direction was not found in; the share of their rows that the probe
    takes for `label` at each strength; how many codes.

    Codes of the label `away` are taken, or all that are not `label`; all if none is given.
    """
    chosen = np.arange(len(ground.others))
    if label is not None and ground.other_labels is not None:
        labels = ground.other_labels
        chosen = np.flatnonzero(labels != str(label) if away is None else class_mask(labels, away))
    if not len(chosen):
        raise ValueError("no row is left to measure the direction on: pass more rows.")
    chosen = chosen[:: -(-len(chosen) // MEASURED)]
    codes = ground.others[chosen]
    sides = None if ground.other_context is None else ground.other_context[chosen]
    attributes = {} if ground.probe is None else ground.probe.attributes()
    target, source = (None if one is None else str(one) for one in (label, away))
    found = effects(
        model, codes, direction, strengths, attributes, target=target, source=source, context=sides
    )
    if ground.probe is None or target is None:
        return found, None, len(codes)
    moved = [codes + s * direction.vector for s in np.asarray(strengths, np.float32)]
    verdicts = [ground.probe.verdict(decode_scaled(model, z, sides)) for z in moved]
    return found, np.array([np.mean(one == target) for one in verdicts]), len(codes)


def _labels(dataset: Dataset) -> np.ndarray | None:
    """Labels of the rows that `spread` takes, as text; None where they are no classes."""
    if dataset.labels is None:
        return None
    step = -(-len(dataset) // MOST_ROWS)
    labels = np.asarray(dataset.labels)[::step].astype(str)
    return labels if 2 <= len(np.unique(labels)) <= MOST_LABELS else None

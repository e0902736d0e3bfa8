"""New rows from a trained model, a piece at a time, in the types of the training data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

import numpy as np

from diabolo.data.columns import Columns
from diabolo.estimators import sampling
from diabolo.estimators.learner import Learner
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.uses.latent import is_conditional

WINDOW = 8 * 2**20  # bytes of rows held at a time


def generate(
    model: Learner,
    n: Any,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    labels: Sequence[Any] | None = None,
    context: Any = None,
    prior: Any = None,
    mean: bool | None = None,
) -> Iterator[np.ndarray]:
    """n new rows in pieces (k, *shape) in the units of the training data; mixed: frames.

    seed : the first piece is that of `model.sample(k, random_state=seed)`.
    temperature : by which the prior's noise is multiplied. Below 1 rows keep to what is most
        likely and differ less; above 1 they stray.
    labels : classes of which rows are made, in turn, for models that learned from labels.
    context : one row of numbers (c,) that all rows share, for models fitted with a context.
    prior : name of a prior, or one that was fitted, where the model takes it.
    mean : the likelihood's mean of each code, or a draw from the likelihood; None: the mean for
        images, whose pixel noise nobody wants to see, and a draw for tables, where means alone
        would vary too little.
    raises ValueError, before the first row, for what this model cannot do.
    """
    rows, heat = sampling.at_least_one("n", n), sampling.checked_temperature(temperature)
    words = _words(model, prior, mean)
    classes = None if labels is None else known_labels(model, labels)
    if context is not None:
        _check_context(model, len(context))
    if heat != 1:
        words["temperature"] = heat
    return _pieces(model, rows, seed, words, classes, context)


def _check_context(model: Learner, given: int) -> None:
    wanted = model._context_width - (len(model.classes_) if is_conditional(model) else 0)
    if given != wanted:
        raise ValueError(
            f"this {type(model).__name__} was fitted with {wanted or 'no'} context columns, got "
            f"{given}: pass as many, or none."
        )


def _pieces(
    model: Learner,
    n: int,
    seed: int,
    words: dict[str, Any],
    classes: np.ndarray | None,
    context: Any,
) -> Iterator[np.ndarray]:
    size, start = piece_rows(model.columns_), 0
    sample: Any = model.sample
    while start < n:
        k = min(size, n - start)
        own = dict(words)
        if classes is not None:
            own["labels"] = classes[np.arange(start, start + k) % len(classes)]
        if context is not None:
            own["context"] = np.tile(np.asarray(context, np.float32), (k, 1))
        random_state = seed if start == 0 else Seeds(seed).number(f"rows from {start}")
        yield sample(k, random_state=random_state, **own)
        start += k


def piece_rows(columns: Columns) -> int:
    """Rows made at a time: about 8 MB of them."""
    return PIECE * max(1, WINDOW // (PIECE * columns.n_features * 8))


def _words(model: Learner, prior: Any, mean: bool | None) -> dict[str, Any]:
    """What else to tell `sample`, by what it takes."""
    name = type(model).__name__
    takes = signature(model.sample).parameters
    words: dict[str, Any] = {}
    if prior is not None:
        if "prior" not in takes:
            raise ValueError(f"{name} draws from its own noise: leave the prior out.")
        words["prior"] = prior
    if "prior" in takes:
        sampling.prior_of(model, prior)  # its sentence comes before the first row
    if "mean" in takes:
        words["mean"] = len(model.columns_.shape) > 1 if mean is None else mean
    elif mean is False:
        raise ValueError(f"{name} has no likelihood to draw from: leave that out.")
    return words


def known_labels(model: Learner, labels: Sequence[Any]) -> np.ndarray:
    """Labels as the model knows them, from what they look like.

    raises ValueError for a label that was not among those learned from.
    """
    known = getattr(model, "classes_", None)
    takes = signature(model.sample).parameters
    if known is None or "labels" not in takes:
        context = getattr(model, "_context_width", 0)
        remedy = "pass the context of that class" if context else "fit it with labels"
        raise ValueError(f"this {type(model).__name__} does not know classes: {remedy}.")
    by_text = {str(one): one for one in np.asarray(known).tolist()}
    for label in labels:
        if str(label) not in by_text:
            raise ValueError(
                f"class {str(label)!r} is not among those that the model learned: "
                f"{', '.join(by_text)}."
            )
    return np.array([by_text[str(label)] for label in labels])


def in_types(rows: Any, columns: Columns) -> Any:
    """Rows with whole numbers where the training data had them, in the training data's dtype.

    Greys and other levels stay within their range, integers within what their dtype holds. Frames
    of mixed tables are as they should be.
    """
    if columns.schema is not None:
        return rows
    flat = rows.reshape(len(rows), columns.n_features).copy()
    whole, dtype = columns.whole_numbers, np.dtype(columns.dtype)
    flat[:, whole] = np.rint(flat[:, whole]) + 0.0  # no -0
    if columns.levels is not None:
        flat = flat.clip(columns.offset, columns.offset + columns.scale)
    if dtype.kind in "iu":
        low, high = _ends(dtype, flat.dtype)
        flat = flat.clip(low, high)
    if dtype.kind == "b":
        flat = flat.clip(0, 1)
    return flat.reshape(rows.shape).astype(dtype if dtype.kind in "biu" else rows.dtype)


def _ends(dtype: np.dtype, floats: np.dtype) -> tuple[float, float]:
    """The smallest and largest values of an integer dtype that these floats can hold."""
    ends = np.iinfo(dtype)
    high = floats.type(ends.max)
    if int(high) > ends.max:  # 2⁶³ − 1 rounds up to a number that is too large
        high = np.nextafter(high, floats.type(0))
    return float(ends.min), float(high)

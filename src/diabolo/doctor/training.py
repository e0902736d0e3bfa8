"""Was it long enough, and did it go well?"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from diabolo.doctor.case import Case
from diabolo.doctor.findings import Finding, warning

FEW_STEPS = 300
STEEP = 0.1  # of all that was gained: so much in the last fifth of the epochs is too much
FEWEST = 5  # epochs for a curve


def training(case: Case) -> Iterator[Finding]:
    for text in case.history.notes:
        if "not finite" in text:
            remedy = "Use a smaller lr, or look for outliers in the input"
            yield warning("training", text.removesuffix(f" {remedy}.").rstrip("."), remedy)
        else:
            yield Finding("training", text)
    yield from _length(case)


def _length(case: Case) -> Iterator[Finding]:
    """Whether the last phase ended while there was more to gain."""
    curve = _curve(case)
    if not curve or (case.epochs is not None and len(curve) < case.epochs):
        return  # it stopped by itself
    steps = None if case.steps is None else case.steps * len(curve)
    if steps is not None and steps < FEW_STEPS and not _is_flat(curve):
        line = f"too short: {steps:,} step{'' if steps == 1 else 's'} of the weights"
        yield warning("training", line, "Train for more epochs, or with smaller batches")
        return
    if len(curve) < FEWEST:
        return
    late = curve[len(curve) - 1 - len(curve) // 5] - curve[-1]
    gained = curve[0] - curve[-1]
    if gained > 0 and late > STEEP * gained and curve[-1] <= min(curve):
        line = f"too short: {late / gained:.0%} of what was gained came in the last fifth"
        yield warning("training", line, "Train for more epochs, or with a larger lr")


def _is_flat(curve: list[float]) -> bool:
    """Whether the last fifth of the epochs brought next to nothing."""
    if len(curve) < FEWEST:
        return False
    late = curve[len(curve) - 1 - len(curve) // 5] - min(curve)
    return late < STEEP / 2 * max(curve[0] - min(curve), 1e-12)


def _curve(case: Case) -> list[float]:
    """The loss that judged the last phase, by epoch."""
    if not case.history.records:
        return []
    phase = case.history.phases[-1]
    judged = "validation" if "validation" in case.history.records[-1] else "train"
    return [v for v in case.history.curve("loss", judged, phase) if isfinite(v)]

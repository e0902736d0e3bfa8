"""How every chapter ends: the curves by term, the diagnosis, and the code that makes it."""

from __future__ import annotations

import math

from diabolo.engine.events import History
from diabolo.report.figures import Line, curves
from diabolo.report.page import Beside, Block, Code, Lines, Plot
from diabolo.report.studio import Studio

UNITS = {"reconstruction": "nats per image", "rate": "nats per image"}


def closing(studio: Studio, *names: str) -> list[Block]:
    """Blocks about the models of these names; curves and diagnosis are of the first."""
    estimator = studio[names[0]]
    blocks: list[Block] = [
        Beside([learning(estimator.history_), diagnosis(studio, names[0])]),
        Code([" ".join(repr(studio[name]).split()) for name in names]),
    ]
    return blocks


def diagnosis(studio: Studio, name: str) -> Lines:
    return Lines("Diagnosis", list(map(str, studio[name].diagnosis_)))


def learning(history: History) -> Plot:
    """Every term of the loss over the epochs, on training rows and on rows held out."""
    lines = phases(history) if len(history.phases) > 1 else terms(history)
    drawing = curves(
        lines, title="Learning curves", x_label="epoch", y_label="per image (log scale)", log=True
    )
    return Plot(
        drawing,
        "Terms of the loss, unweighted; likelihoods and divergences are in nats. Dashed: the loss "
        "on rows that were held out.",
        "Learning curves",
    )


def terms(history: History) -> list[Line]:
    names = [name for name in history.records[0]["train"] if name != "loss"]
    lines = [Line(name, history.curve(name), i) for i, name in enumerate(names)]
    if len(names) > 1:
        lines.append(Line("loss", history.curve("loss"), len(names)))
    return [*lines, *_held_out(history, history.curve("loss", "validation"), len(lines) - 1)]


def phases(history: History) -> list[Line]:
    """One line a phase, one after the other, since each has a loss of its own."""
    lines = []
    for colour, phase in enumerate(history.phases):
        for split, dashed in (("train", False), ("validation", True)):
            values = [
                record.get(split, {}).get("loss", math.nan)
                if record["phase"] == phase
                else math.nan
                for record in history.records
            ]
            if split == "train" or any(map(math.isfinite, values)):
                lines.append(Line("" if dashed else phase, values, colour, dashed))
    return lines


def _held_out(history: History, values: list[float], colour: int) -> list[Line]:
    if not any(map(math.isfinite, values)):
        return []
    return [Line("held out", values, colour, dashed=True)]

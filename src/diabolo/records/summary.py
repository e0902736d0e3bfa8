"""A stored result as rows to be shown: over seeds, beside what was published."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Line(NamedTuple):
    """One figure of one arm over its seeds; None where a run did not get there.

    worst : None, too, where no published number tells whether more is better.
    published : the number it stands beside, as in the document, or None.
    """

    arm: str
    measure: str
    mean: float | None
    worst: float | None
    seeds: int
    seconds: float
    published: Mapping[str, Any] | None


def lines(document: Mapping[str, Any]) -> list[Line]:
    """Arm by arm, in the order of the record."""
    return [
        line
        for arm in document["arms"]
        if (runs := [run for run in document["runs"] if run["arm"] == arm["name"]])
        for line in _of_arm(arm["name"], runs, document["published"])
    ]


def _of_arm(
    arm: str, runs: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, Any]]
) -> list[Line]:
    measures = dict.fromkeys(name for run in runs for name in run["figures"])
    asked = {one["measure"]: one for one in published if one["arm"] == arm}
    direction = {one["measure"]: one["higher"] for one in published}  # that of controls as well
    seconds = statistics.fmean(run["seconds"] for run in runs)
    found = []
    for measure in dict.fromkeys([*measures, *asked]):
        beside = asked.get(measure)
        higher = direction.get(measure, False)
        never = -math.inf if higher else math.inf
        values = [run["figures"].get(measure, never) for run in runs]
        is_time = beside is not None and beside["middle"] == "median"
        mean = statistics.median(values) if is_time else statistics.fmean(values)
        worst = None if measure not in direction else min(values) if higher else max(values)
        found.append(Line(arm, measure, _finite(mean), _finite(worst), len(runs), seconds, beside))
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def number(value: float | None) -> str:
    """
    >>> number(3.00123), number(86.754), number(812.3), number(0.00213), number(None)
    ('3.001', '86.75', '812.3', '0.00213', '–')
    """
    return "–" if value is None else f"{value:.4g}"


def threshold(published: Mapping[str, Any]) -> str:
    """What was published, what counts as matched where that is another number, and as beaten.

    >>> threshold({"value": 3, "matched": 3, "beaten": 2.65, "higher": False, "provenance": "S"})
    '3 (beaten ≤ 2.65)'
    >>> threshold({"value": None, "matched": 65, "beaten": 65, "higher": True, "provenance": "M"})
    '– (matched ≥ 65), unverified reference'
    """
    value, sign = published["value"], "≥" if published["higher"] else "≤"
    goals = [
        f"{name} {sign} {published[name]:g}"
        for name in ("matched", "beaten")
        if published[name] is not None and published[name] != value
    ]
    if published["beaten"] == published["matched"]:
        goals = goals[:1]
    shown = "–" if value is None else f"{value:g}"
    says = f"{shown} ({', '.join(goals)})" if goals else shown
    return f"{says}, unverified reference" if published["provenance"] == "M" else says


def figure_table(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Heads, then a row for each figure of each arm; who took longer than the budget is told."""
    most = 60 * document["minutes"]
    heads = ("arm", "figure", "mean", "worst", "seeds", "published", "seconds a seed")
    rows = [
        (
            line.arm,
            line.measure,
            number(line.mean),
            number(line.worst),
            str(line.seeds),
            threshold(line.published) if line.published else "",
            f"{line.seconds:.0f}{f' (budget {most:.0f})' if line.seconds > most else ''}",
        )
        for line in lines(document)
    ]
    return [heads, *rows]


def choice_table(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """What the candidates reached on held-out training rows; settings that all share left out."""
    measures = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    table: list[tuple[str, ...]] = [("arm", "settings", *measures, "seconds")]
    for row in rows:
        others = [one["settings"] for one in rows if one["arm"] == row["arm"]]
        own = {
            name: value
            for name, value in row["settings"].items()
            if any(other.get(name) != value for other in others)
        }
        said = ", ".join(f"{name} {value}" for name, value in own.items())
        figures = (number(row["figures"].get(measure)) for measure in measures)
        table.append((row["arm"], said, *figures, f"{row['seconds']:.0f}"))
    return table


def says(document: Mapping[str, Any]) -> str:
    """The verdict in words, with a warning beside numbers that were quoted from memory."""
    if document["verdict"] is None:
        return "not run yet"
    status, reason = document["verdict"]["status"], document["verdict"]["reason"]
    verdict = f"{status} ({reason})" if reason else status
    return f"{verdict}; unverified reference" if document["unverified"] else verdict


def overview(documents: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A row for each published figure: paper, figure, budget, and our last result."""
    table: list[tuple[str, ...]] = [
        ("record", "paper", "row", "figure", "published", "ours", "budget", "result")
    ]
    for document in documents:
        found = {(line.arm, line.measure): line for line in lines(document)}
        first = True
        for one in document["published"]:
            ours = found.get((one["arm"], one["measure"]))
            minutes = "" if document["needs"] else f"{document['minutes']:g} min"
            about = (document["id"], _short(document["paper"]), document["row"])
            table.append(
                (
                    *(about if first else ("", "", "")),
                    one["measure"] if one["arm"] == "ours" else f"{one['measure']}, {one['arm']}",
                    threshold(one),
                    number(ours.mean) if ours else "",
                    minutes if first else "",
                    says(document) if first else "",
                )
            )
            first = False
    return table


def _short(paper: str) -> str:
    """
    >>> _short("Hinton & Salakhutdinov 2006, Reducing the dimensionality")
    'Hinton & Salakhutdinov 2006'
    """
    return paper.split(",")[0]

"""Matched, beaten, missed, or not comparable, and why."""

from __future__ import annotations

from typing import Any, NamedTuple

from diabolo.records.record import Published, Record, Runs

RANKS = ("missed", "matched", "beaten")


class Verdict(NamedTuple):
    """status : "matched", "beaten", "missed" or "not comparable"; reason : why, or ""."""

    status: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.status} ({self.reason})" if self.reason else self.status


def not_comparable(reason: str) -> Verdict:
    return Verdict("not comparable", reason)


def of_one(published: Published, runs: Runs, conditions_hold: bool) -> str:
    """How our figure stands beside one published number."""
    ours = published.ours(runs)
    if conditions_hold and published.reaches(ours, published.beaten):
        return "beaten"
    return "matched" if published.reaches(ours, published.matched) else "missed"


def of_record(record: Record, runs: Runs, gates: list[dict[str, Any]], quick: bool) -> Verdict:
    """The least of what its figures say, if they may be compared at all."""
    if record.needs:
        return not_comparable(f"needs {record.needs}")
    off = [gate for gate in gates if not gate["holds"]]
    if off:
        one = off[0]
        return not_comparable(
            f"the gate {one['name']!r} is off: {one['found']:.5g}, published {one['expected']:g}"
        )
    if quick:
        return not_comparable("a quick run proves the wiring alone")
    seeds = min((len(runs.get(arm.name, ())) for arm in record.arms), default=0)
    if seeds < record.seeds:
        return not_comparable(f"{seeds} of {record.seeds} seeds")
    failing = [condition.words for condition in record.conditions if not condition.holds(runs)]
    each = [of_one(published, runs, not failing) for published in record.published]
    least = min(each, key=RANKS.index)
    missed = [p.measure for p, one in zip(record.published, each, strict=True) if one == "missed"]
    reasons = missed if len(record.published) > 1 else []
    if least == "matched" and failing:
        reasons = [f"does not hold: {words}" for words in failing]
    return Verdict(least, "; ".join(reasons))

"""What the doctor says: what was looked at, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

FINE, NOTE, WARNING = SEVERITIES = ("fine", "note", "warning")


class Finding(NamedTuple):
    """One line of a diagnosis.

    about    : what was looked at, such as "reconstruction" or "code units"
    finding  : what was found, with its figures
    remedy   : what to do, a sentence; empty where nothing is wrong
    severity : "fine", "note" (worth knowing) or "warning" (something is wrong)
    """

    about: str
    finding: str
    remedy: str = ""
    severity: str = FINE

    def __str__(self) -> str:
        return f"{self.about}: {self.text}"

    @property
    def text(self) -> str:
        """Finding and remedy in one line."""
        return f"{self.finding}. {self.remedy}" if self.remedy else self.finding

    @property
    def is_warning(self) -> bool:
        return self.severity == WARNING


def warning(about: str, finding: str, remedy: str) -> Finding:
    return Finding(about, finding, remedy, WARNING)


def note(about: str, finding: str, remedy: str = "") -> Finding:
    return Finding(about, finding, remedy, NOTE)


def to_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [finding._asdict() for finding in findings]


def from_json(stored: Any) -> tuple[Finding, ...]:
    """raises ValueError for anything that `to_json` would not have written."""
    findings = tuple(Finding(**one) for one in stored)
    for one in findings:
        if one.severity not in SEVERITIES or not all(type(part) is str for part in one):
            raise ValueError(f"{one!r:.80} is no finding")
    return findings

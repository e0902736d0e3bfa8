"""What was measured for a record so far: one JSON file, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diabolo.files import write_atomically
from diabolo.records.record import Arm, Record, Runs
from diabolo.records.verdict import Verdict, of_record

VERSION = 1


@dataclass
class Results:
    """Gates, finished runs and validation tables of one record.

    path : None: kept in memory only.
    """

    record: Record
    path: Path | None = None
    gates: list[dict[str, Any]] = field(default_factory=list)
    finished: list[dict[str, Any]] = field(default_factory=list)
    choices: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path | None, record: Record) -> Results:
        """What the file holds; runs of arms whose settings have changed since are left out."""
        if path is None or not path.exists():
            return cls(record, path)
        document = opened(path)
        return cls(record, path, document["gates"], document["runs"], document["choices"])

    def has(self, arm: str, seed: int, mark: str) -> bool:
        """Whether that very run is finished; one of other settings is dropped."""
        same = [run for run in self.finished if (run["arm"], run["seed"]) == (arm, seed)]
        if any(run["fingerprint"] == mark for run in same):
            return True
        self.finished = [run for run in self.finished if run not in same]
        return False

    def has_choice(self, arm: str, settings: dict[str, Any]) -> bool:
        plain = json.loads(json.dumps(settings))
        return any(row["arm"] == arm and row["settings"] == plain for row in self.choices)

    def add(self, run: dict[str, Any]) -> None:
        self.finished.append(run)
        self.write()

    def runs(self) -> Runs:
        """Figures by arm, seed after seed."""
        by_seed = sorted(self.finished, key=lambda run: run["seed"])
        return {
            arm.name: [run["figures"] for run in by_seed if run["arm"] == arm.name]
            for arm in self.record.arms
        }

    def document(
        self, record: Record, verdict: Verdict | None = None, quick: bool = False
    ) -> dict[str, Any]:
        return {
            "version": VERSION,
            **described(record),
            "quick": quick,
            "gates": self.gates,
            "runs": self.finished,
            "choices": self.choices,
            "verdict": None if verdict is None else verdict._asdict(),
        }

    def write(self, document: dict[str, Any] | None = None) -> None:
        """To the file, if there is one; without a document the verdict is open."""
        if self.path is None:
            return
        document = document or self.document(self.record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomically(self.path, [text.encode() + b"\n"])


def last(record: Record, folder: Path) -> dict[str, Any]:
    """The last result of a record, judged anew, or a document without runs."""
    results = Results.read(folder / f"{record.id}.json", record)
    arms = {arm.name: fingerprint(record, arm) for arm in record.arms}
    results.finished = [
        run for run in results.finished if arms.get(run["arm"]) == run["fingerprint"]
    ]
    if not results.finished and not record.needs:
        return results.document(record)
    return results.document(record, of_record(record, results.runs(), results.gates, quick=False))


def opened(path: Path) -> dict[str, Any]:
    """A stored result; ValueError, one sentence, for a file that is none."""
    try:
        document = json.loads(path.read_text())
        if document["version"] != VERSION:
            raise ValueError(f"version {document['version']}")
        return {key: document[key] for key in ("gates", "runs", "choices", *document)}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no result of this diabolo ({error}): move it away, and run again."
        ) from error


def fingerprint(record: Record, arm: Arm) -> str:
    """What a stored run must have been made with to count.

    >>> from diabolo.records import RECORDS
    >>> record = RECORDS["hinton2006"]
    >>> len(fingerprint(record, record.arms[0]))
    12
    """
    said = {
        "arm": [arm.name, dict(arm.settings)],
        "data": [record.data.name, dict(record.data.sha256), record.data.split],
        "preprocessing": record.data.preprocessing,
        "metric": record.metric,
        "network": record.network,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def described(record: Record) -> dict[str, Any]:
    """A record as plain data, without its functions."""
    return {
        "id": record.id,
        "paper": record.paper,
        "year": record.year,
        "row": record.row,
        "data": {
            "name": record.data.name,
            "sha256": dict(record.data.sha256),
            "split": record.data.split,
            "preprocessing": record.data.preprocessing,
            "held_out": record.data.held_out,
        },
        "metric": record.metric,
        "network": record.network,
        "optimiser": record.optimiser,
        "epochs": record.epochs,
        "seeds": record.seeds,
        "minutes": record.minutes,
        "gflop": record.gflop,
        "needs": record.needs,
        "unverified": record.unverified,
        "published": [asdict(one) for one in record.published],
        "conditions": [condition.words for condition in record.conditions],
        "arms": [
            {"name": arm.name, "about": arm.about, "settings": dict(arm.settings)}
            for arm in record.arms
        ],
    }

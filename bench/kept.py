"""Where the benches leave their figures: results/NAME.json, section by section.

A run that measured one section leaves the others as they were, and every section says what it was
measured on and how. Part of a measurement (fewer seeds, fewer rounds) is kept for want of the whole
and never takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diabolo.files import write_atomically
from diabolo.records.machine import described

RESULTS = Path(__file__).resolve().parents[1] / "results"


def keep(
    name: str, *, settings: Mapping[str, Any] | None = None, whole: bool = True, **sections: Any
) -> None:
    """Figures of one or more sections into results/NAME.json.

    settings : how they were measured, where there is more than one way.
    whole : whether that is as much as the bench measures when nothing is said.
    """
    path = RESULTS / f"{name}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    about = {"made": described()}
    about |= {"settings": dict(settings)} if settings else {}
    about |= {} if whole else {"whole": False}
    for section, figures in sections.items():
        if not whole and section in kept and is_whole(kept[section]):
            print(f"{section}: not kept, {path} has more of it")
        else:
            kept[section] = {**about, "figures": figures}
            print(f"{section}: kept in {path}")
    RESULTS.mkdir(exist_ok=True)
    write_atomically(path, [json.dumps(kept, indent=1).encode() + b"\n"])


def is_whole(section: Any) -> bool:
    """Whether a kept section is as much as its bench measures when nothing is said."""
    return not isinstance(section, dict) or section.get("whole", True)

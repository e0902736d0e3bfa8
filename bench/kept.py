"""Where the benches leave their figures: results/NAME.json, section by section.

A run that measured one section leaves the others as they were, and every section says what it was
measured on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from diabolo.files import write_atomically
from diabolo.records.machine import described

RESULTS = Path(__file__).resolve().parents[1] / "results"


def keep(name: str, **sections: Any) -> None:
    path = RESULTS / f"{name}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    made = described()
    for section, figures in sections.items():
        kept[section] = {"made": made, "figures": figures}
    RESULTS.mkdir(exist_ok=True)
    write_atomically(path, [json.dumps(kept, indent=1).encode() + b"\n"])
    print(f"{', '.join(sections)}: kept in {path}")

"""What the long runs counted, kept for the page of results: results/soak.json, a section a gate."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parents[1] / "bench"


def keep(name: str, **sections: Any) -> None:
    """To results/NAME.json, with what they were measured on (bench/kept.py)."""
    sys.path.insert(0, str(BENCH))
    try:
        from kept import keep as keep_figures
    finally:
        sys.path.remove(str(BENCH))
    keep_figures(name, **sections)


@contextmanager
def counted(gate: str) -> Iterator[dict[str, Any]]:
    """Counts by their words, stored with the seconds it took if the test does not fail before."""
    counts: dict[str, Any] = {}
    began = time.monotonic()
    yield counts
    counts["seconds"] = round(time.monotonic() - began)
    keep("soak", **{gate: counts})

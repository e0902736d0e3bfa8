"""What the long runs counted, kept for the page of results: results/soak.json, a section a gate."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parents[1] / "bench"


@contextmanager
def counted(gate: str) -> Iterator[dict[str, Any]]:
    """Counts by their words, stored with the seconds it took if the test does not fail before."""
    counts: dict[str, Any] = {}
    began = time.monotonic()
    yield counts
    counts["seconds"] = round(time.monotonic() - began)
    sys.path.insert(0, str(BENCH))
    try:
        from kept import keep
    finally:
        sys.path.remove(str(BENCH))
    keep("soak", **{gate: counts})

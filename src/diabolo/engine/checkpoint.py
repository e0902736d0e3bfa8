"""Exact resume: a run that was killed anywhere and goes on gives the same bits.

A checkpoint holds all that the next step depends on: weights, moments, buffers, the state of the
noise, the place in the plan, the best weights so far, the stopping counters, the history. The
order of rows needs no place in it: it follows from seed and epoch alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diabolo.files import read_sealed, write_sealed

Snapshot = tuple[dict[str, Tensor], dict[str, Any]]


class Checkpoint:
    """A file that is rewritten every so often, whole or not at all.

    path : where. An existing file is taken up if it was written by the same run description.
    every : seconds between writes; 0 writes after every step.
    fingerprint : what must be the same for the file to be of use: settings, data, versions.
    """

    def __init__(self, path: str | Path, fingerprint: dict[str, Any], every: float = 30.0) -> None:
        self.path, self.fingerprint, self.every = Path(path), fingerprint, every
        self.written = time.monotonic()

    def load(self) -> Snapshot | None:
        """The stored run, or None where there is no file yet.

        raises ValueError if the file belongs to another run: it is never silently started anew.
        """
        if not self.path.exists():
            return None
        arrays, header = read_sealed(self.path)
        stored = header.get("fingerprint", {})
        for key in sorted(self.fingerprint.keys() | stored.keys()):
            if stored.get(key) != self.fingerprint.get(key):
                raise ValueError(
                    f"{self.path} holds a run with another {key} ({stored.get(key)!r}, now "
                    f"{self.fingerprint.get(key)!r}), so it cannot be taken up: name another "
                    "checkpoint, or delete this one to start anew."
                )
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, header["run"]

    def is_due(self) -> bool:
        return time.monotonic() - self.written >= self.every

    def save(self, snapshot: Callable[[], Snapshot]) -> None:
        """Write now; the snapshot is only made here, where it is needed."""
        tensors, run = snapshot()
        arrays = {name: t.detach().cpu().contiguous().numpy() for name, t in tensors.items()}
        write_sealed(self.path, arrays, {"fingerprint": self.fingerprint, "run": run})
        self.written = time.monotonic()

    def remove(self) -> None:
        """The run is complete: nothing is left to resume."""
        self.path.unlink(missing_ok=True)

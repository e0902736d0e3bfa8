"""Independent random streams from one number; the global generators are never touched."""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Seeds:
    """A root seed and, for every purpose, a seed of its own that follows from it."""

    root: int

    @classmethod
    def of(cls, random_state: Any) -> Seeds:
        """From scikit-learn's random_state: a number, a RandomState, or None for a fresh start."""
        if random_state is None:
            return cls(secrets.randbits(31))
        if isinstance(random_state, np.random.RandomState):
            return cls(int(random_state.randint(2**31 - 1)))
        return cls(int(random_state))

    def number(self, purpose: str) -> int:
        """A seed for this purpose: different purposes are unrelated, equal ones equal."""
        words = np.random.SeedSequence([self.root, zlib.crc32(purpose.encode())])
        return int(words.generate_state(1, np.uint64)[0] >> 1)

    def generator(self, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
        return torch.Generator(device).manual_seed(self.number(purpose))

"""What single code units do over many rows: silent, always on, or telling rows apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

VARIES = 0.1  # of the range (0, 1): a bounded unit that moves less says the same of every row
ON = 0.5  # of the range (0, 1)
ACTIVE = 0.01  # variance of the posterior mean, for a prior of variance 1


class Use(NamedTuple):
    """How many units of a code are of no use, of how many."""

    dead: int  # the same for every row, and off
    always_on: int
    units: int


def use_of_bounded(codes: np.ndarray) -> Use:
    """Units in (0, 1), (n, units): dead ones hardly move, always-on ones never fall below ½.

    A unit may keep to a target activation by being constant; it is dead all the same.
    """
    low, high = codes.min(0), codes.max(0)
    always_on = low >= ON
    return Use(int((~always_on & (high - low < VARIES)).sum()), int(always_on.sum()), len(low))


def use_of_thresholded(codes: np.ndarray) -> Use:
    """Units that are exactly 0 when off (relu, top-k), (n, units)."""
    on = codes != 0
    return Use(int((~on.any(0)).sum()), int(on.all(0).sum()), codes.shape[1])


def active_units(means: np.ndarray) -> int:
    """Latent units whose posterior mean varies over rows; `means` (n, units).

    The others have collapsed to the prior (Burda, Grosse & Salakhutdinov 2016, sec. 5.1).
    """
    return int((means.var(0) > ACTIVE).sum())

"""Hidden units that say the same of every row: off for all (dead), or on for all (linear)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.doctor.case import Case
from diabolo.doctor.findings import Finding, warning
from diabolo.doctor.units import Use

MANY_DEAD = 0.5  # share of a level's units; up to there the others learn as well
UNBENT = 0.9  # share that never changes from off to on
FEWEST = 10  # rows; and units, for those that are always on


def hidden_units(case: Case) -> Iterator[Finding]:
    """Of the encoder's levels, where units are exactly 0 when they are off."""
    uses = _uses(case)
    for number, use in enumerate(uses, 1):
        line = f"level {number}: {use.dead} of {use.units} dead, {use.always_on} always on"
        if use.dead > MANY_DEAD * use.units:
            remedy = "Use a smaller lr, fewer units, or activation='leaky_relu' or 'gelu'"
            yield warning("hidden units", f"{line}. Most say nothing", remedy)
            return
        if use.dead + use.always_on > UNBENT * use.units and use.units >= FEWEST:
            remedy = "Scale the input, or use a smaller lr: without its bends a level is of no use"
            yield warning("hidden units", f"{line}. It is linear on these rows", remedy)
            return
    if uses:
        dead, always_on, units = (sum(counts) for counts in zip(*uses, strict=True))
        yield Finding("hidden units", f"{units}, {dead} dead, {always_on} always on")


def _uses(case: Case) -> list[Use]:
    """Level by level; a feature map is off where all its places are, and on likewise."""
    encoder: Any = case.any_module.encoder
    inner = getattr(encoder, "network", encoder)
    levels = getattr(encoder, "levels", None)
    if levels is None or getattr(inner, "activation", "") != "relu":
        return []
    if len(case.judged.x) < FEWEST:
        return []
    widths: list[int] = []

    def extremes(x: Tensor, side: Tensor | None) -> Tensor:
        """Largest and smallest activation of every unit, (n, units, 2)."""
        found = [level.unsqueeze(2).flatten(2) for level in levels(x, side)]
        widths[:] = [level.shape[1] for level in found]
        each = [torch.stack([level.amax(2), level.amin(2)], 2) for level in found]
        return torch.cat(each, 1) if each else x[:, :0, None]

    on = (case.through(extremes, case.judged) > 0).numpy()
    ends = list(accumulate(widths))[:-1]
    return [
        Use(int((~level[:, :, 0]).all(0).sum()), int(level[:, :, 1].all(0).sum()), level.shape[1])
        for level in (np.split(on, ends, 1) if widths else [])
    ]

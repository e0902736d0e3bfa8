"""What the doctor is given to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.data.columns import Columns
from diabolo.engine.events import History
from diabolo.models.autoencoder import Example
from diabolo.models.model import Model

PIECE = 256  # rows at once


@dataclass(frozen=True)
class Case:
    """A trained module, and rows to try it on, scaled (n, d), with their context.

    trained  : rows that it learned from
    held_out : rows that it did not; None where there are none
    rows     : how many it learned from in all
    steps    : of an epoch, and
    epochs   : how many the last phase was allowed; both None where that is not known
    called   : what to call the judged rows where they are neither
    """

    module: Model
    columns: Columns
    history: History
    trained: Example
    held_out: Example | None = None
    rows: int | None = None
    steps: int | None = None
    epochs: int | None = None
    called: str = ""

    @property
    def judged(self) -> Example:
        return self.trained if self.held_out is None else self.held_out

    @property
    def judged_rows(self) -> str:
        kind = "training rows" if self.held_out is None else "held-out rows"
        return f"{len(self.judged.x):,} {self.called or kind}"

    @cached_property
    def codes(self) -> np.ndarray:
        """Of all the rows, (n, units)."""
        of_each = [
            self.through(self.any_module.encode, rows)
            for rows in (self.trained, self.held_out)
            if rows is not None
        ]
        return torch.cat(of_each).numpy()

    @cached_property
    def rebuilt(self) -> Tensor:
        """The judged rows after encoder and decoder, (n, d)."""
        return self.through(self.any_module.reconstruct, self.judged)

    @property
    def any_module(self) -> Any:
        """The module; its kind is for those to know who ask."""
        return self.module

    def errors(self, rows: Example) -> np.ndarray:
        """Error of every row, (n,), as `score_samples` measures it."""
        likelihood = self.any_module.likelihood
        rebuilt = self.rebuilt if rows is self.judged else None
        if rebuilt is None:
            rebuilt = self.through(self.any_module.reconstruct, rows)
        return likelihood.error(rows.x, rebuilt).numpy()

    def through(self, function: Callable[..., Tensor], rows: Example) -> Tensor:
        """A function of rows and context for all rows, some at a time, on the CPU."""
        device = next(self.module.parameters()).device
        contexts = rows.context
        pieces = []
        with torch.inference_mode():
            for first in range(0, len(rows.x), PIECE):
                some = slice(first, first + PIECE)
                side = None if contexts is None else contexts[some].to(device)
                pieces.append(function(rows.x[some].to(device), side).cpu())
        return torch.cat(pieces)

"""What an encoder is shown of a row besides its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from diabolo.parts.spec import Part


class Visible(Part):
    """An encoder that knows which entries it sees: every entry becomes two, (value, 1) or (0, 0).

    Entries that are not a number are those that it does not see. For a dense network the pairs
    lie side by side; for an image, each channel has its own channel of flags.

    network : takes twice the features of a row.
    """

    network: nn.Module

    def seen(self, x: Tensor) -> Tensor:
        """(n, d) with NaN where nothing is seen → (n, 2d)."""
        hidden = torch.isnan(x)
        value = torch.where(hidden, torch.zeros_like(x), x)
        return torch.stack([value, (~hidden).to(x.dtype)], dim=2).flatten(1)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, d) → (n, outputs)."""
        seen = self.seen(x)
        return self.network(seen) if context is None else self.network(seen, context)

    def levels(self, x: Tensor, context: Tensor | None = None) -> list[Tensor]:
        """Activations of every hidden level, first to last; the output is not among them."""
        return self._own.levels(self.seen(x), context)

    @property
    def _own(self) -> Any:
        return self.network

    @property
    def layers(self) -> Sequence[nn.Module]:
        return self._own.layers

    @property
    def inputs(self) -> int:
        return self._own.inputs // 2

    @property
    def outputs(self) -> int:
        return self._own.outputs

    @property
    def context(self) -> int:
        return self._own.context

"""Corruptions: x → x̃, what the encoder gets to see while the loss compares with the clean x.

Vincent et al. 2010, "Stacked denoising autoencoders", sec. 3.3 (kinds) and 4.1 (emphasis).
A corruption says which entries it changed; `emphasis` α in [0, 1] weighs the error of changed
entries with 2α and that of the others with 2(1 − α), so ½ is the ordinary loss and 1 asks only
for the repair.
"""

from __future__ import annotations

import torch
from torch import Tensor

from diabolo.parts.spec import Part


def _coins(x: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """1 with the given probability, else 0, for every entry; (n, d)."""
    return torch.empty_like(x).bernoulli_(probability, generator=generator)


class Corruption(Part, abstract=True):
    """What all kinds share: the level, the emphasis, and the weight that follows from it."""

    level: float = 0.3
    emphasis: float = 0.5

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """x̃ (n, d) and 1 where it was changed, (n, d)."""
        raise NotImplementedError

    def forward(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor | None]:
        """x̃ (n, d), and how much each entry's error counts, (n, d), or None for all alike."""
        corrupted, changed = self.corrupt(x, generator)
        if self.emphasis == 0.5:
            return corrupted, None
        return corrupted, 2 * (changed * self.emphasis + (1 - changed) * (1 - self.emphasis))


class Nothing(Corruption):
    """x̃ = x."""

    def forward(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor | None]:
        return x, None


class Masking(Corruption):
    """A fraction `level` of the entries is set to 0: black in an image, the mean in a table."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        changed = _coins(x, self.level, generator)
        return x * (1 - changed), changed


class Missing(Corruption):
    """A fraction `level` of the cells of a mixed table goes missing (NaN)."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        changed = _coins(x, self.level, generator)
        return x.masked_fill(changed > 0, torch.nan), changed


class SaltAndPepper(Corruption):
    """A fraction `level` of the entries is set to `low` or `high` by a fair coin."""

    low: float = 0.0
    high: float = 1.0

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        changed = _coins(x, self.level, generator)
        fair = _coins(x, 0.5, generator)
        salt = fair * self.high + (1 - fair) * self.low
        return torch.lerp(x, salt, changed), changed  # exactly x or salt, unlike x + (salt − x)


class GaussianNoise(Corruption):
    """Isotropic noise of standard deviation `level`, in units of the scaled input."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        noise = torch.empty_like(x).normal_(generator=generator)
        return x + self.level * noise, torch.ones_like(x)


class ColumnSwap(Corruption):
    """A fraction `level` of the entries is replaced by the same column of another row.

    Keeps every column's distribution, so it is the natural noise for tables. Of a cell that
    is missing there, that is taken, too.
    """

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        changed = _coins(x, self.level, generator)
        donors = torch.randint(len(x), x.shape, generator=generator, device=x.device)
        return torch.where(changed > 0, x.gather(0, donors), x), changed


class Hiding(Corruption):
    """Entries are hidden: marked as not a number for an encoder that knows what it sees, else 0.

    The share that is hidden is drawn for every row, evenly between `lowest` and `level`: a model
    that is asked to predict from any part of a row has to have seen all of them. For images whole
    patches are hidden (He et al. 2022, "Masked autoencoders are scalable vision learners").

    shape : (height, width, channels) of a row where patches are hidden; () where entries are.
    patch : pixels to each side of a patch.
    marked : whether what is hidden is not a number, else 0.
    """

    lowest: float = 0.05
    shape: tuple[int, ...] = ()
    patch: int = 1
    marked: bool = True

    def __post_init__(self) -> None:
        self.shape = tuple(self.shape)

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        share = x.new_empty(len(x), 1).uniform_(self.lowest, self.level, generator=generator)
        grid = x.new_empty(len(x), self._places(x.shape[1])).uniform_(generator=generator)
        hidden = self._spread(grid < share)
        blank = torch.full_like(x, torch.nan if self.marked else 0.0)
        return torch.where(hidden, blank, x), hidden.to(x.dtype)

    def _places(self, features: int) -> int:
        if not self.shape:
            return features
        height, width, _ = self.shape
        return -(-height // self.patch) * -(-width // self.patch)

    def _spread(self, hidden: Tensor) -> Tensor:
        """What is hidden of the grid of patches, of every entry, (n, d)."""
        if not self.shape:
            return hidden
        height, width, channels = self.shape
        grid = hidden.unflatten(1, (-1, -(-width // self.patch)))
        rows = grid.repeat_interleave(self.patch, 1)[:, :height]
        pixels = rows.repeat_interleave(self.patch, 2)[:, :, :width]
        return pixels.unsqueeze(3).expand(-1, -1, -1, channels).flatten(1)

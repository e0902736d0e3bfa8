"""Corruptions: x → x̃, what the encoder gets to see while the loss compares with the clean x.

Vincent et al. 2010, "Stacked denoising autoencoders", sec. 3.3 (kinds) and 4.1 (emphasis).
A corruption says which entries it changed; `emphasis` α in [0, 1] weighs the error of changed
entries with 2α and that of the others with 2(1 − α), so ½ is the ordinary loss and 1 asks only
for the repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import torch
import torch.nn.functional as F
from torch import Tensor

from diabolo.parts import coins
from diabolo.parts.spec import Part, registered


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
        changed = coins.alike(x, self.level, generator)
        return x * (1 - changed), changed


class Missing(Corruption):
    """A fraction `level` of the cells of a mixed table goes missing (NaN)."""

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        changed = coins.alike(x, self.level, generator)
        return x.masked_fill(changed > 0, torch.nan), changed


class SaltAndPepper(Corruption):
    """A fraction `level` of the entries is set to `low` or `high` by a fair coin."""

    low: float = 0.0
    high: float = 1.0

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        changed = coins.alike(x, self.level, generator)
        fair = coins.alike(x, 0.5, generator)
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
        changed = coins.alike(x, self.level, generator)
        donors = torch.randint(len(x), x.shape, generator=generator, device=x.device)
        return torch.where(changed > 0, x.gather(0, donors), x), changed


class Moves(Corruption):
    """Images shifted, turned, stretched and slanted at random, each its own way.

    A pixel of the corrupted image at u, measured from the middle in half sides, shows what was at
    u + A u + b, with all entries of A and b drawn from [−level, level]; between pixels by linear
    interpolation, and 0 beyond the edges. A code from which the image as it was can be told has to
    forget how it was moved, and keep what it shows.

    shape : (height, width, channels) of the flat image.

    Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", for labels;
    as the noise of an autoencoder, Vincent et al. 2010, sec. 3.3: any that is known of the data.
    """

    shape: tuple[int, int, int] = field(kw_only=True)

    def __post_init__(self) -> None:
        height, width, channels = self.shape
        self.shape = (height, width, channels)

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        images = x.unflatten(1, self.shape).movedim(3, 1)
        change = x.new_empty(len(x), 2, 3).uniform_(-self.level, self.level, generator=generator)
        still = torch.eye(2, 3, dtype=x.dtype, device=x.device)
        grid = F.affine_grid(still + change, list(images.shape), align_corners=False)
        moved = F.grid_sample(images, grid, align_corners=False).movedim(1, 3).flatten(1)
        return moved, (moved != x).to(x.dtype)


class InTurn(Corruption):
    """One after the other, such as moves and then masking; changed is what any of them changed.

    The level of each is its own.
    """

    steps: Sequence[Corruption] = field(kw_only=True)

    def __post_init__(self) -> None:
        self.steps = registered(self.steps)

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        any_changed = torch.zeros_like(x)
        for step in self.steps:
            x, changed = step.corrupt(x, generator)
            any_changed = torch.maximum(any_changed, changed)
        return x, any_changed


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

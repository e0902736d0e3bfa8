"""Augmentations: x → another x from the same law, drawn anew at every step.

Unlike a corruption this changes what the loss compares with, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from diabolo.parts import coins
from diabolo.parts.networks import positions
from diabolo.parts.spec import Part, registered


class Augmentation(Part, abstract=True):
    """What all kinds share."""

    def forward(
        self, x: Tensor, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Tensor:
        """(n, d) → (n, d); clock: epochs since the start, (), None where it is not known."""
        raise NotImplementedError


class Unchanged(Augmentation):
    """x as it is."""

    def forward(
        self, x: Tensor, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Tensor:
        return x


class Within(Augmentation):
    """Numbers beyond ±limit count as ±limit, so that a few that are far off cannot rule the fit.

    levels : of a mixed table, how many categories each column has, 0 for numbers; () where all
        are numbers.
    """

    limit: float = 10.0
    levels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.levels = tuple(self.levels)

    def forward(
        self, x: Tensor, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Tensor:
        """(n, d) → (n, d); what is not a number stays so, and categories stay as they are."""
        within = x.clamp(-self.limit, self.limit)
        if not self.levels:
            return within
        return torch.where(positions(self.levels, x.device) > 0, x, within)


class Binarise(Augmentation):
    """Every entry becomes 1 with probability x, else 0: greys read as probabilities.

    What lies outside [0, 1], as later rows may, is certain.

    Salakhutdinov & Murray 2008; drawn anew at every step, as in Burda et al. 2016, sec. 5.
    """

    def forward(
        self, x: Tensor, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Tensor:
        return coins.coins(x, generator)


class Shift(Augmentation):
    """Images moved by up to `pixels` in each direction, in training only.

    shape : (height, width, channels) of the flat image; what moves in is 0.
    until : epochs after which nothing is moved any more, so that training ends on the images as
        they are; 0: moved to the end.
    share : of the rows that are moved. All of these move alike within a step, so that a shift
        is one copy of the batch: different steps move differently.
    """

    shape: tuple[int, int, int]
    pixels: int = 1
    share: float = 0.5
    until: float = 0.0

    def forward(
        self, x: Tensor, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Tensor:
        if not self.training:
            return x
        span = 2 * self.pixels + 1
        images = x.unflatten(1, self.shape).movedim(3, 1)
        # all shifts at once as one convolution with shifted unit impulses would cost span² copies;
        # choosing by a one-hot kernel costs one convolution and keeps shapes independent of values
        place = torch.rand(span * span, device=x.device, generator=generator).argmax()
        kernel = F.one_hot(place, span * span).to(x.dtype).view(1, 1, span, span)
        depth = images.shape[1]
        moved = F.conv2d(
            images, kernel.expand(depth, 1, span, span), padding=self.pixels, groups=depth
        )
        chosen = x.new_empty(len(x), 1).bernoulli_(self.share, generator=generator)
        if self.until and clock is not None:
            chosen = chosen * (clock < self.until)
        return torch.lerp(x, moved.movedim(1, 3).flatten(1), chosen)


class InTurn(Augmentation):
    """One after the other."""

    steps: Sequence[Augmentation]

    def __post_init__(self) -> None:
        self.steps = registered(self.steps)

    def forward(
        self, x: Tensor, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Tensor:
        for step in self.steps:
            x = step(x, generator, clock)
        return x

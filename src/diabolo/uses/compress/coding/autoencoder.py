"""The rows' encoder and decoder, trained as the integers that they will be (`latents`).

    loss = −log₂ p(x | c)  +  β · rate

    quantised   c = ⌊o⌉ for the decoder, rate = −log₂ P(o + u), u uniform in −½ … ½
    bits-back   z = μ + σ ε, ε logistic; c its bin; rate = −log₂ σ − 2 log₂ e − log₂ p(z), which is
                KL(q ‖ p) on average, for ε has an entropy of 2 nats

β rises to 1 in the first fifth of training: beside a context that explains most of a row, a code
that is charged from the start is given up before it is of use (Bowman et al. 2016).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.uses.compress.coding import latents
from diabolo.uses.compress.coding.codes import BitsBack
from diabolo.uses.compress.coding.latents import Looking, Painting
from diabolo.uses.compress.coding.layout import FULL, Layout, hats
from diabolo.uses.compress.coding.rans import SLOTS
from diabolo.uses.compress.coding.rounding import ACTIVE, activated, floored, grained, through
from diabolo.uses.compress.coding.tables import OCTAVE, ONE_WIDE

GRAIN = {"unfold": 64, "paint": 64, "look": 256, "say": 64}  # 1 of a weight
BIAS = {"unfold_bias": 2**14, "paint_bias": 2**14, "look_bias": 2**16, "say_bias": 2**14}
PAINTED = 2**14 / 2**latents.PAINT_SHIFT  # what stands for 1 of a feature
START, WARM = 0.2, 0.2  # β at first; the part of training in which it rises
# so that a logistic z, of σ = 1.8, and 40/256 of it as a value, makes hidden units of about 1
SPREAD = 3.0
LARGEST_UNIT = 0.25  # small layers that learn faster do not settle
BRISK = 8.0  # times the learning rate of the predictors; 1 took .04 bits a pixel more, 16 .02


class Autoencoder(nn.Module):
    """Row → code → what each cell sees of it.

    Weights are kept in units of about their size at the start, 1/√inputs, so that one learning rate
    does for layers of 20 and of 3000 inputs.
    """

    prior: nn.Parameter
    unfold: nn.Parameter
    unfold_bias: nn.Parameter
    paint: nn.Parameter
    paint_bias: nn.Parameter
    look: nn.Parameter
    look_bias: nn.Parameter
    say: nn.Parameter
    say_bias: nn.Parameter
    values: Tensor
    down: Tensor
    across: Tensor

    def __init__(self, layout: Layout, generator: torch.Generator) -> None:
        super().__init__()
        assert layout.code is not None
        self.layout, self.code = layout, layout.code
        self.unit: dict[str, float] = {}
        for name, shape in latents.shapes(layout).items():
            value = torch.zeros(shape)
            if name in GRAIN:
                unit = min(BRISK / math.sqrt(shape[1]), LARGEST_UNIT)
                value.normal_(0, 1 / math.sqrt(shape[1]) / unit, generator=generator)
                self.unit[name] = unit
            setattr(self, name, nn.Parameter(value, requires_grad=value.numel() > 0))
        self.unit["unfold"] *= SPREAD
        with torch.no_grad():
            self.look_bias.uniform_(0, 0.5, generator=generator)
            self.unfold_bias.uniform_(0, 0.5, generator=generator)
            self.prior.fill_(-1.0)  # octaves: an entry costs a bit at first
            if self.code.bits_back:
                self.say_bias[self.code.size :] = 2.0  # octaves: q as wide as the prior
        self.largest = latents.largest(layout)
        self.register_buffer("values", torch.from_numpy(self.code.values).float())
        self.register_buffer("down", torch.from_numpy(hats(layout.height, self.code.lines)).float())
        self.register_buffer(
            "across", torch.from_numpy(hats(layout.width, self.code.columns)).float()
        )
        self.warm = 0.0  # epochs in which β rises

    def forward(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Values of the codes (n, size) in −255 … 255, and their rates (n,) in bits.

        rows : (n, knots · planes) as `latents.Pool` gives them
        """
        said = self.said(rows)
        if isinstance(self.code, BitsBack):
            return self._drawn(said, generator)
        noise = torch.rand(said.shape, generator=generator) - 0.5
        blurred = (said + noise).clamp(-31.5, 31.5)
        sharpness = torch.exp2(-grained(self.prior, OCTAVE))
        mass = torch.sigmoid((blurred + 0.5) * sharpness)
        mass = mass - torch.sigmoid((blurred - 0.5) * sharpness)
        bits = -(mass.clamp_min(0) + 1 / SLOTS).log2().sum(1)
        return 8 * through(said.round(), said).clamp(-31, 31), bits

    def _drawn(self, said: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        size = self.code.size
        mean = floored(said[:, :size], 1024)
        octaves = (floored(said[:, size:], OCTAVE) - 2).clamp(-10, 5)
        u = torch.rand(mean.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        z = mean + torch.exp2(octaves) * (u.log() - (1 - u).log())
        nats = F.logsigmoid(z) + F.logsigmoid(-z)
        bits = (-octaves - (2 + nats) / math.log(2)).sum(1)
        bins = (torch.sigmoid(z) * self.code.levels).long().clamp(0, self.code.levels - 1)
        exact = (40 * z).clamp(-250, 250)
        rounded = self.values.index_select(0, bins.reshape(-1)).reshape(z.shape)
        return through(rounded, exact), bits

    def charge(self, clock: Tensor) -> Tensor:
        """β at that time."""
        if not self.warm:
            return torch.ones(())
        return (START + (1 - START) * clock / self.warm).clamp(max=1.0)

    def said(self, rows: Tensor) -> Tensor:
        """(n, said) multiples of 1/4096: the whole numbers of `Latents.said` by 4096."""
        h = activated(rows / ACTIVE @ self._weight("look").T + self._bias("look_bias"))
        return floored(h @ self._weight("say").T + self._bias("say_bias"), 4096)

    def canvas(self, values: Tensor) -> Tensor:
        """(n · cells, features) whole numbers in −255 … 255, from values of codes (n, size)."""
        n, code, layout = len(values), self.code, self.layout
        h = activated(values / ACTIVE @ self._weight("unfold").T + self._bias("unfold_bias"))
        f = floored(PAINTED * (h @ self._weight("paint").T + self._bias("paint_bias")))
        f = f.clamp(-FULL, FULL).reshape(n, code.lines, -1)
        lines = floored(self.down @ f / ACTIVE).reshape(n, layout.height, code.columns, -1)
        cells = floored(self.across @ lines / ACTIVE)
        return cells.reshape(n * layout.cells, code.features)

    def _weight(self, name: str) -> Tensor:
        return grained(getattr(self, name) * self.unit[name], GRAIN[name], self.largest[name])

    def _bias(self, name: str) -> Tensor:
        return grained(getattr(self, name), BIAS[name])

    @torch.no_grad()
    def parts(self) -> tuple[Painting, Looking]:
        """The whole numbers."""
        found = {name: (self._weight(name) * grain).round() for name, grain in GRAIN.items()}
        found |= {name: (self._bias(name) * grain).round() for name, grain in BIAS.items()}
        found["prior"] = ((OCTAVE * self.prior).round() + ONE_WIDE).clamp(0, 127)
        whole = {n: v.numpy().astype(latents.TENSORS[n]) for n, v in found.items()}
        return (
            Painting(**{name: whole[name] for name in Painting._fields}),
            Looking(**{name: whole[name] for name in Looking._fields}),
        )


def seen(layout: Layout, rows: np.ndarray) -> np.ndarray:
    """(n, knots · planes) int16 of rows (n, height, width, planes), some at a time."""
    pool = latents.Pool(layout)
    pieces = [pool(rows[i : i + 1024]).T for i in range(0, len(rows), 1024)]
    return np.concatenate(pieces)

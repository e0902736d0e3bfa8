"""The rows' encoder and decoder, trained as the integers that they will be (`latents`).

    loss = −log₂ p(x | c)  +  β · rate

    quantised   c = ⌊o⌉ for the decoder, rate = −log₂ P(o + u), u uniform in −½ … ½
    bits-back   z = μ + σ ε, ε logistic; c its bin; rate = −log₂ σ − 2 log₂ e − log₂ p(z), which is
                KL(q ‖ p) on average, for ε has an entropy of 2 nats
    hierarchical   likewise for each layer, p(z) being that of the layer above, p(z | c″)

β rises to 1 in the first fifth of training: beside a context that explains most of a row, a code
that is charged from the start is given up before it is of use (Bowman et al. 2016).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.uses.compress.coding import latents, layers, products
from diabolo.uses.compress.coding.codes import BitsBack
from diabolo.uses.compress.coding.latents import Looking, Painting
from diabolo.uses.compress.coding.layers import Above
from diabolo.uses.compress.coding.layout import FULL, Layout, hats
from diabolo.uses.compress.coding.rans import SLOTS
from diabolo.uses.compress.coding.rounding import ACTIVE, activated, floored, grained, through
from diabolo.uses.compress.coding.tables import OCTAVE, ONE_WIDE

GRAIN = {"unfold": 64, "paint": 64, "look": 256, "say": 64}  # 1 of a weight
GRAIN |= {"rise": 64, "tell": 64, "fall": 64, "lead": 64}
BIAS = {"look_bias": 2**16}  # likewise; of the others:
SMALL_BIAS = 2**14
PAINTED = 2**14 / 2**latents.PAINT_SHIFT  # what stands for 1 of a feature
START, WARM = 0.2, 0.2  # β at first; the part of training in which it rises
# so that a logistic z, of σ = 1.8, and 40/256 of it as a value, makes hidden units of about 1
SPREAD = 3.0
LARGEST_UNIT = 0.25  # small layers that learn faster do not settle
WIDE = 2.0  # octaves that are said at first: a density as wide as the prior
BRISK = 8.0  # times the learning rate of the predictors; 1 took .04 bits a pixel more, 16 .02


class Rounded(nn.Module):
    """Matrices and biases that are whole numbers going forward.

    Weights are kept in units of about their size at the start, 1/√inputs, so that one learning rate
    does for layers of 20 and of 3000 inputs.
    """

    def __init__(
        self,
        shapes: dict[str, tuple[int, ...]],
        inputs: dict[str, int],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.unit, self.largest = {}, {}
        for name, shape in shapes.items():
            value = torch.zeros(shape)
            if name in inputs:
                unit = min(BRISK / math.sqrt(shape[1]), LARGEST_UNIT)
                value.normal_(0, 1 / math.sqrt(shape[1]) / unit, generator=generator)
                self.unit[name] = unit
                self.largest[name] = products.largest(shape[1], inputs[name])
            setattr(self, name, nn.Parameter(value, requires_grad=value.numel() > 0))

    def _hidden(self, name: str, x: Tensor) -> Tensor:
        """Units that see whole numbers in −255 … 255."""
        return activated(x / ACTIVE @ self._weight(name).T + self._bias(name))

    def _said(self, name: str, h: Tensor) -> Tensor:
        """Multiples of 1/4096: the whole numbers of `latents` and `layers` by 4096."""
        return floored(h @ self._weight(name).T + self._bias(name), 4096)

    def _weight(self, name: str) -> Tensor:
        return grained(getattr(self, name) * self.unit[name], GRAIN[name], self.largest[name])

    def _bias(self, name: str) -> Tensor:
        name = f"{name}_bias"
        return grained(getattr(self, name), BIAS.get(name, SMALL_BIAS), products.LARGEST_BIAS)

    @torch.no_grad()
    def whole(self) -> dict[str, Tensor]:
        """The whole numbers of all matrices and biases."""
        found = {}
        for name in self.unit:
            found[name] = (self._weight(name) * GRAIN[name]).round()
            bias = f"{name}_bias"
            found[bias] = (self._bias(name) * BIAS.get(bias, SMALL_BIAS)).round()
        return found


class LayerAbove(Rounded):
    """What is said of a layer by the one below it, and of that one by this; `layers.Layer`."""

    rise_bias: nn.Parameter
    tell_bias: nn.Parameter
    fall_bias: nn.Parameter
    lead_bias: nn.Parameter

    def __init__(self, shapes: dict[str, tuple[int, ...]], generator: torch.Generator) -> None:
        super().__init__(shapes, layers.INPUTS, generator)
        self.unit["rise"] *= SPREAD
        self.unit["fall"] *= SPREAD
        with torch.no_grad():
            for said, bias in (("tell", self.tell_bias), ("lead", self.lead_bias)):
                bias[shapes[said][0] // 2 :] = WIDE
            for bias in (self.rise_bias, self.fall_bias):
                bias.uniform_(0, 0.5, generator=generator)

    def up(self, values: Tensor) -> Tensor:
        return self._said("tell", self._hidden("rise", values))

    def down(self, values: Tensor) -> Tensor:
        return self._said("lead", self._hidden("fall", values))

    def parts(self) -> Above:
        return Above(**{n: v.numpy().astype(layers.TENSORS[n]) for n, v in self.whole().items()})


class Autoencoder(Rounded):
    """Row → code → what each cell sees of it."""

    prior: nn.Parameter
    look_bias: nn.Parameter
    say_bias: nn.Parameter
    unfold_bias: nn.Parameter
    values: Tensor
    down: Tensor
    across: Tensor

    def __init__(self, layout: Layout, generator: torch.Generator) -> None:
        assert layout.code is not None
        super().__init__(latents.shapes(layout), latents.INPUTS, generator)
        self.layout, self.code = layout, layout.code
        self.unit["unfold"] *= SPREAD
        with torch.no_grad():
            self.look_bias.uniform_(0, 0.5, generator=generator)
            self.unfold_bias.uniform_(0, 0.5, generator=generator)
            self.prior.fill_(-1.0)  # octaves: an entry costs a bit at first
            if self.code.bits_back:
                self.say_bias[self.code.size :] = WIDE
        self.above = nn.ModuleList(
            LayerAbove(shapes, generator) for shapes in layers.shapes(self.code)
        )
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
        z, first, bits = self._draw(said, generator)
        values = first
        for layer in self.above:
            assert isinstance(layer, LayerAbove)
            above, values, back = self._draw(layer.up(values), generator)
            bits = bits + back + _bits(z, *_density(layer.down(values)))
            z = above
        none = torch.zeros(())
        return first, bits + _bits(z, none, none)

    def _draw(self, said: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Of what was said of a code: a z, the values of its bins, and −(the bits had back)."""
        mean, octaves = _density(said)
        u = torch.rand(mean.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        z = mean + torch.exp2(octaves) * (u.log() - (1 - u).log())
        bins = (torch.sigmoid(z) * self.code.levels).long().clamp(0, self.code.levels - 1)
        exact = (40 * z).clamp(-250, 250)
        rounded = self.values.index_select(0, bins.reshape(-1)).reshape(z.shape)
        return z, through(rounded, exact), -(octaves + 2 / math.log(2)).sum(1)

    def charge(self, clock: Tensor) -> Tensor:
        """β at that time."""
        if not self.warm:
            return torch.ones(())
        return (START + (1 - START) * clock / self.warm).clamp(max=1.0)

    def said(self, rows: Tensor) -> Tensor:
        """(n, said) what the encoder says of rows: the whole numbers of `Latents.said` by 4096."""
        return self._said("say", self._hidden("look", rows))

    def canvas(self, values: Tensor) -> Tensor:
        """(n · cells, features) whole numbers in −255 … 255, from values of codes (n, size)."""
        n, code, layout = len(values), self.code, self.layout
        h = self._hidden("unfold", values)
        f = floored(PAINTED * (h @ self._weight("paint").T + self._bias("paint")))
        f = f.clamp(-FULL, FULL).reshape(n, code.lines, -1)
        lines = floored(self.down @ f / ACTIVE).reshape(n, layout.height, code.columns, -1)
        cells = floored(self.across @ lines / ACTIVE)
        return cells.reshape(n * layout.cells, code.features)

    @torch.no_grad()
    def parts(self) -> tuple[Painting, Looking, list[Above]]:
        """The whole numbers."""
        found = self.whole()
        found["prior"] = ((OCTAVE * self.prior).round() + ONE_WIDE).clamp(0, 127)
        whole = {n: v.numpy().astype(latents.TENSORS[n]) for n, v in found.items()}
        above = [layer.parts() for layer in self.above if isinstance(layer, LayerAbove)]
        return (
            Painting(**{name: whole[name] for name in Painting._fields}),
            Looking(**{name: whole[name] for name in Looking._fields}),
            above,
        )


def _density(said: Tensor) -> tuple[Tensor, Tensor]:
    """Means and octaves of the densities of a code, (n, size) each; `codes.Density`."""
    mean, octaves = said.chunk(2, 1)
    return floored(mean, 1024), (floored(octaves, OCTAVE) - 2).clamp(-10, 5)


def _bits(z: Tensor, mean: Tensor, octaves: Tensor) -> Tensor:
    """−log₂ of that density, (n,)"""
    t = (z - mean) * torch.exp2(-octaves)
    return (octaves - (F.logsigmoid(t) + F.logsigmoid(-t)) / math.log(2)).sum(1)


def seen(layout: Layout, rows: np.ndarray) -> np.ndarray:
    """(n, knots · planes) int16 of rows (n, height, width, planes), some at a time."""
    pool = latents.Pool(layout)
    pieces = [pool(rows[i : i + 1024]).T for i in range(0, len(rows), 1024)]
    return np.concatenate(pieces)

"""The networks as they are trained: real numbers, rounded on the way forward.

Weights, biases and the decoder's activations are rounded to where the whole numbers of `decoder`
lie, divided by powers of two, while the gradient passes as if they were not (straight through;
Bengio et al. 2013). What is trained is then what decodes.

    GDN    y = x / (β + Γ|x|)   at the encoder      IGDN   y = x (β + Γ|x|)   at the decoder

Ballé et al. 2016, "Density modeling of images using a generalized normalization transformation";
without powers and roots: Johnston et al. 2019, sec. 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.uses.compress.coding.rounding import floored, grained, through, whole
from diabolo.uses.compress.photographs.design import (
    ACTIVE,
    ANCHORS,
    BETWEEN,
    HIGHEST,
    HYPER,
    KNOWN,
    LATENT,
    OCTAVE,
    QUALITIES,
    SAID,
    WIDEST,
    Design,
    point,
)


class Pass(NamedTuple):
    """What a forward pass knows."""

    bits: Tensor  # (n,) that latents and hyper-latents take
    hyper_bits: Tensor  # (n,) those of hyper-latents alone
    x: Tensor  # (n, 3, h, w) decoded, on the scale of pixels, neither rounded nor clipped


class Codec(nn.Module):
    """All networks of a model.

    design    : its sizes
    generator : of the first weights
    """

    def __init__(self, design: Design, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.design = design
        self.tensors = nn.ParameterDict(
            {
                name: nn.Parameter(_beginning(name, shape, generator))
                for name, shape in design.shapes().items()
            }
        )

    # the parts

    def w(self, name: str) -> Tensor:
        """A tensor, rounded."""
        value, grain = self.tensors[name], 2.0 ** point(name)
        if name.endswith("_norm"):
            value = value.abs()
        if name == "steps":
            value = torch.exp2(value).clamp_min(2 / grain)
        return grained(value, grain)

    def analysis(self, x: Tensor) -> Tensor:
        """Pixels 0 … 255 (n, 3, 16 h, 16 w) → latents (n, latents, h, w)."""
        h = self._conv((x - 128) / 128, "analysis_first", 4, 2)
        h = self._gdn(h, "analysis_first_norm")
        h = h + self._conv(F.relu(self._conv(h, "analysis_inner", 1, 1)), "analysis_outer", 1, 1)
        h = self._gdn(self._conv(h, "analysis_second", 2, 1), "analysis_second_norm")
        return self._conv(h, "analysis_third", 2, 1)

    def hyper(self, y: Tensor) -> Tensor:
        """Latents in steps → hyper-latents (n, hyper, ⌈h/4⌉, ⌈w/4⌉)."""
        lines, cells = -y.shape[2] % HYPER, -y.shape[3] % HYPER
        h = F.relu(self._conv(F.pad(y / 2**KNOWN, (0, cells, 0, lines)), "hyper_first", 1, 0))
        h = F.relu(self._conv(h, "hyper_second", 2, 1))
        return self._conv(h, "hyper_third", 2, 1)

    def prior(self, z: Tensor, quality: Tensor, size: torch.Size) -> Tensor:
        """Hyper-latents → features (n, hidden, h, w) of latents of that size."""
        h = self._told(self._up(_active(z), "prior_first"), "prior_first", quality)
        h = self._told(self._up(_relu(h), "prior_second"), "prior_second", quality)
        return _relu(h[:, :, : size[2], : size[3]])

    def group(
        self, g: int, features: Tensor, known: Tensor, odd: int, quality: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Means and octaves (n, channels, h, w) of a group's latents.

        known : (n, last, h, w) latents in steps, 0 where they are not known yet
        odd   : 0 for the cells that come first, 1 for those between them
        """
        name = f"group{g}"
        h = F.conv2d(_active(known / 2**KNOWN), self.w(f"{name}_context"), padding=1)
        h = h + self._conv(features, f"{name}_features", 1, 0)
        h = self._told(h, name, quality) + odd * self.w(f"{name}_parity")[:, None, None]
        h = _relu(self._conv(_relu(h), f"{name}_hidden", 1, 0))
        out = self._conv(h, f"{name}_out", 1, 0)
        mean, octave = (out * 2**SAID).chunk(2, 1)
        return floored(mean, 2.0**LATENT), _octave(octave)

    def synthesis(self, y: Tensor) -> Tensor:
        """Latents (n, latents, h, w) → pixels (n, 3, 16 h, 16 w), around 0 … 255."""
        h = self._igdn(_active(self._up(_active(y), "synthesis_first")), "synthesis_first_norm")
        h = self._igdn(_active(self._up(h, "synthesis_second")), "synthesis_second_norm")
        h = _active(
            h + self._conv(_relu(self._conv(h, "synthesis_inner", 1, 1)), "synthesis_outer", 1, 1)
        )
        return 128 * F.pixel_shuffle(self._conv(h, "synthesis_last", 1, 1), 4) + 128

    def step(self, quality: Tensor) -> Tensor:
        """Steps (n, latents, 1, 1) of qualities (n,) in 0 … 80, whole or not."""
        return _between(self.w("steps"), quality)[:, :, None, None]

    def hyper_density(self, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Centres and octaves (n, hyper, 1, 1) of hyper-latents."""
        centres = floored(_between(self.w("centres"), quality), 2.0**LATENT)
        octaves = _octave(_between(self.w("widths"), quality))
        return centres[:, :, None, None], octaves[:, :, None, None]

    # all of them

    def forward(self, x: Tensor, quality: Tensor, generator: torch.Generator) -> Pass:
        """x (n, 3, 16 h, 16 w) pixels 0 … 255, quality (n,) in 0 … 80."""
        step = self.step(quality)
        y = self.analysis(x) / step
        z = self.hyper(y)
        centre, octave = self.hyper_density(quality)
        hyper_bits = bits_of(_noisy(z - centre, generator), octave).sum((1, 2, 3))
        features = self.prior(_rounded(z - centre) + centre, quality, y.shape)
        bits, known = self.latents(y, features, quality, generator)
        return Pass(bits + hyper_bits, hyper_bits, self.synthesis(known * step))

    def latents(
        self, y: Tensor, features: Tensor, quality: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Bits (n,) of latents in steps, and what becomes of them."""
        odd = checkerboard(y.shape[2], y.shape[3], y.device)
        total = torch.zeros(len(y), device=y.device)
        earlier: list[Tensor] = []
        for g, (first, last) in enumerate(self.design.parts):
            own = y[:, first:last]
            anchors = torch.zeros_like(own)
            for parity, here in ((0, ~odd), (1, odd)):
                known = torch.cat([*earlier, anchors], 1)
                mean, octave = self.group(g, features, known, parity, quality)
                bits = bits_of(_noisy(own - mean, generator), octave)
                total = total + (bits * here).sum((1, 2, 3))
                anchors = anchors + (_rounded(own - mean) + mean) * here
            earlier.append(anchors)
        return total, torch.cat(earlier, 1)

    # layers

    def _conv(self, x: Tensor, name: str, stride: int, padding: int) -> Tensor:
        return F.conv2d(x, self.w(name), self.w(f"{name}_bias"), stride, padding)

    def _up(self, x: Tensor, name: str) -> Tensor:
        return F.conv_transpose2d(x, self.w(name), self.w(f"{name}_bias"), 2, 1)

    def _told(self, h: Tensor, name: str, quality: Tensor) -> Tensor:
        """What is worked out, given the quality."""
        share = (quality / QUALITIES)[:, None, None, None]
        return h + share * self.w(f"{name}_quality")[:, None, None]

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.conv2d(x.abs(), self.w(name)[:, :, None, None], self.w(f"{name}_bias"))

    def _gdn(self, x: Tensor, name: str) -> Tensor:
        return x / self._norm(x, name).clamp_min(2.0**-6)

    def _igdn(self, x: Tensor, name: str) -> Tensor:
        return _active(x * _active(self._norm(x, name)))

    # whole numbers

    @torch.no_grad()
    def whole(self) -> dict[str, np.ndarray]:
        """All tensors as the whole numbers of the file."""
        found = {}
        for name in self.design.shapes():
            value = (self.w(name).double() * 2.0 ** point(name)).round()
            found[name] = value.cpu().numpy().astype(np.int32)
        return found

    @classmethod
    def of(cls, design: Design, whole: Mapping[str, np.ndarray]) -> Codec:
        """The networks of whole numbers, to encode with."""
        codec = cls(design)
        with torch.no_grad():
            for name, parameter in codec.tensors.items():
                value = torch.from_numpy(whole[name].astype(np.float64)) / 2.0 ** point(name)
                parameter.copy_(value.log2() if name == "steps" else value)
        return codec.requires_grad_(False)


def checkerboard(lines: int, cells: int, device: torch.device | None = None) -> Tensor:
    """(lines, cells): whether line + cell is odd, and a latent there comes second."""
    line, cell = torch.arange(lines, device=device), torch.arange(cells, device=device)
    return (line[:, None] + cell) % 2 == 1


def bits_of(v: Tensor, octave: Tensor) -> Tensor:
    """−log₂ of the logistic density of width 2^octave around 0, over v ± ½."""
    sharp = torch.exp2(-octave)
    v = v.abs()  # the tails on the side where sigmoid has digits
    likely = torch.sigmoid((0.5 - v) * sharp) - torch.sigmoid((-0.5 - v) * sharp)
    return -(likely + 2.0**-16).log2()


def _rounded(v: Tensor) -> Tensor:
    return through(v.round(), v)


def _noisy(v: Tensor, generator: torch.Generator) -> Tensor:
    """Rounding as its density sees it: uniform noise (Ballé et al. 2017, sec. 3)."""
    return v + torch.rand(v.shape, generator=generator, device=v.device) - 0.5


def _active(x: Tensor) -> Tensor:
    """8 bits after the point, 16 in all."""
    x = x.clamp(-HIGHEST / 2**ACTIVE, HIGHEST / 2**ACTIVE)
    return floored(x, 2.0**ACTIVE)


def _relu(x: Tensor) -> Tensor:
    return _active(x.clamp_min(0))


def _octave(x: Tensor) -> Tensor:
    """Logarithms of widths, eighths of an octave, −4 … 5.9; a little of the gradient beyond."""
    inside = x.clamp(-4, (WIDEST - 1) / 8 - 4)
    leaky = inside + 0.05 * (x - inside)
    return whole((inside * 2**OCTAVE).floor() / 2**OCTAVE, through(inside, leaky))


def _between(table: Tensor, quality: Tensor) -> Tensor:
    """A table of anchors (6, channels) at qualities (n,), linearly."""
    below = (quality / BETWEEN).floor().clamp(0, ANCHORS - 2)
    share = (quality / BETWEEN - below)[:, None]
    below = below.long()
    return table[below] * (1 - share) + table[below + 1] * share


def _beginning(name: str, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    """A tensor before training, where `beginning` says nothing else."""
    value = torch.zeros(shape)
    if generator is None or len(shape) != 4:
        return value
    fan = shape[1] * shape[2] * shape[3]
    if name.startswith("prior"):
        fan = shape[0] * 4  # taps of a transposed convolution that meet in one cell
    return value.normal_(
        0, _LOUD.get(name.split("_")[-1], 1.0) / math.sqrt(fan), generator=generator
    )


_LOUD = {"outer": 0.1, "out": 0.2}  # what is added to something begins small

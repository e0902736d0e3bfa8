"""Pixels → latents that are cheap to code. Nothing here has to be the same on every machine.

What is wanted are the latents ŷ, of all that can be coded, with the smallest

    bits(ŷ) + λ · squared error of the pixels

The analysis gives a first guess y. A latent is not rounded to the nearest symbol s, but to that of
the two around it with the smaller bits(s) + (v − s)² / price, v = y/Δ − μ. Where a step Δ is best
for its rate −log₂ Δ and its error c Δ²/12, the derivative says λ c Δ² = 6 / ln 2: the price is
about ln 2 / 6. Then some steps of proximal gradient descent: down the error's gradient, and rounded
again.

    v = ŷ/Δ − η ∂(λ error)/∂(ŷ/Δ)

An encoder that is only a network leaves some of it on the table (Campos et al. 2019, "Content
adaptive optimization for neural image compression"). Proximal gradient: Beck & Teboulle 2009.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from diabolo.uses.compress.photographs.chunks import Recorded, Tile
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.decoder import Decoder
from diabolo.uses.compress.photographs.densities import SURE, costs, densities
from diabolo.uses.compress.photographs.design import LATENT, PATCH, weight_of

PRICE = 0.07  # of a bit, in squared steps; 0.6 of what is derived was best on held-out pictures
DOWNHILL = 0.04  # η; halved where a step made things worse
ROUNDS = 3
HALO = 4  # latents around a strip or tile that its pixels depend on
STRIP = 4096  # latents of a strip, about


class Encoded(NamedTuple):
    """A tile."""

    record: Recorded
    latents: np.ndarray  # (latents, lines, cells) int16, as they will be decoded


class Encoder:
    """The encoder's side of one model."""

    def __init__(self, codec: Codec, decoder: Decoder) -> None:
        self.codec, self.decoder = codec, decoder

    def analysed(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (h, w, 3) bytes → latents (latents, ⌈h/16⌉, ⌈w/16⌉) float32, strip by strip."""
        lines, cells = (-(-side // PATCH) for side in pixels.shape[:2])
        found = np.empty((self.codec.design.latents, lines, cells), np.float32)
        each = max(1, STRIP // cells)
        for first in range(0, lines, each):
            last = min(first + each, lines)
            above, below = max(0, first - HALO), min(lines, last + HALO)
            with torch.no_grad():
                y = self.codec.analysis(_cut(pixels, Tile(above, 0, below - above, cells)))
            found[:, first:last] = y[0, :, first - above : last - above].numpy()
        return found

    def encoded(
        self, pixels: np.ndarray, y: np.ndarray, quality: int, tile: Tile, rounds: int = ROUNDS
    ) -> Encoded:
        """What is coded of a tile.

        y : (latents, lines, cells) of the whole picture, from `analysed`.
        """
        step = self.codec.step(torch.tensor([float(quality)]))[0].numpy()
        steps = y / step
        own = (slice(None), *tile.within())
        with torch.no_grad():
            z = self.codec.hyper(torch.from_numpy(steps[own])[None])[0].numpy()
        found = self._rounded(steps[own], z, quality)
        if not rounds:
            return found
        around = _around(tile, *y.shape[1:])
        x, weight = _cut(pixels, around), float(weight_of(quality))
        middle = (slice(None), *tile.within(around))
        best, least, down, current = found, math.inf, DOWNHILL, found
        surely = steps[slice(None), *around.within()].copy()
        for _ in range(rounds):
            surely[middle] = current.latents / 2**LATENT
            error, slope = self._slope(surely, step, x, tile, around)
            cost = current.record.bits() + weight * error
            if cost < least:
                best, least, downhill = current, cost, slope[middle]
            else:
                down /= 2
            target = best.latents / 2**LATENT - down * weight * downhill
            current = self._rounded(target.astype(np.float32), z, quality)
        surely[middle] = current.latents / 2**LATENT
        error, _ = self._slope(surely, step, x, tile, around, slope=False)
        return current if current.record.bits() + weight * error < least else best

    def _rounded(self, steps: np.ndarray, z: np.ndarray, quality: int) -> Encoded:
        """Latents of a tile in units of their steps, and hyper-latents, as cheap symbols."""
        lines, cells = steps.shape[1:]
        odd = np.add.outer(np.arange(lines), np.arange(cells)) % 2
        parts = self.codec.design.parts
        record = Recorded()

        def symbols(means: np.ndarray, widths: np.ndarray, part: tuple[int, ...]) -> np.ndarray:
            if part:
                g, parity = part
                values = steps[slice(*parts[g])][:, odd == parity].reshape(-1)
            else:
                values = z.reshape(-1)
            chosen = cheapest(values - means / 2**LATENT, widths)
            record.add(widths, chosen)
            return chosen

        return Encoded(record, self.decoder.latents(quality, lines, cells, symbols))

    def _slope(
        self,
        steps: np.ndarray,
        step: np.ndarray,
        x: torch.Tensor,
        tile: Tile,
        around: Tile,
        slope: bool = True,
    ) -> tuple[float, np.ndarray]:
        """Squared error of a tile's pixels (mean over colours), and its gradient by `steps`."""
        leaf = torch.from_numpy(steps.astype(np.float32))[None].requires_grad_(slope)
        error = (self.codec.synthesis(leaf * torch.from_numpy(step)) - x).square()
        lines, cells = (
            slice(PATCH * part.start, PATCH * part.stop) for part in tile.within(around)
        )
        total = error[:, :, lines, cells].sum() / 3
        if not slope:
            return float(total), steps
        (gradient,) = torch.autograd.grad(total, leaf)
        return float(total.detach()), gradient[0].numpy()


def cheapest(v: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Symbols (n,) for values v in units of their steps."""
    most = densities().furthest[widths]
    near = np.clip(np.rint(v).astype(np.int64), -most, most)
    inner = near - np.sign(near)
    gain = costs(widths, near) - costs(widths, inner)
    loss = ((v - inner) ** 2 - (v - near) ** 2) / PRICE
    chosen = np.where((near != 0) & (gain > loss), inner, near)
    chosen[widths <= SURE] = 0
    return chosen


def _cut(pixels: np.ndarray, tile: Tile) -> torch.Tensor:
    """(1, 3, 16 lines, 16 cells) of a picture; beyond its edge what is nearest."""
    top, left = tile.line * PATCH, tile.cell * PATCH
    height, width = tile.lines * PATCH, tile.cells * PATCH
    piece = pixels[top : top + height, left : left + width]
    x = torch.from_numpy(np.array(piece)).permute(2, 0, 1)[None].float()
    return F.pad(x, (0, width - piece.shape[1], 0, height - piece.shape[0]), "replicate")


def _around(tile: Tile, lines: int, cells: int) -> Tile:
    """A tile and what its pixels depend on."""
    line, cell = max(0, tile.line - HALO), max(0, tile.cell - HALO)
    return Tile(
        line,
        cell,
        min(lines, tile.line + tile.lines + HALO) - line,
        min(cells, tile.cell + tile.cells + HALO) - cell,
    )

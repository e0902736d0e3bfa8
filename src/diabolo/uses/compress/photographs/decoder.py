"""The decoder's half of the networks, in whole numbers. Arrays are (channels, lines, cells).

Latents v are whole numbers with 4 bits after the point, in units of their steps: v = 16 s + μ with
the coded symbol s and the predicted mean μ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from diabolo.uses.compress.photographs.design import (
    ACTIVE,
    ANCHORS,
    BETWEEN,
    BIAS,
    HIGHEST,
    HYPER,
    KNOWN,
    LATENT,
    OCTAVE,
    PATCH,
    QUALITIES,
    SAID,
    STEP,
    TRANSPOSED,
    WIDEST,
    Design,
    point,
)
from diabolo.uses.compress.photographs.integers import (
    Taps,
    active,
    convolved,
    divisive,
    enlarged,
    rectified,
)
from diabolo.uses.compress.pool import in_threads

Symbols = Callable[[np.ndarray, np.ndarray, tuple[int, ...]], np.ndarray]
NARROWEST = 32  # eighths of an octave below a width of 1
LARGEST = 2**15 - 1  # a latent
HALO = 4  # latents around a strip that its pixels depend on: 3, and one to spare
STRIP = 1536  # latents of a strip, about


class Decoder:
    """Means and widths of latents; pixels.

    whole : all tensors of a model as whole numbers
    raises ValueError where a sum could be too large to be exact
    """

    def __init__(self, design: Design, whole: Mapping[str, np.ndarray]) -> None:
        self.design, self.whole = design, whole
        self._taps = {
            name: self._prepared(name)
            for name in design.shapes()
            if name.startswith(("prior", "group", "synthesis"))
            and not name.endswith(("_bias", "_quality", "_parity"))
        }

    def _prepared(self, name: str) -> Taps:
        weight = self.whole[name]
        if name.endswith("_norm"):
            weight = weight[:, :, None, None]
        bias = self.whole.get(f"{name}_bias")
        return Taps(name, weight, bias, point(name), name in TRANSPOSED)

    # densities

    def steps(self, quality: int) -> np.ndarray:
        """(latents, 1, 1) with 10 bits after the point."""
        return self._between("steps", quality)

    def hyper_density(self, quality: int) -> tuple[np.ndarray, np.ndarray]:
        """Centres, with 4 bits after the point, and widths 0 … 79 of hyper-latents."""
        centres = self._between("centres", quality) // BETWEEN
        widths = self._between("widths", quality) // BETWEEN + NARROWEST
        return centres, widths.clip(0, WIDEST - 1)

    def prior(self, z: np.ndarray, quality: int, lines: int, cells: int) -> np.ndarray:
        """Hyper-latents, 4 bits after the point → features of so many lines of latents."""
        h = enlarged(_widened(z, LATENT), self._taps["prior_first"])
        h = rectified(h + self._told("prior_first", quality), point("prior_first"))
        h = enlarged(h, self._taps["prior_second"])
        h = rectified(h + self._told("prior_second", quality), point("prior_second"))
        return h[:, :lines, :cells]

    def group(
        self, g: int, features: np.ndarray, known: np.ndarray, odd: int, quality: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means, with 4 bits after the point, and widths 0 … 79 of a group's latents."""
        name = f"group{g}"
        bits = point(f"{name}_context")
        h = convolved(_widened(known, LATENT + KNOWN), self._taps[f"{name}_context"])
        h += convolved(features, self._taps[f"{name}_features"])
        told = self._told(name, quality)
        if odd:
            told = told + _aligned(self.whole[f"{name}_parity"], bits)
        h = rectified(h + told, bits)
        h = rectified(convolved(h, self._taps[f"{name}_hidden"]), bits)
        means, octaves = np.split(convolved(h, self._taps[f"{name}_out"]), 2)
        means = np.floor(means * 2.0 ** (LATENT + SAID - ACTIVE - bits)).clip(-LARGEST, LARGEST)
        widths = np.floor(octaves * 2.0 ** (OCTAVE + SAID - ACTIVE - bits)) + NARROWEST
        return means.astype(np.int64), widths.clip(0, WIDEST - 1).astype(np.int64)

    def _told(self, name: str, quality: int) -> np.ndarray:
        told = self.whole[f"{name}_quality"].astype(np.int64) * quality // QUALITIES
        return _aligned(told, point(name if name.startswith("prior") else f"{name}_context"))

    def _between(self, name: str, quality: int) -> np.ndarray:
        """16 times a table's entries at a quality: whole numbers, linear between anchors."""
        below = min(quality // BETWEEN, ANCHORS - 2)
        share = quality - below * BETWEEN
        table = self.whole[name].astype(np.int64)
        between = table[below] * (BETWEEN - share) + table[below + 1] * share
        return np.asarray(between)[:, None, None]

    # latents

    def latents(self, quality: int, lines: int, cells: int, symbols: Symbols) -> np.ndarray:
        """Latents v (latents, lines, cells) of a tile.

        symbols : told means (4 bits after the point), widths, and which part of the tile they
                  belong to; says the symbols. Called in the order of the file: hyper-latents, then
                  each group, first where line + cell is even, then where it is odd.
        """
        size = -(-lines // HYPER), -(-cells // HYPER)
        shape = self.design.hyper, *size
        centres, widths = (
            np.broadcast_to(one, shape).reshape(-1) for one in self.hyper_density(quality)
        )
        z = (symbols(centres, widths, ()) << LATENT) + centres
        features = self.prior(z.reshape(shape), quality, lines, cells)
        odd = np.add.outer(np.arange(lines), np.arange(cells)) % 2 == 1
        known = np.zeros((self.design.latents, lines, cells), np.int64)
        for g, (first, last) in enumerate(self.design.parts):
            for parity, here in enumerate((~odd, odd)):
                mean, width = self.group(g, features, known[:last], parity, quality)
                mean, width = mean[:, here].reshape(-1), width[:, here].reshape(-1)
                v = (symbols(mean, width, (g, parity)) << LATENT) + mean
                v = v.clip(-LARGEST, LARGEST)
                known[first:last, here] = v.reshape(last - first, -1)
        return known.astype(np.int16)

    # pixels

    def pixels(
        self, latents: np.ndarray, quality: int, height: int, width: int, n_threads: int | None = 1
    ) -> np.ndarray:
        """Latents v of a picture → (height, width, 3) bytes, a strip at a time."""
        lines, cells = latents.shape[1:]
        each = max(1, STRIP // cells)
        found = np.empty((height, width, 3), np.uint8)

        def strip(first: int) -> tuple[int, np.ndarray]:
            last = min(first + each, lines)
            above, below = max(0, first - HALO), min(lines, last + HALO)
            whole = self._synthesis(latents[:, above:below], quality)
            return first * PATCH, whole[(first - above) * PATCH : (last - above) * PATCH, :width]

        for line, piece in in_threads(strip, range(0, lines, each), n_threads):
            found[line : line + len(piece)] = piece[: height - line]
        return found

    def _synthesis(self, latents: np.ndarray, quality: int) -> np.ndarray:
        y = latents.astype(np.float64) * self.steps(quality)
        h = active(y, LATENT + STEP - ACTIVE)
        for name in ("synthesis_first", "synthesis_second"):
            h = active(enlarged(h, self._taps[name]), point(name))
            h = divisive(h, self._taps[f"{name}_norm"])
        inner = rectified(convolved(h, self._taps["synthesis_inner"]), point("synthesis_inner"))
        outer = convolved(inner, self._taps["synthesis_outer"])
        h = active(outer + h * 2.0 ** point("synthesis_outer"), point("synthesis_outer"))
        sums = convolved(h, self._taps["synthesis_last"])
        bits = ACTIVE + point("synthesis_last") - 7  # 128 greys a unit
        grey = np.floor((sums + 2.0 ** (bits - 1)) * 2.0**-bits) + 128
        grey = grey.clip(0, 255).astype(np.uint8)
        lines, cells = grey.shape[1:]
        # (3 · 4 · 4, h, w) → (4 h, 4 w, 3)
        grid = grey.reshape(3, 4, 4, lines, cells).transpose(3, 1, 4, 2, 0)
        return np.ascontiguousarray(grid).reshape(4 * lines, 4 * cells, 3)


def _aligned(bias: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers with 16 bits after the point beside sums of so many more than an activation."""
    return bias.astype(np.float64)[:, None, None] * 2.0 ** (ACTIVE + bits - BIAS)


def _widened(v: np.ndarray, bits: int) -> np.ndarray:
    """So many bits after the point → an activation's 8."""
    scaled = v.astype(np.float64) * 2.0 ** (ACTIVE - bits)
    return np.clip(scaled, -HIGHEST, HIGHEST, out=scaled)

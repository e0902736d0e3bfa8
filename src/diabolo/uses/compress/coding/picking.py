"""Batches of positions to train on: symbols, and what they are predicted from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from diabolo.uses.compress.coding.autoencoder import seen
from diabolo.uses.compress.coding.chunks import Sizes
from diabolo.uses.compress.coding.layout import Inputs, Layout

BATCH = 1024


class Samples(NamedTuple):
    """Positions picked at random: inputs of all planes side by side, symbols of all planes."""

    x: Tensor  # (b, positions + Σ inputs + Σ ordered) float32, whole numbers; x.T is contiguous
    y: Tensor  # (b, planes) float32
    weight: Tensor  # (b, 1) float32
    rows: Tensor | None = None  # (r, knots · planes) float32: what the encoder sees, for codes
    place: Tensor | None = None  # (b,) int64: row · cells + cell of each position


class Picker:
    """Batches of random positions.

    Where the whole context is 0 (the black around digits), little can be learned: of such
    positions one in `thinned` is taken, and counts that much more.
    """

    def __init__(
        self, layout: Layout, rows: np.ndarray, sizes: Sizes, batches: int, seed: int
    ) -> None:
        self.layout, self.batches, self.seed = layout, batches, seed
        lines, width, planes = layout.padded
        above, beside = layout.margin
        self.n = len(rows)
        self.padded = np.zeros((len(rows), lines, width, planes), np.int16)
        self.padded[:, above:, beside : beside + layout.width] = rows
        self.flat = self.padded.reshape(-1)
        self.size = lines * width * planes
        self.starts = np.array([layout.at(cell) for cell in range(layout.cells)])
        self.inputs = [(c, Inputs(layout, c)) for c, p in enumerate(layout.planes) if p.outputs]
        self.positions = layout.positions.astype(np.int16)
        self.where, self.weights = self._pool(sizes)

    def _pool(self, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
        """Numbers row · cells + cell of positions to pick from, and what each counts."""
        cells = self.layout.cells
        index = np.arange(self.n * cells)
        if sizes is not None:
            line, column = np.divmod(index % cells, self.layout.width)
            there = sizes[index // cells]
            index = index[(there[:, 0] > line) & (there[:, 1] > column)]
        context = self.inputs[0][1].linear if self.inputs else np.zeros(0)
        if len(self.layout.planes) > 1 or self.layout.width == 1 or not len(context):
            return index, np.ones(len(index), np.float32)
        at = (index // cells) * self.size + self.starts[index % cells]
        blank = np.ones(len(index), bool)
        for offset in context:
            blank &= self.flat[at + offset] == 0
        # not every so manieth: that would be the same columns of every row
        number = np.arange(len(index)) * 2654435769 & (2**32 - 1)
        keep = ~blank | (number * THINNED >> 32 == 0)
        weights = np.where(blank, THINNED, 1.0)[keep]
        return index[keep], (weights / weights.mean()).astype(np.float32)

    def __len__(self) -> int:
        return self.batches

    def epoch(self, number: int, start: int = 0) -> Iterator[Samples]:
        for j in range(start, self.batches):
            random = np.random.default_rng((self.seed, number, j))
            picked = random.integers(0, len(self.where), BATCH)
            yield self.samples(self.where[picked], self.weights[picked])

    def samples(self, where: np.ndarray, weights: np.ndarray) -> Samples:
        row, cell = np.divmod(where, self.layout.cells)
        at = row * self.size + self.starts[cell]
        pieces = [self.positions[cell].T]
        for plane, inputs in self.inputs:
            here = at + plane
            linear = self.flat[here + inputs.linear[:, None]]
            categories = [self.flat[here + offset] for offset, _ in inputs.categories]
            pieces += [inputs.hidden(linear, categories), linear]
        x = torch.from_numpy(np.concatenate(pieces).T.astype(np.float32))
        symbols = self.flat[at[:, None] + np.arange(len(self.layout.planes))]
        return Samples(
            x, torch.from_numpy(symbols.astype(np.float32)), torch.from_numpy(weights[:, None])
        )


THINNED = 4


class RowPicker(Picker):
    """Batches of random positions of a few rows, whose codes are then made only once."""

    def __init__(
        self, layout: Layout, rows: np.ndarray, sizes: Sizes, batches: int, seed: int
    ) -> None:
        super().__init__(layout, rows, sizes, batches, seed)
        self.seen = seen(layout, rows)
        counts = np.bincount(self.where // layout.cells, minlength=len(rows))
        self.rows = np.flatnonzero(counts)
        self.counts = counts[self.rows]
        self.begins = (np.cumsum(counts) - counts)[self.rows]
        alone = not layout.context(0)  # a decoder has then said the whole row, and is asked for it
        self.each = min(layout.cells, ALONE if alone else BESIDE)

    def epoch(self, number: int, start: int = 0) -> Iterator[Samples]:
        for j in range(start, self.batches):
            random = np.random.default_rng((self.seed, number, j))
            picked = random.integers(0, len(self.rows), ROWS)
            counts, begins = self.counts[picked, None], self.begins[picked, None]
            within = random.integers(0, counts, (ROWS, self.each))
            if (counts == self.each).all():
                within = np.broadcast_to(np.arange(self.each), within.shape)
            at = (begins + within).reshape(-1)
            share = np.repeat(counts[:, 0] / self.counts.mean(), self.each)
            weights = (self.weights[at] * share).astype(np.float32)
            place = np.arange(ROWS).repeat(self.each) * self.layout.cells
            place += self.where[at] % self.layout.cells
            yield self.samples(self.where[at], weights)._replace(
                rows=torch.from_numpy(self.seen[self.rows[picked]].astype(np.float32)),
                place=torch.from_numpy(place),
            )


ROWS = 32  # of a batch: with 64, a code alone took .02 bits a pixel more in the same time
BESIDE, ALONE = 32, 1024  # positions of each row, where there is context, too, and where not

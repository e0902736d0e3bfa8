"""The latents of a tile ↔ the bytes of a chunk, which needs its model and nothing else.

    1   L, lanes
    …   states and words of the coder (`coding/rans.py`)

Symbols come in the order in which `Decoder.latents` asks for them, channel by channel, line by
line; of each answer L at a time, number i of it in lane i mod L.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from diabolo.uses.compress.coding import rans
from diabolo.uses.compress.coding.rans import DamagedStreamError
from diabolo.uses.compress.photographs.decoder import Decoder
from diabolo.uses.compress.photographs.densities import SURE, densities

TILE = 64  # latents of a tile, each way
MOST_LANES = 255


class Tile(NamedTuple):
    """Where a tile lies in a picture, in latents."""

    line: int
    cell: int
    lines: int
    cells: int

    def within(self, around: Tile | None = None) -> tuple[slice, slice]:
        """Its lines and cells in the picture, or in a part of it."""
        line = self.line - (around.line if around else 0)
        cell = self.cell - (around.cell if around else 0)
        return slice(line, line + self.lines), slice(cell, cell + self.cells)


def tiles(lines: int, cells: int) -> list[Tile]:
    """Of a picture of so many latents, line by line."""
    return [
        Tile(line, cell, min(TILE, lines - line), min(TILE, cells - cell))
        for line in range(0, lines, TILE)
        for cell in range(0, cells, TILE)
    ]


class Recorded:
    """What the encoder said, until the coder takes it backwards."""

    def __init__(self) -> None:
        self.answers: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, widths: np.ndarray, symbols: np.ndarray) -> None:
        """Symbols (n,) that their widths allow: 0 where they are sure."""
        coded = np.flatnonzero(widths > SURE)
        table = densities()
        place = table.middle[widths[coded]] + symbols[coded]
        self.answers.append((table.first[place], table.slots[place]))

    def bits(self) -> float:
        return sum(16.0 * len(slots) - float(np.log2(slots).sum()) for _, slots in self.answers)

    def content(self, lanes: int | None = None) -> bytes:
        """The bytes; lanes: None for as many as cost half a percent, at 28 bits each."""
        lanes = lanes or min(MOST_LANES, max(1, int(0.005 * self.bits() / 28)))
        return bytes([lanes]) + rans.encode(self._backwards(lanes), lanes)

    def _backwards(self, lanes: int) -> Iterator[rans.Step]:
        for first, slots in reversed(self.answers):
            for begin in reversed(range(0, len(first), lanes)):
                now = slice(begin, begin + lanes)
                yield slice(len(first[now])), first[now], slots[now]


def decoded(decoder: Decoder, content: bytes, quality: int, lines: int, cells: int) -> np.ndarray:
    """Latents of a tile; raises DamagedStreamError for bytes that no encoder wrote."""
    if not content or not content[0]:
        raise DamagedStreamError("a chunk is empty")
    lanes = content[0]
    coder = rans.Decoder(memoryview(content)[1:], lanes)
    table = densities()

    def symbols(means: np.ndarray, widths: np.ndarray, part: tuple[int, ...]) -> np.ndarray:
        found = np.zeros(len(widths), np.int64)
        coded = np.flatnonzero(widths > SURE)
        of = widths[coded]
        values = np.empty(len(coded), np.int64)
        for begin in range(0, len(coded), lanes):
            now = of[begin : begin + lanes]
            which = slice(len(now))
            slot = coder.slots(which)
            place = table.keys.searchsorted((now << rans.BITS) + slot, "right") - 1
            coder.take(which, slot - table.first[place], table.slots[place])
            values[begin : begin + lanes] = place
        found[coded] = values - table.middle[of]
        return found

    latents = decoder.latents(quality, lines, cells, symbols)
    coder.finish()
    return latents

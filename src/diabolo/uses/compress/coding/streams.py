"""Streams: symbols of one layout, cut into chunks.

A stream knows how its rows are had a chunk at a time, so that memory is bounded by the chunk.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diabolo.uses.compress.coding.chunks import Sizes
from diabolo.uses.compress.coding.layout import Layout

CHUNK = 2**21  # symbols
MOST_STEPS = 2**17  # of decoding one behind the other: more would take for ever


@dataclass
class Stream:
    """Rows of symbols to be coded by one model.

    layout : how a row lies
    count  : rows
    read   : (first, last) → (last − first, height, width, planes) symbols, int16
    sizes  : (first, last) → lines and cells of each of these rows; None: as the layout says
    """

    layout: Layout
    count: int
    read: Callable[[int, int], np.ndarray]
    sizes: Callable[[int, int], Sizes]

    @cached_property  # sizes of all rows are asked for
    def symbols(self) -> int:
        """How many symbols there are."""
        planes = sum(plane.alphabet > 1 for plane in self.layout.planes)
        cells = 0
        for first in range(0, self.count, 2**16):
            last = min(first + 2**16, self.count)
            sizes = self.sizes(first, last)
            cells += (last - first) * self.layout.cells if sizes is None else sizes.prod(1).sum()
        return int(cells) * planes

    def chunks(self) -> list[tuple[int, int]]:
        """First and last row (exclusive) of every chunk: even ones, and two at least if large."""
        size = max(1, self.layout.symbols)
        wanted = math.ceil(self.count * size / CHUNK)
        if self.count * size > CHUNK // 8:
            wanted = max(2, wanted)
        rows = max(1, math.ceil(self.count / max(1, wanted)))
        return [(first, min(first + rows, self.count)) for first in range(0, self.count, rows)]

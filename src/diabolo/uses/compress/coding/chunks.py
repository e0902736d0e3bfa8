"""Rows of symbols ↔ the bytes of a chunk. A chunk needs its model, and nothing else.

The rows of a chunk lie in lanes: row r in lane r mod L, so many rows deep. All lanes go through
their grids in step, one symbol each. What lies beyond the edge of a smaller row is not coded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress.coding import rans
from diabolo.uses.compress.coding.heads import Head
from diabolo.uses.compress.coding.layout import Layout
from diabolo.uses.compress.coding.network import Network, Weights

Sizes = np.ndarray | None  # (rows, 2): lines and cells that each row has; None: all of them


class Coded(NamedTuple):
    """A chunk's bytes, its lanes, and the bits that its symbols take by their probabilities."""

    content: bytes
    lanes: int
    bits: float


MOST_LANES = 1024


def lanes_for(rows: int, symbols: int, bits: float) -> int:
    """Lanes of a chunk: as many as cost half a percent of its bits, at 28 bits each.

    Rows of many symbols that take next to no bits get more, or decoding would be a long way with
    nothing beside it.
    symbols : of a row

    >>> lanes_for(5000, 784, 4e6), lanes_for(3, 784, 4e6), lanes_for(5000, 784, 2000)
    (714, 3, 60)
    """
    affordable, needed = int(0.005 * bits / 28), -(-rows * symbols // STEPS)
    return max(1, min(rows, MOST_LANES, max(affordable, needed)))


STEPS = 2**16  # one behind the other in a chunk, about


class Model:
    """A layout with a network for each plane: all that coding needs."""

    def __init__(
        self, layout: Layout, weights: list[Weights | None], dtype: Any = np.float32
    ) -> None:
        self.layout, self.weights = layout, weights
        self.networks = [
            None if w is None else Network(layout, plane, w, dtype)
            for plane, w in enumerate(weights)
        ]

    def encode(self, rows: np.ndarray, lanes: int | None = None, sizes: Sizes = None) -> Coded:
        """rows : (n, height, width, planes) symbols, 0 beyond a row's size.

        lanes : 1 … n; None: so many that they cost half a percent.
        """
        steps = _Steps(len(rows))
        padded = self._padded(len(rows))
        symbols = np.ascontiguousarray(rows.reshape(len(rows), -1).T)  # (height·width·planes, n)
        for cell, plane, at in self._places():
            present = _present(sizes, cell, self.layout)
            values = symbols[cell * len(self.layout.planes) + plane]
            network = self.networks[plane]
            if network is not None:
                head = Head(network.plane, *network.run(padded, at, cell))
                steps.add(head, values.astype(np.int64), present)
            padded[at] = values
        bits = steps.bits()
        lanes = lanes or lanes_for(len(rows), symbols.shape[0], bits)
        return Coded(rans.encode(steps.backwards(lanes), lanes), lanes, bits)

    def costs(self, rows: np.ndarray) -> np.ndarray:
        """Bits that each symbol takes by its probability, in the shape of the rows, float32."""
        padded = self._padded(len(rows))
        symbols = np.ascontiguousarray(rows.reshape(len(rows), -1).T)
        costs = np.zeros(symbols.shape, np.float32)
        for cell, plane, at in self._places():
            place = cell * len(self.layout.planes) + plane
            network = self.networks[plane]
            if network is not None:
                head = Head(network.plane, *network.run(padded, at, cell))
                for which, _, slots in head.intervals(symbols[place].astype(np.int64)):
                    costs[place, which] += rans.BITS - np.log2(slots)
            padded[at] = symbols[place]
        return costs.T.reshape(rows.shape)

    def decode(self, bits: bytes | memoryview, count: int, lanes: int, sizes: Sizes = None) -> Any:
        """(count, height, width, planes) symbols; raises DamagedStreamError for other bits."""
        coder = rans.Decoder(bits, lanes)
        cells, planes = self.layout.cells, len(self.layout.planes)
        symbols = np.zeros((cells * planes, count), np.int16)
        for first in range(0, count, lanes):
            last = min(first + lanes, count)
            some = None if sizes is None else sizes[first:last]
            self._decode_once(coder, symbols[:, first:last], some)
        coder.finish()
        shape = count, self.layout.height, self.layout.width, planes
        return symbols.T.reshape(shape)

    def _decode_once(self, coder: rans.Decoder, symbols: np.ndarray, sizes: Sizes) -> None:
        """One row of every lane."""
        count = symbols.shape[1]
        padded = self._padded(count)
        for cell, plane, at in self._places():
            network = self.networks[plane]
            if network is None:
                continue
            present = _present(sizes, cell, self.layout)
            outputs, linear = network.run(padded, at, cell)
            if present is None:
                padded[at] = Head(network.plane, outputs, linear).decode(coder, slice(count), count)
            elif len(present):
                some = None if linear is None else linear[:, present]
                head = Head(network.plane, outputs[:, present], some)
                padded[at, present] = head.decode(coder, present, len(present))
            symbols[cell * len(self.layout.planes) + plane] = padded[at]

    def _padded(self, count: int) -> np.ndarray:
        lines, cells, planes = self.layout.padded
        return np.zeros((lines * cells * planes, count), np.int16)

    def _places(self) -> Iterator[tuple[int, int, int]]:
        for cell in range(self.layout.cells):
            start = self.layout.at(cell)
            for plane in range(len(self.layout.planes)):
                yield cell, plane, start + plane


def _present(sizes: Sizes, cell: int, layout: Layout) -> np.ndarray | None:
    """Which rows have this cell; None: all."""
    if sizes is None:
        return None
    line, column = divmod(cell, layout.width)
    there = (sizes[:, 0] > line) & (sizes[:, 1] > column)
    return None if there.all() else np.flatnonzero(there)


class _Steps:
    """What was said of the symbols of all rows, until the coder takes it backwards, row by row."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.steps: list[tuple[np.ndarray | None, np.ndarray, np.ndarray]] = []

    def add(self, head: Head, symbols: np.ndarray, present: np.ndarray | None) -> None:
        if present is not None:
            if not len(present):
                return
            linear = None if head.linear is None else head.linear[:, present]
            head = Head(head.plane, head.outputs[:, present], linear)
            symbols = symbols[present]
        for which, first, slots in head.intervals(symbols):
            rows = present if isinstance(which, slice) else which
            if present is not None and not isinstance(which, slice):
                rows = present[which]
            self.steps.append((rows, first.astype(np.uint16), slots.astype(np.uint16)))

    def bits(self) -> float:
        """What the symbols take by their probabilities."""
        slots = (np.log2(slots) for _, _, slots in self.steps)
        return sum(rans.BITS * len(one) - float(one.sum(dtype=np.float64)) for one in slots)

    def backwards(self, lanes: int) -> Iterator[rans.Step]:
        for begin in reversed(range(0, self.count, lanes)):
            end = min(begin + lanes, self.count)
            for rows, first, slots in reversed(self.steps):
                if rows is None:
                    part = slice(begin, end)
                    yield slice(end - begin), _wide(first[part]), _wide(slots[part])
                else:
                    part = slice(*np.searchsorted(rows, (begin, end)))
                    if part.stop > part.start:
                        yield rows[part] - begin, _wide(first[part]), _wide(slots[part])


def _wide(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64)

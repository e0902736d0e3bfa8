"""Rows of symbols ↔ the bytes of a chunk. A chunk needs its model, and nothing else.

The rows of a chunk lie in lanes: row r in lane r mod L, so many rows deep. All lanes go through
their grids in step, one symbol each. What lies beyond the edge of a smaller row is not coded.

A row's code comes before its symbols. With bits-back the code of every row but a lane's last one is
drawn off the lane, from what its later rows have put there; the last one has nothing to draw from,
takes the likeliest code and pays in full, which is what bits-back costs to start. So do the layers
of a hierarchical code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress.coding import rans
from diabolo.uses.compress.coding.heads import Head
from diabolo.uses.compress.coding.latents import Latents, Looking, Painting
from diabolo.uses.compress.coding.layers import Above
from diabolo.uses.compress.coding.layout import Layout
from diabolo.uses.compress.coding.network import Network, Weights
from diabolo.uses.compress.coding.rans import DamagedStreamError

Sizes = np.ndarray | None  # (rows, 2): lines and cells that each row has; None: all of them


class Coded(NamedTuple):
    """A chunk's bytes, its lanes, and the bits that it takes by the model's probabilities.

    bits : of symbols and codes, less those that bits-back has back
    """

    content: bytes
    lanes: int
    bits: float


MOST_LANES = 1024


def lanes_for(rows: int, symbols: int, bits: float, each: float = 28) -> int:
    """Lanes of a chunk: as many as cost half a percent of its bits, at so many bits each.

    Rows of many symbols that take next to no bits get more, or decoding would be a long way with
    nothing beside it.
    symbols : of a row

    >>> lanes_for(5000, 784, 4e6), lanes_for(3, 784, 4e6), lanes_for(5000, 784, 2000)
    (714, 3, 60)
    """
    affordable, needed = int(0.005 * bits / each), -(-rows * symbols // STEPS)
    return max(1, min(rows, MOST_LANES, max(affordable, needed)))


STEPS = 2**16  # one behind the other in a chunk, about
TO_START = 5  # bits an entry of a code that bits-back does not have back, once a lane


class Model:
    """A layout with a network for each plane: all that coding needs.

    painting, looking : the decoder and the encoder of the rows' codes, where the layout has codes;
                        without the encoder, the model decodes only
    above             : both, of each layer above the first one
    """

    def __init__(
        self,
        layout: Layout,
        weights: list[Weights | None],
        dtype: Any = np.float32,
        *,
        painting: Painting | None = None,
        looking: Looking | None = None,
        above: Sequence[Above] = (),
    ) -> None:
        self.layout, self.weights = layout, weights
        self.painting, self.looking, self.above = painting, looking, above
        self.networks = [
            None if w is None else Network(layout, plane, w, dtype)
            for plane, w in enumerate(weights)
        ]
        self.latents: Latents | None = None
        if layout.code is not None:
            assert painting is not None
            self.latents = Latents(layout, painting, looking, above, dtype)

    def encode(self, rows: np.ndarray, lanes: int | None = None, sizes: Sizes = None) -> Coded:
        """rows : (n, height, width, planes) symbols, 0 beyond a row's size.

        lanes : 1 … n; None: so many that they cost half a percent.
        """
        symbols = self.layout.symbols
        if self.latents is None or not self.latents.code.bits_back:
            steps = self._said(rows, sizes, self._likeliest(rows))
            bits = steps.bits()
            lanes = lanes or lanes_for(len(rows), symbols, bits)
            return Coded(rans.encode(steps.backwards(lanes), lanes), lanes, bits)
        if lanes is None:
            some = rows[:: max(1, len(rows) // 64)]
            bits = self._said_beneath(some, None, self._likeliest(some)).bits()
            bits *= len(rows) / len(some)
            start = 28 + TO_START * sum(self.latents.code.layers)
            lanes = lanes_for(len(rows), symbols, bits, start)
        try:
            return self._chained(rows, lanes, sizes)
        except DamagedStreamError:  # a code took more bits than there were: no row has to draw
            return self._chained(rows, len(rows), sizes)

    def _chained(self, rows: np.ndarray, lanes: int, sizes: Sizes) -> Coded:
        """Every row draws its code from the bits of the rows behind it in its lane."""
        assert self.latents is not None
        stack, bits = rans.Stack(lanes), 0.0
        for first, last, followed in reversed(_groups(len(rows), lanes)):
            group = rows[first:last]
            q = self.latents.posterior(group)
            codes, drawing = q.likeliest(), range(first, first + followed)
            if drawing:
                codes[:, :followed], back = q.borrow(stack, drawing)
                bits -= back
            some = None if sizes is None else sizes[first:last]
            steps = self._said_beneath(group, some, codes)
            for which, start, slots in steps.backwards(last - first):
                stack.put(which, start, slots)
            bits += steps.bits() + self.latents.put(stack, codes, drawing)
        return Coded(stack.content(), lanes, bits)

    def _likeliest(self, rows: np.ndarray) -> np.ndarray | None:
        return None if self.latents is None else self.latents.likeliest(rows)

    def _said(self, rows: np.ndarray, sizes: Sizes, codes: np.ndarray | None) -> _Steps:
        """What is said of the codes and symbols of these rows, in the decoder's order.

        codes : of the only layer that there is
        """
        steps = self._said_beneath(rows, sizes, codes)
        if self.latents is not None:
            assert codes is not None
            steps.begin_with(self.latents.intervals(codes))
        return steps

    def _said_beneath(self, rows: np.ndarray, sizes: Sizes, codes: np.ndarray | None) -> _Steps:
        """What is said of the symbols alone."""
        steps = _Steps(len(rows))
        canvas = None if codes is None or self.latents is None else self.latents.canvas(codes)
        padded = self._padded(len(rows))
        symbols = np.ascontiguousarray(rows.reshape(len(rows), -1).T)  # (height·width·planes, n)
        for cell, plane, at in self._places():
            present = _present(sizes, cell, self.layout)
            values = symbols[cell * len(self.layout.planes) + plane]
            network = self.networks[plane]
            if network is not None:
                head = Head(network.plane, *network.run(padded, at, cell, canvas))
                steps.add(head, values.astype(np.int64), present)
            padded[at] = values
        return steps

    def costs(self, rows: np.ndarray) -> np.ndarray:
        """Bits that each symbol takes by its probability, in the shape of the rows, float32.

        The codes themselves are not among them.
        """
        padded = self._padded(len(rows))
        symbols = np.ascontiguousarray(rows.reshape(len(rows), -1).T)
        costs = np.zeros(symbols.shape, np.float32)
        canvas = None if self.latents is None else self.latents.canvas(self.latents.likeliest(rows))
        for cell, plane, at in self._places():
            place = cell * len(self.layout.planes) + plane
            network = self.networks[plane]
            if network is not None:
                head = Head(network.plane, *network.run(padded, at, cell, canvas))
                for which, _, slots in head.intervals(symbols[place].astype(np.int64)):
                    costs[place, which] += rans.BITS - np.log2(slots)
            padded[at] = symbols[place]
        return costs.T.reshape(rows.shape)

    def decode(self, bits: bytes | memoryview, count: int, lanes: int, sizes: Sizes = None) -> Any:
        """(count, height, width, planes) symbols; raises DamagedStreamError for other bits."""
        coder = rans.Decoder(bits, lanes)
        cells, planes = self.layout.cells, len(self.layout.planes)
        symbols = np.zeros((cells * planes, count), np.int16)
        for first, last, followed in _groups(count, lanes):
            some = None if sizes is None else sizes[first:last]
            drawn = range(first, first + followed)
            self._decode_once(coder, symbols[:, first:last], some, drawn)
        coder.finish()
        shape = count, self.layout.height, self.layout.width, planes
        return symbols.T.reshape(shape)

    def _decode_once(
        self, coder: rans.Decoder, symbols: np.ndarray, sizes: Sizes, drawn: range
    ) -> None:
        """One row of every lane; `drawn`: which of them are not the last one of their lane."""
        count = symbols.shape[1]
        padded, canvas = self._padded(count), None
        if self.latents is not None:
            codes = self.latents.take(coder, count, drawn)
            canvas = self.latents.canvas(codes)
        for cell, plane, at in self._places():
            network = self.networks[plane]
            if network is None:
                continue
            present = _present(sizes, cell, self.layout)
            outputs, linear = network.run(padded, at, cell, canvas)
            if present is None:
                padded[at] = Head(network.plane, outputs, linear).decode(coder, slice(count), count)
            elif len(present):
                some = None if linear is None else linear[:, present]
                head = Head(network.plane, outputs[:, present], some)
                padded[at, present] = head.decode(coder, present, len(present))
            symbols[cell * len(self.layout.planes) + plane] = padded[at]
        if drawn and self.latents is not None and self.latents.code.bits_back:
            rows = symbols.T.reshape(count, self.layout.height, self.layout.width, -1)
            posterior = self.latents.posterior(rows[: len(drawn)])
            posterior.give_back(coder, codes[:, : len(drawn)], drawn)

    def _padded(self, count: int) -> np.ndarray:
        lines, cells, planes = self.layout.padded
        return np.zeros((lines * cells * planes, count), np.int16)

    def _places(self) -> Iterator[tuple[int, int, int]]:
        for cell in range(self.layout.cells):
            start = self.layout.at(cell)
            for plane in range(len(self.layout.planes)):
                yield cell, plane, start + plane


def _groups(count: int, lanes: int) -> list[tuple[int, int, int]]:
    """First and last row (exclusive) of each round of the lanes, and of how many there are more.

    >>> _groups(5, 2)
    [(0, 2, 2), (2, 4, 1), (4, 5, 0)]
    """
    return [
        (first, min(first + lanes, count), max(0, min(lanes, count - first - lanes)))
        for first in range(0, count, lanes)
    ]


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

    def begin_with(self, intervals: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
        """Before all else the codes of all rows, entry by entry."""
        entries = [(None, a.astype(np.uint16), b.astype(np.uint16)) for a, b in intervals]
        self.steps[:0] = entries

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

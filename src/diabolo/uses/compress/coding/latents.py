"""From a row to its code and from a code to what symbols see of it, in whole numbers.

    e  = the row's levels, drawn together to the knots                  0 … 255
    h  = clip(⌊(L e + l) / 2⁸⌋, 0, 1023)                                encoder
    o  = ⌊(S h + s) / 2²⌋                        12 bits after the point: what `codes` is told
    h′ = clip(⌊(U c + u) / 2⁶⌋, 0, 1023)         c: the code's values in −255 … 255
    f  = clip(⌊(V h′ + v) / 2⁸⌋, −255, 255)      features at the knots
    g  = f at the cell: linear between knots, first from line to line, then from cell to cell,
         ⌊Σ hat · f / 2⁸⌋ each

A symbol's hidden units see g of its cell beside the context. With as many knots as cells, g is f
and this is the decoder of an autoencoder; with fewer, it is a small one that says how the row is
here and there, which is what a context of neighbours does not know.

As in `network`, no sum of absolute values reaches 2²⁴. Of a hierarchical code, c is the first
layer; those above it are in `layers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress.coding import products, rans
from diabolo.uses.compress.coding.codes import Density
from diabolo.uses.compress.coding.layers import SAY_SHIFT, Above, Layer
from diabolo.uses.compress.coding.layout import FULL, Layout, hats
from diabolo.uses.compress.coding.network import HIGHEST, SHIFT

LOOK_SHIFT = 8  # of the encoder's first product
PAINT_SHIFT = 8  # of features, which are then cut off at ±4
HAT_SHIFT = 8


class Painting(NamedTuple):
    """The decoder's side: (size,) or (0,), (units, size), (units,), (knots · features, units), …"""

    prior: np.ndarray
    unfold: np.ndarray
    unfold_bias: np.ndarray
    paint: np.ndarray
    paint_bias: np.ndarray


class Looking(NamedTuple):
    """The encoder: (units, knots · planes), (units,), (said, units), (said,)."""

    look: np.ndarray
    look_bias: np.ndarray
    say: np.ndarray
    say_bias: np.ndarray


TENSORS: dict[str, np.dtype[Any]] = {  # name → dtype in the file
    name: np.dtype("<i4" if name.endswith("bias") else "<i2")
    for name in Painting._fields + Looking._fields
}


def shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    """Of all tensors of a layout's code, in the order of the file: painting, then looking."""
    code = layout.code
    assert code is not None
    knots = code.lines * code.columns
    return {
        "prior": (code.learned,),
        "unfold": (code.units, code.size),
        "unfold_bias": (code.units,),
        "paint": (knots * code.features, code.units),
        "paint_bias": (knots * code.features,),
        "look": (code.units, knots * len(layout.planes)),
        "look_bias": (code.units,),
        "say": (code.said, code.units),
        "say_bias": (code.said,),
    }


INPUTS = {"unfold": FULL, "paint": HIGHEST, "look": FULL, "say": HIGHEST}  # the largest of each


class Pool:
    """What the encoder sees of rows: their levels, drawn together to the knots."""

    def __init__(self, layout: Layout, dtype: Any = np.float32) -> None:
        assert layout.code is not None
        self.dtype = dtype
        self.most = np.array([max(1, plane.alphabet - 1) for plane in layout.planes], np.int32)
        self.down = _shares(hats(layout.height, layout.code.lines), dtype)
        self.across = _shares(hats(layout.width, layout.code.columns), dtype)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(knots · planes, n) in 0 … 255, of rows (n, height, width, planes)."""
        n, height, width, planes = rows.shape
        levels = (rows.astype(np.int32) * FULL // self.most).astype(self.dtype)
        lines = np.floor(self.down @ levels.reshape(n, height, -1) / 2**HAT_SHIFT)
        knots = np.floor(self.across @ lines.reshape(n, -1, width, planes) / 2**HAT_SHIFT)
        return np.ascontiguousarray(knots.reshape(n, -1).T).astype(np.int16)


def _shares(table: np.ndarray, dtype: Any) -> np.ndarray:
    """(knots, length): of which cells a knot is the mean; each line adds up to 255 at most."""
    return (table * FULL // table.sum(0)).T.astype(dtype)


class Latents:
    """Ready to run, like `network.Network`. Without an encoder it decodes, and does not encode."""

    def __init__(
        self,
        layout: Layout,
        painting: Painting,
        looking: Looking | None,
        above: Sequence[Above] = (),
        dtype: Any = np.float32,
    ) -> None:
        assert layout.code is not None
        self.layout, self.code, self.dtype = layout, layout.code, dtype
        self.looking = looking
        for part in (painting, looking):
            named = {} if part is None else part._asdict()
            for name in INPUTS.keys() & named:
                products.check(named[name], named[f"{name}_bias"], INPUTS[name], name)
        self.starts = self.code.prior(painting.prior)
        self._unfold = products.scaled(painting.unfold, painting.unfold_bias, SHIFT, dtype)
        self._paint = products.scaled(painting.paint, painting.paint_bias, PAINT_SHIFT, dtype)
        self._down = (hats(layout.height, self.code.lines) * 2.0**-HAT_SHIFT).astype(dtype)
        self._across = (hats(layout.width, self.code.columns) * 2.0**-HAT_SHIFT).astype(dtype)
        self._pool = Pool(layout, dtype)
        if looking is not None:
            self._look = products.scaled(looking.look, looking.look_bias, LOOK_SHIFT, dtype)
            self._say = products.scaled(looking.say, looking.say_bias, SAY_SHIFT, dtype)
        self.above = [Layer(self.code, k, one, dtype) for k, one in enumerate(above, 1)]

    def said(self, rows: np.ndarray) -> np.ndarray:
        """(said, n) what the encoder says of rows, whole numbers in floats."""
        if self.looking is None:
            raise ValueError(
                "the model has no encoder, for decompressing needs none: use the one that "
                "--keep-model wrote"
            )
        h = products.hidden(self._look, self._pool(rows).astype(self.dtype))
        return products.product(self._say, h)

    def likeliest(self, rows: np.ndarray) -> np.ndarray:
        """(size, n) codes, in 0 … levels − 1."""
        return self.code.likeliest(self.said(rows))

    def posterior(self, rows: np.ndarray) -> Density:
        """q(c | x) of a code that is drawn."""
        return Density.of(self.said(rows), 0, sum(self.code.layers))

    def canvas(self, codes: np.ndarray) -> np.ndarray:
        """(cells, features, n) in −255 … 255: what the symbols of each cell see."""
        code, n = self.code, codes.shape[1]
        h = products.hidden(self._unfold, code.values[codes].astype(self.dtype))
        f = products.product(self._paint, h)
        np.clip(f, -FULL, FULL, out=f)
        lines = np.floor(self._down @ f.reshape(code.lines, -1))
        lines = lines.reshape(self.layout.height, code.columns, -1)
        cells = np.floor(self._across @ lines)
        return cells.reshape(self.layout.cells, code.features, n).astype(np.int16)

    def intervals(self, codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """First slots and slots of every entry of the last layer in turn, under the prior."""
        for starts, entry in zip(self.starts, codes, strict=True):
            first = starts[entry]
            yield first, starts[entry + 1] - first

    def put(self, stack: rans.Stack, codes: np.ndarray, drawing: range) -> float:
        """Put codes of the first layer (size, n) onto the first lanes, and those above; the bits.

        drawing : numbers within the chunk of the first rows, those that draw what is above
        """
        bits = 0.0
        for layer in self.above:
            q = layer.posterior(codes)
            above = q.likeliest()
            if drawing:
                above[:, : len(drawing)], back = q.borrow(stack, drawing)
                bits -= back
            bits += _put(stack, layer.prior(above).intervals(codes))
            codes = above
        return bits + _put(stack, self.intervals(codes))

    def take(self, coder: rans.Stack, count: int, drawn: range) -> np.ndarray:
        """(size, count) codes of the first layer off the first lanes: what `put` put there."""
        codes = self._last(coder, count)
        for layer in reversed(self.above):
            below = layer.prior(codes).take(coder, count)
            if drawn:
                layer.posterior(below).give_back(coder, codes[:, : len(drawn)], drawn)
            codes = below
        return codes

    def _last(self, coder: rans.Stack, count: int) -> np.ndarray:
        """Codes of the last layer, under the prior."""
        lanes = slice(count)
        codes = np.zeros((len(self.starts), count), np.int64)
        for entry, starts in enumerate(self.starts):
            slot = coder.slots(lanes)
            found = np.searchsorted(starts, slot, side="right") - 1
            first = starts[found]
            coder.take(lanes, slot - first, starts[found + 1] - first)
            codes[entry] = found
        return codes


def _put(stack: rans.Stack, intervals: Iterator[tuple[np.ndarray, np.ndarray]]) -> float:
    """Entries onto the first lanes, so that the first one is on top; the bits."""
    bits = 0.0
    for first, slots in reversed([*intervals]):
        stack.put(slice(len(first)), first, slots)
        bits += float((rans.BITS - np.log2(slots)).sum())
    return bits

"""Layers above a row's code, in whole numbers: each a code of the one below it.

    h  = clip(⌊(R c + r) / 2⁶⌋, 0, 1023)          c: values of the layer below, in −255 … 255
    q  = ⌊(T h + t) / 2²⌋                          what is said of this layer, q(c″ | c)
    h′ = clip(⌊(F c″ + f) / 2⁶⌋, 0, 1023)         c″: values of this layer
    p  = ⌊(D h′ + d) / 2²⌋                         what is said of the layer below, p(c | c″)

Both have 12 bits after the point: means, then octaves (`codes.Density`). As in `network`, no sum of
absolute values reaches 2²⁴.

A lane draws a layer after what is below was put on it, the row under its code, that code under the
layer above: so only the first draw is paid from what was there before. Kingma et al. 2019,
"Bit-Swap", algorithm 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress.coding import products
from diabolo.uses.compress.coding.codes import BitsBack, Code, Density
from diabolo.uses.compress.coding.layout import FULL
from diabolo.uses.compress.coding.network import HIGHEST, SHIFT

SAY_SHIFT = 2  # of what is said: 12 bits after the point


class Above(NamedTuple):
    """A layer's weights: (units, below), (units,), (2 · size, units), …; (units, size), …"""

    rise: np.ndarray
    rise_bias: np.ndarray
    tell: np.ndarray
    tell_bias: np.ndarray
    fall: np.ndarray
    fall_bias: np.ndarray
    lead: np.ndarray
    lead_bias: np.ndarray


TENSORS: dict[str, np.dtype[Any]] = {  # name → dtype in the file
    name: np.dtype("<i4" if name.endswith("bias") else "<i2") for name in Above._fields
}
INPUTS = {"rise": FULL, "tell": HIGHEST, "fall": FULL, "lead": HIGHEST}  # the largest of each


def shapes(code: Code) -> list[dict[str, tuple[int, ...]]]:
    """Of all tensors of every layer above, upwards."""
    return [
        {
            "rise": (code.units, below),
            "rise_bias": (code.units,),
            "tell": (2 * size, code.units),
            "tell_bias": (2 * size,),
            "fall": (code.units, size),
            "fall_bias": (code.units,),
            "lead": (2 * below, code.units),
            "lead_bias": (2 * below,),
        }
        for below, size in zip(code.layers, code.layers[1:], strict=False)
    ]


class Layer:
    """Ready to run, like `network.Network`.

    number : 1 for the first layer above
    """

    def __init__(self, code: Code, number: int, weights: Above, dtype: Any = np.float32) -> None:
        named = weights._asdict()
        for name, most in INPUTS.items():
            products.check(named[name], named[f"{name}_bias"], most, name)
        self.dtype = dtype
        self._rise = products.scaled(weights.rise, weights.rise_bias, SHIFT, dtype)
        self._tell = products.scaled(weights.tell, weights.tell_bias, SAY_SHIFT, dtype)
        self._fall = products.scaled(weights.fall, weights.fall_bias, SHIFT, dtype)
        self._lead = products.scaled(weights.lead, weights.lead_bias, SAY_SHIFT, dtype)
        self._first, self._entries = sum(code.layers[:number]), sum(code.layers)

    def up(self, below: np.ndarray) -> np.ndarray:
        """(2 · size, n) what is said of this layer, by codes (below, n)."""
        return self._through(self._rise, self._tell, below)

    def down(self, codes: np.ndarray) -> np.ndarray:
        """(2 · below, n) what is said of the layer below, by codes (size, n)."""
        return self._through(self._fall, self._lead, codes)

    def posterior(self, below: np.ndarray) -> Density:
        """q(c″ | c)"""
        return Density.of(self.up(below), self._first, self._entries)

    def prior(self, codes: np.ndarray) -> Density:
        """p(c | c″)"""
        return Density.of(self.down(codes))

    def _through(self, one: products.Scaled, two: products.Scaled, codes: np.ndarray) -> np.ndarray:
        h = products.hidden(one, BitsBack.values[codes].astype(self.dtype))
        return products.product(two, h)

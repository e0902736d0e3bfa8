"""The predictor of one plane in whole numbers: the same on every machine.

    h₁ = clip(⌊(W₁ x + P p + b₁) / 2⁶⌋, 0, 1023)   x: inputs in −255 … 255, p: position;
                                                   features of the code are among x
    h₂ = clip(⌊(W₂ h₁ + b₂) / 2⁶⌋, 0, 1023)
    o  = ⌊(W₃ h₂ + b₃) / 2⁴⌋                       outputs, 12 bits after the point
    m  = ⌊S v / 2⁸⌋                                v: symbols of the context as they are

Weights have 16 bits, 6 of them after the point (8 in W₃, 12 in S); hidden units 10 bits, 8 after
the point.
All are held in floats. No sum of absolute values reaches 2²⁴, which is checked when a network is
made, so that sums are exact in every order: any BLAS, any number of threads and any batch gives
the same integers, in float32, in float64, and in Python's own.

(With 8-bit weights and activations, 6 after the point, MNIST took .05 bits a pixel more; the
bytes that narrower weights save are .003.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress.coding.heads import Plane
from diabolo.uses.compress.coding.layout import FULL, Inputs, Layout

SAFE = 1 << 24
TENSORS: dict[str, np.dtype[Any]] = {  # name → dtype in the file
    "first": np.dtype("<i2"),
    "where": np.dtype("<i2"),
    "first_bias": np.dtype("<i4"),
    "second": np.dtype("<i2"),
    "second_bias": np.dtype("<i4"),
    "third": np.dtype("<i2"),
    "third_bias": np.dtype("<i4"),
    "skip": np.dtype("<i2"),
}
SHIFT, OUTPUT_SHIFT, SKIP_SHIFT = 6, 4, 8  # of hidden units, outputs, linear means
HIGHEST = 1023  # a hidden unit


def refuse_unsafe(name: str, total: int) -> None:
    """raises ValueError where sums of so much are no longer exact in floats."""
    if total >= SAFE:
        raise ValueError(f"the sums of {name!r} reach {total}, where {SAFE - 1} is safe")


class Weights(NamedTuple):
    """Whole numbers: (units, inputs), (units, positions), (units,), …; skip (parts, ordered)."""

    first: np.ndarray
    where: np.ndarray
    first_bias: np.ndarray
    second: np.ndarray
    second_bias: np.ndarray
    third: np.ndarray
    third_bias: np.ndarray
    skip: np.ndarray

    def largest_sums(self, inputs: Inputs, positions: np.ndarray) -> dict[str, int]:
        """The largest sum of absolute values that each product can reach."""
        first, where, first_bias, second, second_bias, third, third_bias, skip = (
            abs(w.astype(np.int64)) for w in self
        )
        along = where @ abs(positions.T)
        largest = inputs.largest
        return {
            "first": int((first.sum(1) * FULL + along.max(1) + first_bias).max(initial=0)),
            "second": int((second.sum(1) * HIGHEST + second_bias).max(initial=0)),
            "third": int((third.sum(1) * HIGHEST + third_bias).max(initial=0)),
            "skip": int((skip @ largest).max(initial=0)) if skip.size else 0,
        }


def shapes(
    plane: Plane, inputs: Inputs, positions: int, units: tuple[int, int]
) -> dict[str, tuple[int, ...]]:
    """Of all tensors of a plane's network."""
    one, two = units
    mixture = plane.ordered and plane.inner > 1
    return {
        "first": (one, inputs.count + inputs.features),
        "where": (one, positions),
        "first_bias": (one,),
        "second": (two, one),
        "second_bias": (two,),
        "third": (plane.outputs, two),
        "third_bias": (plane.outputs,),
        "skip": (plane.parts, len(inputs.linear)) if mixture else (0, 0),
    }


class Network:
    """Ready to run: weights as floats, shifts worked into them (powers of two, so exact)."""

    def __init__(
        self, layout: Layout, plane: int, weights: Weights, dtype: Any = np.float32
    ) -> None:
        self.plane = layout.planes[plane]
        self.inputs = Inputs(layout, plane)
        kinds, self._kind = layout.kinds
        sums = weights.largest_sums(self.inputs, kinds)
        for name, total in sums.items():
            refuse_unsafe(name, total)
        at = kinds @ weights.where.T.astype(np.int64) + weights.first_bias
        self._bias = (at * 2.0**-SHIFT).astype(dtype)[..., None]  # (kinds of cells, units, 1)
        self._first = (weights.first * 2.0**-SHIFT).astype(dtype)
        self._second = _with_column(weights.second, SHIFT, weights.second_bias, dtype)
        self._third = _with_column(weights.third, OUTPUT_SHIFT, weights.third_bias, dtype)
        self._skip = (weights.skip * 2.0**-SKIP_SHIFT).astype(dtype)
        self.dtype = dtype

    def run(
        self, rows: np.ndarray, at: int, cell: int, canvas: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Outputs and linear means, (outputs, n) and (3, n), of the symbol at that place.

        canvas : (cells, features, n) what the rows' codes say, where the layout has them
        Nothing of the network changes: several threads run it at once.
        """
        linear, hidden = self.inputs.gather(rows, at)
        if canvas is not None:
            hidden = np.concatenate([hidden, canvas[cell]])
        h = self._first @ hidden.astype(self.dtype)
        h += self._bias[self._kind[cell]]
        h = _clipped(h)
        h = _clipped(self._second @ h)
        means = None
        if len(self._skip):
            means = np.floor(self._skip @ linear.astype(self.dtype))
        out = self._third @ h
        return np.floor(out, out=out), means


def _with_column(weight: np.ndarray, shift: int, bias: np.ndarray, dtype: Any) -> np.ndarray:
    """Weights / 2^shift with the bias as a last column, for an input of 1."""
    return (np.concatenate([weight, bias[:, None]], 1) * 2.0**-shift).astype(dtype)


def _clipped(sums: np.ndarray) -> np.ndarray:
    """⌊s⌋ between 0 and 1023, with a line of ones below for the next bias."""
    out = np.empty((len(sums) + 1, sums.shape[1]), sums.dtype)
    h = out[:-1]
    np.floor(sums, out=h)
    np.maximum(h, 0, out=h)
    np.minimum(h, HIGHEST, out=h)
    out[-1] = 1
    return out

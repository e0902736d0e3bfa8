"""Convolutions of whole numbers held in doubles: exact, and so the same everywhere.

A sum of products of whole numbers has no rounding as long as every partial sum is below 2⁵³: then
any order, any BLAS, any number of threads and any cut of the picture gives the same numbers. That
no sum of absolute values can reach that is checked when a model is loaded. Products are taken by
plain matrix multiplication, tap by tap; a library's convolution may go through Winograd's or
Fourier's transform, which divide.
"""

from __future__ import annotations

import numpy as np

from diabolo.uses.compress.photographs.design import ACTIVE, BIAS, HIGHEST

SAFE = 2**53


class Taps:
    """Weights of a convolution with the bias, ready to run.

    weight     : (out, in, k, k) whole numbers, or (in, out, 4, 4) where transposed
    bias       : (out,) with 16 bits after the point
    point      : bits after the point of the weights
    """

    def __init__(
        self, name: str, weight: np.ndarray, bias: np.ndarray | None, point: int, transposed: bool
    ) -> None:
        if transposed:
            weight = weight.swapaxes(0, 1)
        self.point, self.outputs = point, weight.shape[0]
        exact = weight.astype(np.float64)
        self.taps = np.ascontiguousarray(exact.transpose(2, 3, 0, 1))  # (k, k, out, in)
        # sums have ACTIVE + point bits after the point
        self.bias = np.zeros((self.outputs, 1, 1))
        if bias is not None:
            self.bias = bias.astype(np.float64)[:, None, None] * 2.0 ** (ACTIVE + point - BIAS)
        most = np.abs(exact).sum((1, 2, 3)) * (HIGHEST + 1) + np.abs(self.bias[:, 0, 0]) * 4
        if most.max() >= SAFE / 4:
            raise ValueError(f"the sums of {name!r} reach {most.max():.0f}, which is too large")


def convolved(x: np.ndarray, taps: Taps) -> np.ndarray:
    """(in, h, w) → (out, h, w), zeros around: k of 1 or 3."""
    channels, lines, cells = x.shape
    k = len(taps.taps)
    if k == 1:
        return (taps.taps[0, 0] @ x.reshape(channels, -1)).reshape(-1, lines, cells) + taps.bias
    # in one long line, a step down is a step of its width: a tap is a product with a view
    width = cells + 2
    padded = np.zeros((channels, lines + 2, width))
    padded[:, 1:-1, 1:-1] = x
    flat = padded.reshape(channels, -1)
    count = lines * width - 2
    out = np.zeros((taps.outputs, lines * width))
    for line in range(3):
        for cell in range(3):
            start = line * width + cell
            out[:, :count] += taps.taps[line, cell] @ flat[:, start : start + count]
    return out.reshape(-1, lines, width)[:, :, :cells] + taps.bias


def enlarged(x: np.ndarray, taps: Taps) -> np.ndarray:
    """(in, h, w) → (out, 2 h, 2 w): a transposed convolution of 4 x 4 taps, two cells apart."""
    channels, lines, cells = x.shape
    width = cells + 2
    padded = np.zeros((channels, lines + 2, width))
    padded[:, 1:-1, 1:-1] = x
    flat = padded.reshape(channels, -1)
    count = lines * width - 2
    out = np.empty((taps.outputs, 2 * lines, 2 * cells))
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        total = np.zeros((taps.outputs, lines * width))
        for k, line in _MEETING[down]:
            for m, cell in _MEETING[right]:
                start = line * width + cell
                total[:, :count] += taps.taps[k, m] @ flat[:, start : start + count]
        out[:, down::2, right::2] = total.reshape(-1, lines, width)[:, :, :cells]
    return out + taps.bias


# of an even and of an odd cell: which taps reach it, and from which padded cell
_MEETING = (((1, 1), (3, 0)), ((2, 1), (0, 2)))


def active(sums: np.ndarray, point: int) -> np.ndarray:
    """Sums → activations: ⌊s / 2^point⌋, at most 16 bits."""
    sums = sums * 2.0**-point
    np.floor(sums, out=sums)
    return np.clip(sums, -HIGHEST, HIGHEST, out=sums)


def rectified(sums: np.ndarray, point: int) -> np.ndarray:
    """Likewise, with 0 for what is below."""
    sums = sums * 2.0**-point
    np.floor(sums, out=sums)
    return np.clip(sums, 0, HIGHEST, out=sums)


def divisive(x: np.ndarray, taps: Taps) -> np.ndarray:
    """x (β + Γ|x|), the inverse of a divisive normalisation."""
    return active(x * active(convolved(np.abs(x), taps), taps.point), ACTIVE)

"""The tables of the coder, made by whole-number arithmetic alone.

A library's exp() differs in the last bit from machine to machine, and one bit destroys a file. So
each entry is computed from Python's integers: 96 bits after the point, every step rounded down.
The tables are part of the file format; a test holds their hash.

    LOGISTIC[i] ≈ 65536 / (1 + exp(−t)),  t = (i − 2048) / 128,  i = 0 … 4095
    EXPONENTIAL[i] ≈ 2²⁰ exp(−i / 128),                          i = 0 … 2047
    SHARPNESS[i] ≈ 8 · 2¹⁸ / σ,  σ = 2^((i − 32) / 8),           i = 0 … 127
"""

from __future__ import annotations

import math

import numpy as np

ONE = 1 << 96  # 1 in fixed point
STEP = 128  # entries a unit of t
CENTRE = 2048  # the entry of t = 0
SHARP = 18  # bits after the point of a sharpness
OCTAVE = 8  # sharpnesses a factor of 2
FLATTEST = 128  # sharpnesses in all
ONE_WIDE = 32  # the sharpness of σ = 1


def _decay() -> int:
    """exp(−1/128) in fixed point, by its series."""
    term, total, k = ONE, ONE, 0
    while term:
        k += 1
        term //= STEP * k
        total += -term if k % 2 else term
    return total


def _powers(count: int) -> list[int]:
    """exp(−i/128) in fixed point for i = 0 … count − 1."""
    decay, powers = _decay(), [ONE]
    for _ in range(count - 1):
        powers.append(powers[-1] * decay // ONE)
    return powers


def _rounded(value: int, bits: int) -> int:
    """value / 2⁹⁶ · 2^bits, to the nearest."""
    shift = 96 - bits
    return (value + (1 << (shift - 1))) >> shift


def _logistic() -> np.ndarray:
    powers = _powers(CENTRE + 1)
    upper = [_rounded(ONE * ONE // (ONE + power), 16) for power in powers]  # t = 0, 1/128, …
    return np.array([65536 - upper[-i] for i in range(-CENTRE, 0)] + upper[:CENTRE], np.int64)


def _sharpness() -> np.ndarray:
    """8 · 2¹⁸ · 2^(−(i − 32)/8): three square roots of a power of two."""
    exponent = OCTAVE * (3 + SHARP) + ONE_WIDE
    powers = (1 << (exponent - i) for i in range(FLATTEST))
    return np.array([math.isqrt(math.isqrt(math.isqrt(p))) for p in powers], np.int64)


LOGISTIC = _logistic()
EXPONENTIAL = np.array([_rounded(power, 20) for power in _powers(CENTRE)], np.int64)
SHARPNESS = _sharpness()

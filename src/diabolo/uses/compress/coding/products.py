"""Products of whole numbers in floats, which are exact as long as no sum can reach 2²⁴."""

from __future__ import annotations

from typing import Any

import numpy as np

from diabolo.uses.compress.coding.network import HIGHEST, SAFE, refuse_unsafe

Scaled = tuple[np.ndarray, np.ndarray]  # (outputs, inputs) and (outputs, 1), / 2^shift


def check(weight: np.ndarray, bias: np.ndarray, most: int, name: str) -> None:
    """raises ValueError where inputs of at most so much could make unsafe sums."""
    sums = abs(weight.astype(np.int64)).sum(1) * most + abs(bias.astype(np.int64))
    refuse_unsafe(name, int(sums.max(initial=0)))


LARGEST_BIAS = SAFE // 4 - 1  # in training; the other three quarters are for weights:


def largest(inputs: int, most: int) -> int:
    """How large a weight may become in training, so that no sum of so many can be unsafe."""
    return min(2**15 - 1, SAFE * 3 // 4 // (most * inputs))


def scaled(weight: np.ndarray, bias: np.ndarray, shift: int, dtype: Any) -> Scaled:
    """Weights and biases / 2^shift."""
    return (weight * 2.0**-shift).astype(dtype), (bias[:, None] * 2.0**-shift).astype(dtype)


def product(by: Scaled, x: np.ndarray) -> np.ndarray:
    """⌊W x + b⌋"""
    out = by[0] @ x
    out += by[1]
    return np.floor(out, out=out)


def hidden(by: Scaled, x: np.ndarray) -> np.ndarray:
    """clip(⌊W x + b⌋, 0, 1023)"""
    h = product(by, x)
    return np.clip(h, 0, HIGHEST, out=h)

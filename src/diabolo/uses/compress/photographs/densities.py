"""Slots of 2¹⁶ that the symbols of a latent own, by its width: tables of whole numbers.

    K     = min(255, 8 + ⌊16 · 2²¹ / SHARPNESS[i]⌋)                     symbols −K … K
    F(s)  = LOGISTIC[((16 s − 8) · SHARPNESS[i] + 2¹⁷ ≫ 18) + 2048]
    first slot of s = (F(s) (65536 − 2 K − 1) ≫ 16) + s + K,  0 for −K

A logistic density of width 2^((i − 32)/8) around 0, cut into one piece a symbol, each of which has
one slot for certain. At widths up to `SURE` a symbol is 0 and is not coded.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from diabolo.uses.compress.coding.rans import SLOTS
from diabolo.uses.compress.coding.tables import CENTRE, LOGISTIC, SHARP, SHARPNESS
from diabolo.uses.compress.photographs.design import WIDEST

FURTHEST = 255
SURE = 1


class Densities(NamedTuple):
    """All widths one behind the other."""

    furthest: np.ndarray  # (80,) the largest symbol K
    middle: np.ndarray  # (80,) the place of symbol 0
    first: np.ndarray  # (n,) first slots
    slots: np.ndarray  # (n,)
    keys: np.ndarray  # (n,) width · 65536 + first slot, ascending


@cache
def densities() -> Densities:
    """The tables, made once."""
    furthest, middle, first, slots, keys = [], [], [], [], []
    place = 0
    for width in range(WIDEST):
        starts = starts_of(width)
        k = len(starts) // 2 - 1
        furthest.append(k)
        middle.append(place + k)
        first.append(starts[:-1])
        slots.append(np.diff(starts))
        keys.append(width * SLOTS + starts[:-1])
        place += 2 * k + 1
    return Densities(
        np.array(furthest), np.array(middle), *map(np.concatenate, (first, slots, keys))
    )


def starts_of(width: int) -> np.ndarray:
    """First slots of the symbols −K … K of a width, and 65536."""
    sharpness = int(SHARPNESS[width])
    k = min(FURTHEST, 8 + 16 * 2**21 // sharpness)
    symbols = np.arange(-k, k + 2)
    index = ((16 * symbols - 8) * sharpness + (1 << (SHARP - 1)) >> SHARP) + CENTRE
    starts = (LOGISTIC.take(index, mode="clip") * (SLOTS - 2 * k - 1) >> 16) + symbols + k
    starts[0], starts[-1] = 0, SLOTS
    return starts


def costs(widths: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """Bits of symbols, by the tables."""
    table = densities()
    return 16 - np.log2(table.slots[table.middle[widths] + symbols])

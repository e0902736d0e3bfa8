"""A model's weights in few bytes: zstandard takes a fifth more.

Weights are near 0 more often than not. Those of a tensor are coded with one logistic density around
0, whose width is chosen for it; where they go beyond ±511, the low bits that are too many are coded
as they are.

    1   k: low bits        1   the density's sharpness (`tables`)        of each tensor
    …   the numbers of all tensors one behind the other, number i in lane i mod 8 (`rans`)

Large models take more lanes, which decode the faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from diabolo.uses.compress.coding import rans
from diabolo.uses.compress.coding.rans import SLOTS, DamagedStreamError
from diabolo.uses.compress.coding.tables import CENTRE, FLATTEST, LOGISTIC, SHARP, SHARPNESS

LANES = 8
HALF = 512  # numbers on each side of 0
MOST_LOW = 15
MOST = 2**22  # numbers of a model


def encode(tensors: Sequence[np.ndarray], lanes: int = LANES) -> bytes:
    """Whole numbers of at most 16 bits and a few, of any shapes."""
    flat = [tensor.reshape(-1).astype(np.int64) for tensor in tensors]
    head, high, low, table, bits = b"", [], [], [], []
    for number, values in enumerate(flat):
        k = _low_bits(values)
        shifted = (values >> k) + HALF
        sharpness = _best(shifted)
        head += bytes([k, sharpness])
        high.append(shifted)
        low.append(values & ((1 << k) - 1))
        table.append(np.full(len(values), number))
        bits.append(np.full(len(values), k))
    if not sum(map(len, flat)):
        return head
    tables = np.stack([_starts(sharpness) for sharpness in head[1::2]])
    which, v = np.concatenate(table), np.concatenate(high)
    rest, width = np.concatenate(low), SLOTS >> np.concatenate(bits)
    first = tables[which, v]
    slots = tables[which, v + 1] - first

    def backwards() -> Iterator[rans.Step]:
        for begin in reversed(range(0, len(v), lanes)):
            now = slice(begin, begin + lanes)
            has_low = np.flatnonzero(width[now] < SLOTS)
            if len(has_low):
                w = width[now][has_low]
                yield has_low, rest[now][has_low] * w, w
            yield slice(len(v[now])), first[now], slots[now]

    return head + rans.encode(backwards(), lanes)


def decode(content: bytes, sizes: Sequence[int], lanes: int = LANES) -> list[np.ndarray]:
    """The numbers of each tensor, int64; raises ValueError for bytes of other sizes."""
    head, total = content[: 2 * len(sizes)], sum(sizes)
    if len(head) < 2 * len(sizes):
        raise DamagedStreamError("a model is cut short")
    if any(k > MOST_LOW for k in head[::2]) or any(s >= FLATTEST for s in head[1::2]):
        raise DamagedStreamError("a model's weights make no sense")
    if not total:
        return [np.zeros(0, np.int64) for _ in sizes]
    if total > min(MOST, 400 * len(content)):  # a number takes a 44th of a bit at least
        raise DamagedStreamError("a model is shorter than its weights")
    tables = np.stack([_starts(sharpness) for sharpness in head[1::2]])
    keys = (tables[:, :-1] + SLOTS * np.arange(len(sizes))[:, None]).reshape(-1)  # ascending
    ends = tables[:, 1:].reshape(-1)
    which = np.repeat(np.arange(len(sizes)), sizes)
    low = np.frombuffer(head[::2], np.uint8).astype(np.int64)[which]
    values = np.empty(total, np.int64)
    coder = rans.Decoder(content[len(head) :], lanes)
    for begin in range(0, total, lanes):
        now = slice(begin, min(begin + lanes, total))
        every, table = slice(now.stop - begin), which[now]
        slot = coder.slots(every)
        place = keys.searchsorted(table * SLOTS + slot, "right") - 1
        first = keys[place] - table * SLOTS
        coder.take(every, slot - first, ends[place] - first)
        values[now] = (place - (2 * table + 1) * HALF) << low[now]
        has_low = np.flatnonzero(low[now])
        if len(has_low):
            slot, width = coder.slots(has_low), SLOTS >> low[now][has_low]
            values[begin + has_low] += slot // width
            coder.take(has_low, slot % width, width)
    coder.finish()
    return np.split(values, np.cumsum(sizes)[:-1])


def _low_bits(values: np.ndarray) -> int:
    k = 0
    while len(values) and (values.max() >> k >= HALF or values.min() >> k < -HALF):
        k += 1
    if k > MOST_LOW:
        raise ValueError("weights are too large")
    return k


def _starts(sharpness: int) -> np.ndarray:
    """(1025,) first slots of −512 … 511, and 65536."""
    z = (np.arange(2 * HALF + 1) - HALF << 4) - 8
    index = (z * SHARPNESS[sharpness] >> SHARP) + CENTRE
    starts = (LOGISTIC.take(index, mode="clip") * (SLOTS - 2 * HALF) >> 16) + np.arange(len(z))
    starts[0], starts[-1] = 0, SLOTS
    return starts


def _best(shifted: np.ndarray) -> int:
    """The sharpness that codes these numbers in the fewest bits."""
    counts = np.bincount(shifted, minlength=2 * HALF)
    costs = [-(counts * np.log2(np.diff(_starts(s)))).sum() for s in range(FLATTEST)]
    return int(np.argmin(costs))

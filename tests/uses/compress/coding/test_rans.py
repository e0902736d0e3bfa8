"""Symbols in, symbols out; at the cost that their probabilities say; never from other bits."""

import numpy as np
import pytest

from diabolo.uses.compress.coding import rans


def drawn(seed: int, steps: int, lanes: int, skew: float = 3.0):
    """Random intervals and which lanes they are for, in the decoder's order."""
    random = np.random.default_rng(seed)
    found = []
    for step in range(steps):
        slots = np.clip((65536 * random.random(lanes) ** skew).astype(np.int64), 1, 65535)
        first = (random.random(lanes) * (65537 - slots)).astype(np.int64)
        which = slice(None)
        if step % 3 == 1:
            which = np.flatnonzero(random.random(lanes) < 0.4)
            first, slots = first[which], slots[which]
        found.append((which, first, slots))
    return found


def decoded(bits: bytes, lanes: int, steps) -> bool:
    """Whether every slot that comes out lies within the interval that went in."""
    coder = rans.Decoder(bits, lanes)
    for which, first, slots in steps:
        slot = coder.slots(which)
        if ((slot < first) | (slot >= first + slots)).any():
            return False
        coder.take(which, slot - first, slots)
    coder.finish()
    return True


@pytest.mark.parametrize("lanes", [1, 2, 7, 64])
@pytest.mark.parametrize("skew", [0.01, 1.0, 20.0])
def test_round_trip(lanes, skew):
    steps = drawn(lanes, 200, lanes, skew)
    assert decoded(rans.encode(reversed(steps), lanes), lanes, steps)


def test_nothing_to_code():
    bits = rans.encode([], 3)
    assert len(bits) == 3 * rans.STATE
    assert decoded(bits, 3, [])


def test_length_is_that_of_the_probabilities():
    lanes, steps = 8, drawn(1, 2000, 8)
    ideal = sum(float((16 - np.log2(slots)).sum()) for _, _, slots in steps)
    assert 8 * len(rans.encode(reversed(steps), lanes)) < 1.001 * ideal + 28 * lanes + 64


def test_plain_python_says_the_same():
    """One lane in the integers of Python, as the docstring has it."""
    steps = drawn(5, 300, 1)
    x, stream = 1 << 24, []
    for _, first, slots in reversed(steps):
        for s, f in zip(first.tolist(), slots.tolist(), strict=True):
            if x >> 24 >= f:
                stream.append(x & 65535)
                x >>= 16
            x = (x // f << 16) + s + x % f
    expected = x.to_bytes(5, "little") + b"".join(w.to_bytes(2, "little") for w in stream[::-1])
    assert rans.encode(reversed(steps), 1) == expected


def test_cut_or_longer_bits_are_refused():
    steps = drawn(2, 100, 4)
    bits = rans.encode(reversed(steps), 4)
    for wrong in (bits[:-2], bits[:-1], bits + b"\0\0", bits[:19], b"", bytes(len(bits))):
        try:
            assert not decoded(wrong, 4, steps)
        except rans.DamagedStreamError:
            continue

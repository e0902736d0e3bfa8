"""Asymmetric numeral systems, many lanes at once: symbols ↔ bits.

A lane is a whole number x in [2²⁴, 2⁴⁰). Putting a symbol that owns the slots [s, s + f) of 2¹⁶
makes x larger by about log2(2¹⁶ / f) bits, taking it gives the bits back:

    put    x ← ⌊x / f⌋ · 2¹⁶ + s + x mod f
    take   slot = x mod 2¹⁶;  x ← f · ⌊x / 2¹⁶⌋ + slot − s

A lane that would grow beyond its room first puts its lowest 16 bits onto a pile of words, which
all lanes share; one that becomes too small takes a word from it. Each undoes the other exactly, so
lanes are a stack: what was put last is taken first. An encoder puts, a decoder takes, and bits-back
does both (`codes`): a choice can be made by taking bits that are there, and they are found again
when it is known why it was made.

Duda 2013, "Asymmetric numeral systems"; interleaving: Giesen 2014, "Interleaved entropy coders".
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

BITS = 16  # of a slot's number
SLOTS = 1 << BITS
LOWEST = 1 << 24
STATE = 5  # bytes of a lane's state

Lanes = np.ndarray | slice
Step = tuple[Lanes, np.ndarray, np.ndarray]  # which lanes; first slot and slots of their symbols


class DamagedStreamError(ValueError):
    """Bits that no encoder wrote."""


class Stack:
    """Lanes to put symbols on and to take them from, the last one first."""

    def __init__(self, lanes: int) -> None:
        self.states = np.full(lanes, LOWEST, np.int64)
        self.words = np.zeros(0, np.uint16)  # in use from `position` on, the top first
        self.position = 0

    def put(self, which: Lanes, first: np.ndarray, slots: np.ndarray) -> None:
        """Symbols of these lanes that own so many slots, 1 … 65535."""
        x = self.states[which]
        full = np.flatnonzero(x >> 24 >= slots)  # it would leave [2²⁴, 2⁴⁰)
        if len(full):
            self._pile(x[full].astype(np.uint16))
            x[full] >>= BITS
        # exact: x < 2⁴⁰, and doubles are right to 2⁵³ (twice as fast as dividing integers)
        times = np.floor(x.astype(np.float64) / slots).astype(np.int64)
        self.states[which] = (times << BITS) + first + (x - times * slots)

    def slots(self, which: Lanes) -> np.ndarray:
        """The slot that each lane's next symbol owns, 0 … 65535."""
        return self.states[which] & (SLOTS - 1)

    def take(self, which: Lanes, offset: np.ndarray, slots: np.ndarray) -> None:
        """Go on behind symbols of so many slots; offset: the slot's number within its symbol."""
        x = (self.states[which] >> BITS) * slots + offset
        empty = np.flatnonzero(x < LOWEST)
        if len(empty):
            end = self.position + len(empty)
            if end > len(self.words):
                raise DamagedStreamError("a chunk ends too early")
            x[empty] = (x[empty] << BITS) | self.words[self.position : end]
            self.position = end
        self.states[which] = x

    def turn(self, which: Lanes, by: np.ndarray) -> None:
        """Add to the slots on top, modulo 2¹⁶: undone by as much less."""
        x = self.states[which]
        self.states[which] = x - (x & (SLOTS - 1)) + (x + by & (SLOTS - 1))

    def content(self) -> bytes:
        """Bytes from which a `Decoder` goes on."""
        words = self.words[self.position :].astype("<u2", copy=False)
        return _states_to_bytes(self.states) + words.tobytes()

    def _pile(self, words: np.ndarray) -> None:
        if self.position < len(words):
            room = np.zeros(len(self.words) + len(words), np.uint16)
            self.words = np.concatenate([room, self.words])
            self.position += len(room)
        self.position -= len(words)
        self.words[self.position : self.position + len(words)] = words


class Decoder(Stack):
    """Takes symbols from bits, in the order in which they were meant to be read."""

    def __init__(self, bits: bytes | memoryview, lanes: int) -> None:
        if len(bits) < lanes * STATE or (len(bits) - lanes * STATE) % 2:
            raise DamagedStreamError("a chunk is shorter than its lanes")
        super().__init__(lanes)
        self.states = _states_from_bytes(bits[: lanes * STATE])
        if (self.states < LOWEST).any():
            raise DamagedStreamError("a chunk begins with impossible states")
        self.words = np.frombuffer(bits, "<u2", offset=lanes * STATE).astype(np.uint16)

    def finish(self) -> None:
        """Raise unless everything was used up: what an encoder wrote always is."""
        if self.position != len(self.words) or (self.states != LOWEST).any():
            raise DamagedStreamError("a chunk holds more than its symbols")


def encode(steps: Iterable[Step], lanes: int) -> bytes:
    """Bits from which `Decoder` takes the symbols in the order of the steps.

    steps : last one first. Slots of a symbol: 1 … 65535.
    """
    stack = Stack(lanes)
    for which, first, slots in steps:
        stack.put(which, first, slots)
    return stack.content()


def _states_to_bytes(states: np.ndarray) -> bytes:
    return states.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :STATE].tobytes()


def _states_from_bytes(bits: bytes | memoryview) -> np.ndarray:
    wide = np.zeros((len(bits) // STATE, 8), np.uint8)
    wide[:, :STATE] = np.frombuffer(bits, np.uint8).reshape(-1, STATE)
    return wide.view("<i8").reshape(-1).astype(np.int64)

"""What a network says of a symbol → slots of 2¹⁶ that the symbol owns, in whole numbers.

Outputs o of a network are integers with 12 bits after the point.

Edge      where the smallest or the largest symbol is common: P(edge) = LOGISTIC[128 o], decided
          first.
Mixture   ordered symbols: some logistic densities, cut into one piece a symbol,
              F(v) = Σ_k w_k LOGISTIC[(16 v − 8 − μ_k) · sharpness_k ≫ 18],   Σ w = 4096
          first slot of v = (F(v) · (65536 − n) ≫ 28) + number of symbols before v, so that none
          is without a slot; the first symbol begins at 0, the last ends at 65536.
Atoms     single symbols among the ordered ones, too common for densities: 253 in scanned digits.
          Their logits stand beside those of the densities:
              F(v) = … + 65536 Σ_{a < v} w_a,                                   Σ w = 4096
Softmax   symbols without order: 1 + exp(o_a − max) · (65536 − n) / Σ, the rest to the likeliest.

Discretised logistic mixtures: Salimans et al. 2017, "PixelCNN++", sec. 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diabolo.uses.compress.coding import rans
from diabolo.uses.compress.coding.rans import SLOTS, Lanes
from diabolo.uses.compress.coding.tables import (
    CENTRE,
    EXPONENTIAL,
    LOGISTIC,
    ONE_WIDE,
    SHARP,
    SHARPNESS,
)

POINT = 12  # bits after the point of an output
PARTS, MOST_PARTS = 3, 8  # logistic densities
WEIGHTS = 4096  # the sum over densities and atoms
MOST_ORDERED = 1024  # symbols: each takes one slot of 65536 for certain
MOST_CATEGORIES = 64
MOST_ATOMS = 8

Intervals = tuple[np.ndarray, np.ndarray]  # first slot and number of slots


@dataclass(frozen=True)
class Plane:
    """Symbols of one kind: a channel of images, a column or a part of one.

    alphabet : how many there are: 0 … alphabet − 1.
    ordered  : whether neighbours are alike, as greys are and names are not.
    edge     : 0 or alphabet − 1, where that one is common enough to be decided first; or −1.
    parts    : logistic densities of ordered symbols.
    atoms    : ordered symbols, ascending, that are far more common than those beside them.
    """

    alphabet: int
    ordered: bool = True
    edge: int = -1
    parts: int = PARTS
    atoms: tuple[int, ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers the network has to say."""
        if self.alphabet == 1:
            return 0
        if not self.ordered:
            return self.alphabet
        return (self.edge >= 0) + (3 * self.parts + len(self.atoms) if self.inner > 1 else 0)

    @property
    def first(self) -> int:
        """The smallest symbol that the mixture is asked for."""
        return 1 if self.edge == 0 else 0

    @property
    def inner(self) -> int:
        """How many symbols the mixture is asked for."""
        return self.alphabet - (self.edge >= 0)

    @property
    def unit(self) -> int:
        """Symbols that an output of 1 moves the mean by: a power of two, about an eighth of all."""
        return 1 << max(0, (self.alphabet - 1).bit_length() - 3)

    @property
    def broad(self) -> int:
        """The sharpness of an output of 0: σ of about an eighth of all symbols."""
        return ONE_WIDE + 8 * (self.unit.bit_length() - 1)

    @cached_property
    def atoms_below(self) -> np.ndarray:
        """(alphabet + 1,) how many atoms are smaller than each symbol."""
        return np.searchsorted(self.atoms, np.arange(self.alphabet + 1))


class Head:
    """Fixed-point probabilities of one plane at one position, for many lanes.

    outputs : (outputs, n) whole numbers, as float32 or float64.
    linear  : (parts, n) likewise: what the means are to begin with, with 4 bits after the point.
    """

    def __init__(self, plane: Plane, outputs: np.ndarray, linear: np.ndarray | None) -> None:
        self.plane, self.outputs, self.linear = plane, outputs, linear

    def intervals(self, symbols: np.ndarray) -> Iterator[tuple[Lanes, np.ndarray, np.ndarray]]:
        """What to encode, in the decoder's order: which lanes, first slots, slots."""
        plane, every = self.plane, slice(None)
        if not plane.ordered:
            starts = self._softmax()
            at = np.arange(len(symbols))
            first = starts[symbols, at]
            yield every, first, starts[symbols + 1, at] - first
            return
        inner: Lanes = every
        if plane.edge >= 0:
            border = self._border()
            is_edge = symbols == plane.edge
            slots = np.where(is_edge, border, SLOTS - border)
            yield every, np.where(is_edge, 0, border), slots
            inner = np.flatnonzero(~is_edge)
        if plane.inner > 1:
            mixture = self._mixture(inner)
            first = mixture.starts(symbols[inner])
            yield inner, first, mixture.starts(symbols[inner] + 1) - first

    def decode(self, coder: rans.Decoder, lanes: Lanes, count: int) -> np.ndarray:
        """Symbols (count,) of these lanes."""
        plane = self.plane
        slot = coder.slots(lanes)
        if not plane.ordered:
            starts = self._softmax()
            symbols = (starts[1:] <= slot).sum(0)
            at = np.arange(count)
            first = starts[symbols, at]
            coder.take(lanes, slot - first, starts[symbols + 1, at] - first)
            return symbols
        symbols = np.full(count, max(plane.edge, 0), np.int64)
        inner: Lanes = slice(None)
        if plane.edge >= 0:
            border = self._border()
            outside = slot >= border
            slots = np.where(outside, SLOTS - border, border)
            coder.take(lanes, slot - border * outside, slots)
            inner = np.flatnonzero(outside)
            if not len(inner):
                return symbols
            lanes = inner if isinstance(lanes, slice) else lanes[inner]
            slot = coder.slots(lanes) if plane.inner > 1 else slot
        if plane.inner == 1:
            symbols[inner] = plane.first
            return symbols
        found, first, after = self._mixture(inner).find(slot)
        coder.take(lanes, slot - first, after - first)
        symbols[inner] = found
        return symbols

    def _border(self) -> np.ndarray:
        """Slots of the edge, 1 … 65535."""
        return np.minimum(np.maximum(_logistic(self.outputs[0]), 1), SLOTS - 1)

    def _softmax(self) -> np.ndarray:
        """(alphabet + 1, n) first slots."""
        logits = self.outputs.astype(np.int64)
        weight = _exponential(logits)
        slots = 1 + weight * (SLOTS - len(logits)) // weight.sum(0)
        slots[logits.argmax(0), np.arange(logits.shape[1])] += SLOTS - slots.sum(0)
        starts = np.zeros((len(logits) + 1, logits.shape[1]), np.int64)
        np.cumsum(slots, 0, out=starts[1:])
        return starts

    def _mixture(self, lanes: Lanes) -> _Mixture:
        outputs = self.outputs[int(self.plane.edge >= 0) :, lanes]
        assert self.linear is not None
        return _Mixture(self.plane, outputs, self.linear[:, lanes])


class _Mixture:
    """Logistic densities and atoms for each of n lanes."""

    def __init__(self, plane: Plane, outputs: np.ndarray, linear: np.ndarray) -> None:
        self.plane = plane
        parts = plane.parts
        logits, means, flatness, atoms = np.split(
            outputs.astype(np.int64), [parts, 2 * parts, 3 * parts]
        )
        weights = _exponential(np.concatenate([logits, atoms]))
        total = weights.sum(0)
        weights *= WEIGHTS
        weights //= total
        weights[0] += WEIGHTS - weights.sum(0)
        self.weights = weights[:parts]
        self.below = np.zeros((len(atoms) + 1, len(total)), np.int64)  # what so many atoms take
        np.cumsum(weights[parts:] << 16, 0, out=self.below[1:])
        # 12 bits after the point and a unit of 2^u symbols → 4 bits after the point
        means = means * plane.unit >> (POINT - 4)
        means += linear.astype(np.int64)
        sharpness = SHARPNESS.take((flatness >> 9) + plane.broad, mode="clip")
        # z = (16 v − 8 − μ) · sharpness ≫ 18, and the table's middle
        means += 8
        means *= sharpness
        means -= CENTRE << SHARP
        self.sharpness, self.shift = sharpness << 4, means

    def starts(self, symbols: np.ndarray) -> np.ndarray:
        """First slot of each lane's symbol (or, for one past the last symbol, 65536)."""
        before = symbols - self.plane.first
        starts = self._starts(symbols)
        starts[before <= 0] = 0
        starts[before >= self.plane.inner] = SLOTS
        return starts

    def _starts(self, symbols: np.ndarray) -> np.ndarray:
        """Likewise for symbols (…, n) that are neither the first nor beyond the last."""
        z = symbols[..., None, :] * self.sharpness
        z -= self.shift
        z >>= SHARP
        mass = LOGISTIC.take(z, mode="clip")
        mass *= self.weights
        starts = mass.sum(-2)
        if self.plane.atoms:
            starts += self.below[self.plane.atoms_below[symbols], np.arange(symbols.shape[-1])]
        starts *= SLOTS - self.plane.inner
        starts >>= 28
        starts += symbols
        starts -= self.plane.first
        return starts

    def find(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The symbol that owns each slot, its first slot, and the first slot of the next one.

        Three symbols are asked for at a time, a quarter, half and three quarters of the way: 4
        rounds for 256. Twice as fast as halving, for the calls are what takes the time.
        """
        first, last = self.plane.first, self.plane.first + self.plane.inner - 1
        found = np.full(len(slots), first)
        step = 1
        while 4 * step < self.plane.inner:
            step *= 4
        while step:
            probes = found + step * _QUARTERS
            np.minimum(probes, last, out=probes)
            found += step * (self._starts(probes) <= slots).sum(0)
            np.minimum(found, last, out=found)
            step //= 4
        both = self.starts(np.stack([found, found + 1]))
        return found, both[0], both[1]


_QUARTERS = np.arange(1, 4)[:, None]


def _exponential(logits: np.ndarray) -> np.ndarray:
    """2²⁰ exp(o − max) for (k, n) outputs."""
    below = logits.max(0) - logits
    below >>= 5
    return EXPONENTIAL.take(below, mode="clip")


def _logistic(outputs: np.ndarray) -> np.ndarray:
    """65536 / (1 + exp(−o)) for outputs with 12 bits after the point."""
    index = outputs.astype(np.int64)
    index >>= 5
    index += CENTRE
    return LOGISTIC.take(index, mode="clip")

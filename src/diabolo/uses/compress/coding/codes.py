"""What a row's code is: some whole numbers for the row as a whole, that every symbol may look at.

A code c is coded before the symbols of its row. What a row then takes is

    quantised   −log₂ P(c) − log₂ p(x | c)                 c = the rounded output of the encoder
    bits-back   −log₂ P(c) − log₂ p(x | c) + log₂ q(c | x)      c drawn from q(· | x)

On average over q the second line is the negative evidence bound. The draw is made by taking bits
off the lane's stack, the bits of rows that are there already; who decodes knows q(· | x) once the
row is back, and puts them on again (`chunks`). So q must be the same whole numbers in both places,
and the encoder goes into the file. A quantised code's encoder does not; but every entry pays for
the one value that was chosen, where several would have done.

A hierarchical code is one of bits-back that is not charged by a fixed P(c), but by layers above it,
c″ over c, each a code of the one below (`layers`):

    − log₂ P(c″) − log₂ p(c | c″) + log₂ q(c″ | c)      in the place of −log₂ P(c)

All are tables of slots of 2¹⁶ for each entry, made like the others (`tables`):

    quantised   −31 … 31, a logistic density around 0, its sharpness learned for each entry
    bits-back   256 bins of a logistic density, all equally likely: the prior costs 8 bits for
                certain. q, and p of a layer below, are logistic densities over the bins, cut at
                their edges E:
                F(j) = (LOGISTIC[((E_j − μ) · SHARPNESS[s] ≫ 18) + 2048] · 65280 ≫ 16) + j

Frey & Hinton 1996, "Free energy coding"; Townsend et al. 2019, "Practical lossless compression with
latent variables using bits back coding", sec. 2.5.1 for the bins; Kingma et al. 2019, "Bit-Swap:
recursive bits-back coding for lossless compression with hierarchical latent variables", for the
order of layers. Minnen et al. 2018 for rounding what a decoder sees and blurring what is charged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diabolo.uses.compress.coding.rans import BITS, SLOTS, Stack
from diabolo.uses.compress.coding.tables import (
    CENTRE,
    FLATTEST,
    LOGISTIC,
    OCTAVE,
    ONE_WIDE,
    SHARP,
    SHARPNESS,
)


@dataclass(frozen=True)
class Code(ABC):
    """How a row's code is, and how it is spread over the row.

    size     : entries
    units    : hidden units, of the encoder and of the decoder
    features : numbers that a symbol sees of the code
    lines, columns : knots at which the features are said; between them they change linearly
    """

    size: int
    units: int
    features: int
    lines: int
    columns: int

    kind: ClassVar[str]  # in files
    levels: ClassVar[int]  # values of an entry
    values: ClassVar[np.ndarray]  # (levels,) what the decoder sees of each, in −255 … 255
    bits_back: ClassVar[bool]

    @property
    def layers(self) -> tuple[int, ...]:
        """Entries of each layer, from the one that symbols look at upwards."""
        return (self.size,)

    @property
    @abstractmethod
    def said(self) -> int:
        """How many numbers the encoder has to say."""

    @property
    @abstractmethod
    def learned(self) -> int:
        """How many whole numbers the prior has."""

    @abstractmethod
    def prior(self, learned: np.ndarray) -> np.ndarray:
        """(entries of the last layer, levels + 1) first slots of every value, and 65536."""

    @abstractmethod
    def likeliest(self, said: np.ndarray) -> np.ndarray:
        """(size, n) values, 0 … levels − 1, by what the encoder said, (said, n)."""


class Quantised(Code):
    """Every entry is rounded to a step of 1 of what the encoder says."""

    kind = "quantised"
    levels = 63
    values = 8 * np.arange(-31, 32)
    bits_back = False

    @property
    def said(self) -> int:
        return self.size

    @property
    def learned(self) -> int:
        return self.size

    def prior(self, learned: np.ndarray) -> np.ndarray:
        if len(learned) and not 0 <= learned.min() <= learned.max() < FLATTEST:
            raise ValueError("a code's prior has an impossible sharpness")
        edges = 16 * np.arange(-31, 33) - 8
        index = (edges * SHARPNESS[learned.astype(np.int64)][:, None] >> SHARP) + CENTRE
        mass = LOGISTIC.take(index, mode="clip") * (SLOTS - self.levels) >> 16
        return _closed(mass + np.arange(self.levels + 1))

    def likeliest(self, said: np.ndarray) -> np.ndarray:
        rounded = (said.astype(np.int64) + 2048) >> 12
        return np.clip(rounded, -31, 31) + 31


def _quantiles(slots: np.ndarray) -> np.ndarray:
    """1024 ln(s / (65536 − s)) of the prior's slots s, by the table turned around."""
    i = np.searchsorted(LOGISTIC, slots, side="right") - 1
    return 8 * (i - CENTRE) + 8 * (slots - LOGISTIC[i]) // (LOGISTIC[i + 1] - LOGISTIC[i])


class BitsBack(Code):
    """Every entry is drawn from what the encoder says of it, by bits that are there."""

    kind = "bits-back"
    levels = 256
    edges = _quantiles(256 * np.arange(1, 256))  # 10 bits after the point
    values = (40 * _quantiles(256 * np.arange(256) + 128) + 512) >> 10
    bits_back = True

    @property
    def said(self) -> int:
        return 2 * self.size

    @property
    def learned(self) -> int:
        return 0

    def prior(self, learned: np.ndarray) -> np.ndarray:
        return np.tile(256 * np.arange(257), (self.layers[-1], 1))

    def likeliest(self, said: np.ndarray) -> np.ndarray:
        return Density.of(said).likeliest()


@dataclass(frozen=True)
class Hierarchical(BitsBack):
    """Bits-back with layers above, each a code of the one below.

    above : entries of each of these layers, upwards
    """

    above: tuple[int, ...]

    kind = "hierarchical"

    @property
    def layers(self) -> tuple[int, ...]:
        return (self.size, *self.above)


# of an output of 0: σ = 1/4 on the prior's scale, whose 1 are 64 steps of 16
NARROW = ONE_WIDE + OCTAVE * (6 - 2)


class Density:
    """Of n rows' codes, q or p: a logistic density over the bins of `BitsBack`, for each entry.

    mean      : (size, n) with 10 bits after the point
    sharpness : (size, n), of SHARPNESS
    first     : number of the first of these entries among all entries of a row, of all layers
    entries   : how many those are; None: these
    """

    def __init__(
        self, mean: np.ndarray, sharpness: np.ndarray, first: int = 0, entries: int | None = None
    ) -> None:
        self.mean, self.sharpness, self.first = mean, sharpness, first
        self.entries = len(mean) if entries is None else entries

    @classmethod
    def of(cls, said: np.ndarray, first: int = 0, entries: int | None = None) -> Density:
        """By what a network said, (2 · size, n) whole numbers with 12 bits after the point."""
        mean, octaves = np.split(said.astype(np.int64), 2)
        flatness = (octaves >> 9) + NARROW
        return cls(mean >> 2, SHARPNESS.take(flatness, mode="clip"), first, entries)

    def likeliest(self) -> np.ndarray:
        """(size, n) values, 0 … 255: the bins of the means."""
        return np.searchsorted(BitsBack.edges, self.mean, side="right")

    def intervals(self, values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """First slots and slots (n,) of every entry in turn, of values (size, n)."""
        for entry, value in enumerate(values):
            first = self.starts(entry, value)
            yield first, self.starts(entry, value + 1) - first

    def starts(self, entry: int, values: np.ndarray) -> np.ndarray:
        """(…, n) first slots of values (…, n) in 0 … 256."""
        edge = BitsBack.edges[np.clip(values - 1, 0, 254)]
        z = ((edge - self.mean[entry]) * self.sharpness[entry] >> SHARP) + CENTRE
        starts = (LOGISTIC.take(z, mode="clip") * (SLOTS - 256) >> 16) + values
        starts[values <= 0] = 0
        starts[values >= 256] = SLOTS
        return starts

    def take(self, stack: Stack, count: int) -> np.ndarray:
        """Values (size, count) off the first lanes of the stack."""
        values, few, every = self._room(count)
        for entry in range(len(values)):
            values[entry], _ = few._one(stack, entry, every)
        return values

    def borrow(self, stack: Stack, rows: range) -> tuple[np.ndarray, float]:
        """Draw values off the first lanes of the stack: (size, rows), and the bits.

        rows : their numbers within the chunk
        """
        values, few, every = self._room(len(rows))
        bits = 0.0
        for entry in range(len(values)):
            stack.turn(slice(len(rows)), self._turns(entry, rows))
            values[entry], slots = few._one(stack, entry, every)
            bits += float((BITS - np.log2(slots)).sum())
        return values, bits

    def give_back(self, stack: Stack, drawn: np.ndarray, rows: range) -> None:
        """What `borrow` took, put onto the stack again."""
        lanes, intervals = slice(len(rows)), self._first(len(rows)).intervals(drawn)
        for entry, (first, slots) in reversed([*enumerate(intervals)]):
            stack.put(lanes, first, slots)
            stack.turn(lanes, -self._turns(entry, rows))

    def _room(self, count: int) -> tuple[np.ndarray, Density, np.ndarray]:
        """Values to be filled, the densities of the first rows, all values that there are."""
        every = np.tile(np.arange(257)[:, None], count)
        return np.zeros((len(self.mean), count), np.int64), self._first(count), every

    def _one(self, stack: Stack, entry: int, every: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of an entry that lie on the lanes, and their slots, (n,) each."""
        lanes, at = slice(every.shape[1]), np.arange(every.shape[1])
        slot = stack.slots(lanes)
        starts = self.starts(entry, every)
        value = (starts[1:] <= slot).sum(0)
        first, after = starts[value, at], starts[value + 1, at]
        stack.take(lanes, slot - first, after - first)
        return value, after - first

    def _first(self, count: int) -> Density:
        return Density(self.mean[:, :count], self.sharpness[:, :count])

    def _turns(self, entry: int, rows: range) -> np.ndarray:
        """What is added to a slot before it draws: ⌊2¹⁶ frac(number · golden ratio)⌋, about.

        On top of a lane lies the slot of the code before, which is no chance: codes that are not
        as common as the prior says would draw others like them, and cost more than the bound.
        """
        number = np.arange(rows.start, rows.stop, dtype=np.int64) * self.entries
        return ((number + self.first + entry) * 2654435769 & (2**32 - 1)) >> 16


CODES: dict[str, type[Code]] = {one.kind: one for one in (Quantised, BitsBack, Hierarchical)}


def _closed(starts: np.ndarray) -> np.ndarray:
    starts[:, 0], starts[:, -1] = 0, SLOTS
    return starts

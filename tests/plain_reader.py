"""A second reader of `.dbo` files in Python's own integers, written from docs/format.md.

It shares no code with `diabolo.uses.compress`: tables come from decimal arithmetic, sums from loops
over integers of any size, so there is no overflow, no rounding, no BLAS and no batch. What it and
the real reader agree on is what the format says. Slow: a millisecond a symbol.

    back(content)                   the files in it
    Chunks(model).decode(…)         rows of symbols, and every integer on the way
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from functools import cached_property, lru_cache
from itertools import islice
from operator import mul
from typing import Any

import zstandard

SLOTS = 65536
LOWEST = 1 << 24


def _tables() -> tuple[list[int], list[int], list[int]]:
    with localcontext() as context:
        context.prec = 50
        half, one = Decimal("0.5"), Decimal(1)
        logistic = [
            int(65536 / (one + (-Decimal(i - 2048) / 128).exp()) + half) for i in range(4096)
        ]
        exponential = [int(2**20 * (-Decimal(i) / 128).exp() + half) for i in range(2048)]
        octave = [Decimal(2) ** (Decimal(k) / 8) for k in range(8)]
        # 8 · 2¹⁸ · 2^(−(i − 32)/8) = 2^((200 − i)/8), rounded down
        sharpness = [int(2 ** ((200 - i) // 8) * octave[(200 - i) % 8]) for i in range(128)]
    return logistic, exponential, sharpness


LOGISTIC, EXPONENTIAL, SHARPNESS = _tables()


def clip(value: int, least: int, most: int) -> int:
    return least if value < least else most if value > most else value


def logistic(index: int) -> int:
    return LOGISTIC[clip(index + 2048, 0, 4095)]


# asymmetric numeral systems


Step = list[tuple[int, int, int]]  # lane, first slot, slots of a symbol each; lanes ascending


class Coder:
    """Lanes that take slots from bits, and put them back."""

    def __init__(self, bits: bytes, lanes: int) -> None:
        self.x = [int.from_bytes(bits[5 * i : 5 * i + 5], "little") for i in range(lanes)]
        rest = bits[5 * lanes :]
        self.words = [rest[i] | rest[i + 1] << 8 for i in range(0, len(rest), 2)][::-1]

    @classmethod
    def empty(cls, lanes: int) -> Coder:
        return cls(LOWEST.to_bytes(5, "little") * lanes, lanes)

    def slot(self, lane: int) -> int:
        return self.x[lane] & 65535

    def take(self, step: Step) -> None:
        for lane, first, slots in step:
            x = self.x[lane]
            x = slots * (x >> 16) + (x & 65535) - first
            self.x[lane] = x if x >= LOWEST else x << 16 | self.words.pop()

    def put(self, step: Step) -> None:
        for lane, first, slots in reversed(step):  # so that the first lane's word is on top
            x = self.x[lane]
            if x >> 24 >= slots:
                self.words.append(x & 65535)
                x >>= 16
            self.x[lane] = (x // slots << 16) + first + x % slots

    def turn(self, lane: int, by: int) -> None:
        x = self.x[lane]
        self.x[lane] = (x >> 16 << 16) + (x + by) % SLOTS

    def content(self) -> bytes:
        states = b"".join(x.to_bytes(5, "little") for x in self.x)
        return states + b"".join(word.to_bytes(2, "little") for word in reversed(self.words))

    def finish(self) -> None:
        assert not self.words, "words are left"
        assert all(x == LOWEST for x in self.x), "a state is not the first one"


# layout: what a symbol is predicted from


@dataclass(frozen=True)
class Plane:
    alphabet: int
    ordered: bool
    edge: int
    parts: int = 3
    atoms: tuple[int, ...] = ()

    @staticmethod
    def of(alphabet: int, ordered: int, edge: int, parts: int = 3, atoms: Any = ()) -> Plane:
        return Plane(alphabet, bool(ordered), edge, parts, tuple(atoms))

    @property
    def inner(self) -> int:
        return self.alphabet - (self.edge >= 0)

    @property
    def first(self) -> int:
        return int(self.edge == 0)

    @property
    def outputs(self) -> int:
        if self.alphabet == 1:
            return 0
        if not self.ordered:
            return self.alphabet
        return (self.edge >= 0) + (3 * self.parts + len(self.atoms)) * (self.inner > 1)


@lru_cache
def nearest(width: int, count: int) -> list[tuple[int, int]]:
    """The nearest earlier cells, (line, column) from here."""
    if width == 1:
        return [(-k, 0) for k in range(1, count + 1)]
    far = 2 * count + 3 if count < 8 else count
    cells = [(y, x) for y in range(-far, 1) for x in range(-far, far + 1) if (y, x) < (0, 0)]
    return sorted(cells, key=lambda c: (c[0] ** 2 + c[1] ** 2, -c[0], c[1]))[:count]


@dataclass
class Network:
    """Of one plane: where its inputs are, and its weights as rows of integers."""

    plane: Plane
    ordered: list[tuple[int, int, int]]  # line, column, plane
    kinds: list[tuple[int, int, int]]
    levels: list[int]  # of the ordered ones
    differences: list[tuple[int, int]]
    largest: list[int]
    alphabets: list[int]  # of the kinds
    features: int = 0  # of the code
    weights: dict[str, list[list[int]]] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        context = len(self.levels) + len(self.differences) + sum(self.alphabets)
        return context + self.features


@dataclass
class Model:
    layout: dict[str, Any]
    networks: list[Network | None]
    code: Code | None = None

    @cached_property
    def planes(self) -> list[Plane]:
        return [Plane.of(*one) for one in self.layout["planes"]]


def network(layout: dict[str, Any], number: int) -> Network:
    planes = [Plane.of(*one) for one in layout["planes"]]
    cells = nearest(layout["width"], max(layout["reach"], layout["across"], 1))
    places = [(y, x, number) for y, x in cells[: layout["reach"]]]
    places += [(0, 0, c) for c in range(max(0, number - layout["beside"]), number)]
    places += [
        (y, x, c) for c in range(len(planes)) if c != number for y, x in cells[: layout["across"]]
    ]
    ordered = [p for p in places if planes[p[2]].ordered]
    kinds = [p for p in places if not planes[p[2]].ordered]
    pairs = []
    if layout["differences"]:
        base = {p[2]: i for i, p in reversed(list(enumerate(ordered))) if p[:2] == cells[0]}
        pairs = [(i, base[p[2]]) for i, p in enumerate(ordered) if base.get(p[2], i) != i]
    levels = [i for i in range(len(ordered)) if i not in {i for i, _ in pairs}]
    largest = [max(1, planes[p[2]].alphabet - 1) for p in ordered]
    alphabets = [planes[p[2]].alphabet for p in kinds]
    features = layout["code"]["features"] if "code" in layout else 0
    return Network(planes[number], ordered, kinds, levels, pairs, largest, alphabets, features)


def position(layout: dict[str, Any], line: int, column: int) -> list[int]:
    """Features of where a cell is, each in 0 … 255."""
    height, width = layout["height"], layout["width"]
    found = [255 * (line == 0)]
    found += [255 * (column == 0), 255 * (column == width - 1)] if width > 1 else []
    if layout["position"]:
        found += hats(line, height) + (hats(column, width) if width > 1 else [])
    return found


def hats(where: int, length: int, knots: int = 7) -> list[int]:
    """255 at one of the knots, falling to 0 at the next ones."""
    if length == 1:
        return [255] * knots
    far = [abs(where * (knots - 1) - knot * (length - 1)) for knot in range(knots)]
    return [max(0, 255 * (length - 1 - one) // (length - 1)) for one in far]


def features(net: Network, symbols: Any, line: int, column: int) -> tuple[list[int], list[int]]:
    """Ordered symbols around (as they are), and what hidden units see, for one row."""
    v = [symbols(line + y, column + x, c) for y, x, c in net.ordered]
    seen = [255 * v[i] // net.largest[i] for i in net.levels]
    for i, j in net.differences:
        d, a = v[i] - v[j], net.largest[i]
        size = 255 * abs(d) * (a + 16) // (a * (abs(d) + 16))
        seen.append(size if d >= 0 else -size)
    for (y, x, c), alphabet in zip(net.kinds, net.alphabets, strict=True):
        there = symbols(line + y, column + x, c)
        seen += [255 * (there == a) for a in range(alphabet)]
    return v, seen


def times(matrix: list[list[int]], vector: list[int]) -> list[int]:
    return [sum(map(mul, row, vector)) for row in matrix]


@dataclass
class Said:
    """All integers on the way to one symbol."""

    hidden: list[int]
    outputs: list[int]
    means: list[int]
    intervals: list[tuple[int, int]] = field(default_factory=list)  # first slot, slots


def run(net: Network, v: list[int], seen: list[int], where: list[int]) -> Said:
    w = net.weights
    first = zip(times(w["first"], seen), times(w["where"], where), w["first_bias"], strict=True)
    h1 = [clip((a + b + c[0]) >> 6, 0, 1023) for a, b, c in first]
    second = zip(times(w["second"], h1), w["second_bias"], strict=True)
    h2 = [clip((a + b[0]) >> 6, 0, 1023) for a, b in second]
    third = zip(times(w["third"], h2), w["third_bias"], strict=True)
    return Said(h1 + h2, [(a + b[0]) >> 4 for a, b in third], [m >> 8 for m in times(w["skip"], v)])


# probabilities


def kinds_of_slots(o: list[int]) -> list[int]:
    """First slots of symbols without order, and 65536."""
    e = [EXPONENTIAL[min((max(o) - a) >> 5, 2047)] for a in o]
    slots = [1 + a * (SLOTS - len(o)) // sum(e) for a in e]
    slots[o.index(max(o))] += SLOTS - sum(slots)
    starts = [0]
    for one in slots:
        starts.append(starts[-1] + one)
    return starts


def density(least: int, most: int, sharp: int) -> list[int]:
    """First slots of whole numbers under a logistic density around 0, and 65536."""
    n = most - least + 1
    inner = (
        (logistic((16 * v - 8) * sharp >> 18) * (SLOTS - n) >> 16) + v - least
        for v in range(least + 1, most + 1)
    )
    return [0, *inner, SLOTS]


def border(output: int) -> int:
    return clip(logistic(output >> 5), 1, 65535)


class Mixture:
    """Logistic densities over the ordered symbols that are no edge, and atoms among them."""

    def __init__(self, plane: Plane, o: list[int], means: list[int]) -> None:
        bits, k = max(0, (plane.alphabet - 1).bit_length() - 3), plane.parts
        logits = o[:k] + o[3 * k :]
        e = [EXPONENTIAL[min((max(logits) - a) >> 5, 2047)] for a in logits]
        weights = [a * 4096 // sum(e) for a in e]
        weights[0] += 4096 - sum(weights)
        self.weights, self.atoms = weights[:k], dict(zip(plane.atoms, weights[k:], strict=True))
        self.mu = [(a * 2**bits >> 8) + m for a, m in zip(o[k : 2 * k], means, strict=True)]
        self.sharp = [SHARPNESS[clip((a >> 9) + 32 + 8 * bits, 0, 127)] for a in o[2 * k : 3 * k]]
        self.plane = plane

    def start(self, symbol: int) -> int:
        before, n = symbol - self.plane.first, self.plane.inner
        if before <= 0:
            return 0
        if before >= n:
            return SLOTS
        mass = sum(
            w * logistic((16 * symbol - 8 - mu) * s >> 18)
            for w, mu, s in zip(self.weights, self.mu, self.sharp, strict=True)
        )
        mass += sum(w * 65536 for atom, w in self.atoms.items() if atom < symbol)
        return (mass * (SLOTS - n) >> 28) + before

    def owner(self, slot: int) -> int:
        """The symbol that owns a slot: by halving."""
        low, high = self.plane.first, self.plane.first + self.plane.inner - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.start(middle) <= slot else (low, middle - 1)
        return low


# codes of rows


def _quantile(slots: int) -> int:
    """1024 ln(s / (65536 − s)), by the table."""
    i = bisect_right(LOGISTIC, slots) - 1
    return 8 * (i - 2048) + 8 * (slots - LOGISTIC[i]) // (LOGISTIC[i + 1] - LOGISTIC[i])


EDGES = [_quantile(256 * k) for k in range(1, 256)]
DRAWN = [(40 * _quantile(256 * k + 128) + 512) >> 10 for k in range(256)]
VALUES = {
    "quantised": [8 * k for k in range(-31, 32)],
    "bits-back": DRAWN,
    "hierarchical": DRAWN,
}


def bins(outputs: list[int], entry: int) -> list[int]:
    """First slots of every value of an entry that is drawn, and 65536, by what was said of it."""
    mean, flatness = outputs[entry] >> 2, outputs[len(outputs) // 2 + entry] >> 9
    sharp = SHARPNESS[clip(flatness + 64, 0, 127)]
    inner = (
        (logistic((edge - mean) * sharp >> 18) * 65280 >> 16) + k for k, edge in enumerate(EDGES, 1)
    )
    return [0, *inner, SLOTS]


def means(outputs: list[int]) -> list[int]:
    """The bins that an encoder takes which has nothing to draw from."""
    return [bisect_right(EDGES, o >> 2) for o in outputs[: len(outputs) // 2]]


def interval(starts: list[int], value: int) -> tuple[int, int]:
    return starts[value], starts[value + 1] - starts[value]


class Weighted:
    """Matrices and biases by name, as rows of integers."""

    weights: dict[str, list[list[int]]]

    def layer(self, name: str, vector: list[int], shift: int) -> list[int]:
        biases = self.weights[f"{name}_bias"]
        sums = zip(times(self.weights[name], vector), biases, strict=True)
        return [(a + b[0]) >> shift for a, b in sums]

    def units(self, name: str, vector: list[int], shift: int) -> list[int]:
        return [clip(h, 0, 1023) for h in self.layer(name, vector, shift)]


@dataclass
class Looked:
    """All integers of the encoder, from one row to what it says of the row's code."""

    pooled: list[int]
    hidden: list[int]
    outputs: list[int]
    intervals: list[tuple[int, int]] = field(default_factory=list)  # under q, where it was drawn


@dataclass
class Painted:
    """All integers of the decoder, from one row's code to what its symbols see."""

    entries: list[int]  # numbers of the values, from 0
    intervals: list[tuple[int, int]]
    hidden: list[int]
    knots: list[int]
    cells: list[list[int]]


@dataclass
class Raised:
    """All integers of a layer above, of one row."""

    entries: list[int]
    up: list[int]  # hidden units and outputs
    down: list[int]
    intervals: list[tuple[int, int]] = field(default_factory=list)  # under q, where it was drawn


@dataclass
class Layer(Weighted):
    """A layer above a code; below, size: entries; first: number of its first one in a row."""

    below: int
    size: int
    first: int
    weights: dict[str, list[list[int]]] = field(default_factory=dict)

    def up(self, entries: list[int]) -> tuple[list[int], list[int]]:
        hidden = self.units("rise", [DRAWN[k] for k in entries], 6)
        return hidden, self.layer("tell", hidden, 2)

    def down(self, entries: list[int]) -> tuple[list[int], list[int]]:
        hidden = self.units("fall", [DRAWN[k] for k in entries], 6)
        return hidden, self.layer("lead", hidden, 2)


@dataclass
class Code(Weighted):
    """The encoder and the decoder of rows' codes."""

    layout: dict[str, Any]
    kind: str
    size: int
    hidden: int
    features: int
    lines: int
    columns: int
    above: list[int] = field(default_factory=list)
    weights: dict[str, list[list[int]]] = field(default_factory=dict)

    @property
    def bits_back(self) -> bool:
        return self.kind != "quantised"

    @property
    def entries(self) -> int:
        return self.size + sum(self.above)

    @cached_property
    def layers(self) -> list[Layer]:
        every = [self.size, *self.above]
        return [Layer(every[k - 1], every[k], sum(every[:k])) for k in range(1, len(every))]

    @property
    def said(self) -> int:
        return self.size * (1 + self.bits_back)

    @cached_property
    def prior(self) -> list[list[int]]:
        """First slots of every value of every entry, and 65536."""
        if self.bits_back:
            return [list(range(0, SLOTS + 1, 256))] * [self.size, *self.above][-1]
        return [density(-31, 31, SHARPNESS[s]) for s in self.weights["prior"][0]]

    def look(self, row: dict) -> Looked:
        """row : (line, column, plane) → symbol"""
        pooled = self._pooled(row)
        hidden = self.units("look", pooled, 8)
        return Looked(pooled, hidden, self.layer("say", hidden, 2))

    def _pooled(self, row: dict) -> list[int]:
        height, width = self.layout["height"], self.layout["width"]
        largest = [max(1, alphabet - 1) for alphabet, *_ in self.layout["planes"]]
        level = {at: 255 * symbol // largest[at[2]] for at, symbol in row.items()}
        found = []
        for down in _shares(height, self.lines):
            lines = {
                (x, c): sum(down[y] * level.get((y, x, c), 0) for y in range(height)) >> 8
                for x in range(width)
                for c in range(len(largest))
            }
            for across in _shares(width, self.columns):
                found += [
                    sum(across[x] * lines[x, c] for x in range(width)) >> 8
                    for c in range(len(largest))
                ]
        return found

    def likeliest(self, looked: Looked) -> list[int]:
        """What an encoder takes that has nothing to draw from."""
        if self.bits_back:
            return means(looked.outputs)
        return [clip((o + 2048) >> 12, -31, 31) + 31 for o in looked.outputs]

    def paint(self, entries: list[int], intervals: list[tuple[int, int]]) -> Painted:
        """intervals : that the entries own"""
        hidden = self.units("unfold", [VALUES[self.kind][entry] for entry in entries], 6)
        knots = [clip(f, -255, 255) for f in self.layer("paint", hidden, 8)]
        return Painted(entries, intervals, hidden, knots, list(self._cells(knots)))

    def _cells(self, knots: list[int]) -> Iterator[list[int]]:
        """Features of each cell: between knots, lines first, then columns."""
        height, width, across = self.layout["height"], self.layout["width"], range(self.columns)
        for y in range(height):
            down = hats(y, height, self.lines)
            line = [
                [
                    sum(
                        hat * knots[(k * self.columns + j) * self.features + i]
                        for k, hat in enumerate(down)
                    ) >> 8
                    for i in range(self.features)
                ]
                for j in across
            ]  # fmt: skip
            for x in range(width):
                beside = hats(x, width, self.columns)
                yield [
                    sum(beside[j] * line[j][i] for j in across) >> 8 for i in range(self.features)
                ]


def _shares(length: int, knots: int) -> list[list[int]]:
    """Of each knot: how much of each line, or column, goes into it."""
    table = [hats(where, length, knots) for where in range(length)]
    return [[255 * hat // sum(column) for hat in column] for column in zip(*table, strict=True)]


def turn_of(number: int) -> int:
    return number * 2654435769 % 2**32 >> 16


# chunks


Row = dict[tuple[int, int, int], int]  # (line, column, plane) → symbol


@dataclass
class Chunks:
    """Rows of symbols ↔ bits, under one model.

    seen : (cell, plane) → row → what was said of that symbol; filled on the way.
    painted, looked, raised : row → what its code is, how it was drawn, the layers above; likewise
    """

    model: Model
    seen: dict[tuple[int, int], dict[int, Said]] = field(default_factory=dict)
    painted: dict[int, Painted] = field(default_factory=dict)
    looked: dict[int, Looked] = field(default_factory=dict)
    raised: dict[int, list[Raised]] = field(default_factory=dict)

    def places(self) -> Iterator[tuple[int, int, int, int]]:
        layout = self.model.layout
        for cell in range(layout["height"] * layout["width"]):
            line, column = divmod(cell, layout["width"])
            for plane in range(len(self.model.planes)):
                yield cell, line, column, plane

    def _said(self, row: Row, net: Network, cell: int, painted: Painted | None) -> Said:
        line, column = divmod(cell, self.model.layout["width"])
        v, seen = features(net, lambda y, x, c: row.get((y, x, c), 0), line, column)
        if painted is not None:
            seen += painted.cells[cell]
        return run(net, v, seen, position(self.model.layout, line, column))

    def decode(
        self, bits: bytes, count: int, lanes: int, sizes: list[tuple[int, int]] | None = None
    ) -> list[Row]:
        coder, rows = Coder(bits, lanes), [{} for _ in range(count)]
        for begin in range(0, count, lanes):
            together = range(begin, min(begin + lanes, count))
            self._take_codes(coder, together, drawing(begin, lanes, count))
            for cell, line, column, number in self.places():
                net = self.model.networks[number]
                there = [
                    r
                    for r in together
                    if sizes is None or (sizes[r][0] > line and sizes[r][1] > column)
                ]
                if net is None:
                    for r in there:
                        rows[r][line, column, number] = 0
                    continue
                said = {r: self._said(rows[r], net, cell, self.painted.get(r)) for r in there}
                self.seen.setdefault((cell, number), {}).update(said)
                symbols = self._symbols(coder, net.plane, {r - begin: said[r] for r in there})
                for lane, symbol in symbols.items():
                    rows[begin + lane][line, column, number] = symbol
            self._give_back(coder, rows, drawing(begin, lanes, count))
        coder.finish()
        return rows

    def _take_codes(self, coder: Coder, together: range, drawn: range) -> None:
        """The last layer's first; each one above goes back as soon as the one below is there."""
        code = self.model.code
        if code is None:
            return
        tables: list[list[list[int]]] = [code.prior for _ in together]
        entries, intervals = _taken(coder, tables)
        for layer in reversed(code.layers):
            downs = [layer.down(one) for one in entries]
            tables = [[bins(said, k) for k in range(layer.below)] for _, said in downs]
            below, intervals = _taken(coder, tables)
            ups = [layer.up(one) for one in below]
            raised = [
                Raised(one, [*up[0], *up[1]], [*down[0], *down[1]])
                for one, up, down in zip(entries, ups, downs, strict=True)
            ]
            for lane, r in enumerate(together):
                self.raised.setdefault(r, []).insert(0, raised[lane])
            said = [said for _, said in ups]
            returned = self._returned(coder, said, entries, drawn, layer.first)
            for one, pairs in zip(raised, returned, strict=False):  # the first rows alone
                one.intervals = pairs
            entries = below
        self.painted |= {
            r: code.paint(one, pairs)
            for r, one, pairs in zip(together, entries, intervals, strict=True)
        }

    def _give_back(self, coder: Coder, rows: list[Row], drawn: range) -> None:
        """The codes of rows that another one follows in their lanes."""
        code = self.model.code
        if code is None or not code.bits_back:
            return
        looked = {r: code.look(rows[r]) for r in drawn}
        said = [one.outputs for one in looked.values()]
        entries = [self.painted[r].entries for r in drawn]
        returned = self._returned(coder, said, entries, drawn, 0)
        for one, pairs in zip(looked.values(), returned, strict=True):
            one.intervals = pairs
        self.looked |= looked

    def _returned(
        self,
        coder: Coder,
        said: list[list[int]],
        entries: list[list[int]],
        drawn: range,
        first: int,
    ) -> list[list[tuple[int, int]]]:
        """Put back what was drawn, the last entry first; the intervals of each row."""
        found: list[list[tuple[int, int]]] = [[] for _ in drawn]
        for entry in reversed(range(len(entries[0]) if entries else 0)):
            for lane in range(len(drawn)):
                found[lane].insert(0, interval(bins(said[lane], entry), entries[lane][entry]))
            coder.put([(lane, *pairs[0]) for lane, pairs in enumerate(found)])
            for lane, r in enumerate(drawn):
                coder.turn(lane, -turn_of(r * self._entries + first + entry))
        return found

    def _drawn(
        self, coder: Coder, said: list[list[int]], drawn: range, first: int
    ) -> list[list[int]]:
        """Entries of all lanes: of the first ones drawn, of the others the likeliest."""
        entries = [means(one) for one in said]
        for entry in range(len(entries[0])):
            step = []
            for lane, r in enumerate(drawn):
                coder.turn(lane, turn_of(r * self._entries + first + entry))
                starts = bins(said[lane], entry)
                entries[lane][entry] = value = bisect_right(starts, coder.slot(lane)) - 1
                step.append((lane, *interval(starts, value)))
            coder.take(step)
        return entries

    @property
    def _entries(self) -> int:
        assert self.model.code is not None
        return self.model.code.entries

    def _symbols(self, coder: Coder, plane: Plane, said: dict[int, Said]) -> dict[int, int]:
        """One symbol of each of these lanes."""
        if not plane.ordered:
            starts = {lane: kinds_of_slots(one.outputs) for lane, one in said.items()}
            found = {
                lane: sum(start <= coder.slot(lane) for start in starts[lane][1:]) for lane in said
            }
            for lane, one in said.items():
                first = starts[lane][found[lane]]
                one.intervals = [(first, starts[lane][found[lane] + 1] - first)]
            coder.take([(lane, *one.intervals[-1]) for lane, one in said.items()])
            return found
        found, rest = {}, list(said)
        if plane.edge >= 0:
            rest = []
            for lane, one in said.items():
                edge = border(one.outputs[0])
                if coder.slot(lane) < edge:
                    found[lane] = plane.edge
                    one.intervals = [(0, edge)]
                else:
                    rest.append(lane)
                    found[lane] = plane.first  # where there are but two
                    one.intervals = [(edge, SLOTS - edge)]
            coder.take([(lane, *one.intervals[-1]) for lane, one in said.items()])
        if plane.inner > 1:
            for lane in rest:
                one = said[lane]
                mixture = Mixture(plane, one.outputs[plane.edge >= 0 :], one.means)
                found[lane] = symbol = mixture.owner(coder.slot(lane))
                first = mixture.start(symbol)
                one.intervals.append((first, mixture.start(symbol + 1) - first))
            coder.take([(lane, *said[lane].intervals[-1]) for lane in rest])
        return found

    def encode(self, rows: list[Row], lanes: int) -> bytes:
        """Bits that `decode` reads; rows without cells that are left out."""
        coder = Coder.empty(lanes)
        for begin in reversed(range(0, len(rows), lanes)):
            some, drawn = rows[begin : begin + lanes], drawing(begin, lanes, len(rows))
            entries = self._codes(coder, some, drawn)
            for step in reversed([*self._steps(some, entries)]):
                coder.put(step)
            self._put_codes(coder, entries, drawn)
        return coder.content()

    def _codes(self, coder: Coder, rows: list[Row], drawn: range) -> list[list[int]]:
        """Of these rows, the first ones drawn off their lanes; none where there are none."""
        code = self.model.code
        if code is None:
            return []
        looked = [code.look(row) for row in rows]
        if not code.bits_back:
            return [code.likeliest(one) for one in looked]
        return self._drawn(coder, [one.outputs for one in looked], drawn, 0)

    def _put_codes(self, coder: Coder, entries: list[list[int]], drawn: range) -> None:
        """Each layer under the one above it, the last one under the prior."""
        code = self.model.code
        if code is None:
            return
        for layer in code.layers:
            above = self._drawn(coder, [layer.up(one)[1] for one in entries], drawn, layer.first)
            downs = [layer.down(one)[1] for one in above]
            _laid(coder, entries, [[bins(one, k) for k in range(layer.below)] for one in downs])
            entries = above
        _laid(coder, entries, [code.prior for _ in entries])

    def _steps(self, rows: list[Row], entries: list[list[int]]) -> Iterator[Step]:
        """What is coded of these rows beneath their codes, in the decoder's order."""
        code = self.model.code
        painted = code and [code.paint(one, []) for one in entries]
        past: list[Row] = [{} for _ in rows]
        for cell, *place, number in self.places():
            net, at = self.model.networks[number], (*place, number)
            if net is not None:
                said = [
                    self._intervals(net, past[k], cell, painted and painted[k], row[at])
                    for k, row in enumerate(rows)
                ]
                for turn in range(max(map(len, said))):
                    yield [(k, *one[turn]) for k, one in enumerate(said) if len(one) > turn]
            for k, row in enumerate(rows):
                past[k][at] = row[at]

    def _intervals(
        self, net: Network, row: Row, cell: int, painted: Painted | None, symbol: int
    ) -> list[tuple[int, int]]:
        said, plane = self._said(row, net, cell, painted), net.plane
        if not plane.ordered:
            starts = kinds_of_slots(said.outputs)
            return [(starts[symbol], starts[symbol + 1] - starts[symbol])]
        found = []
        if plane.edge >= 0:
            edge = border(said.outputs[0])
            if symbol == plane.edge:
                return [(0, edge)]
            found = [(edge, SLOTS - edge)]
        if plane.inner > 1:
            mixture = Mixture(plane, said.outputs[plane.edge >= 0 :], said.means)
            first = mixture.start(symbol)
            found.append((first, mixture.start(symbol + 1) - first))
        return found


Tables = list[list[list[int]]]  # of each lane and entry: first slots of every value, and 65536


def _taken(coder: Coder, tables: Tables) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
    """Entries off all lanes, and their intervals."""
    entries: list[list[int]] = [[] for _ in tables]
    intervals: list[list[tuple[int, int]]] = [[] for _ in tables]
    for entry in range(len(tables[0])):
        for lane, starts in enumerate(tables):
            entries[lane].append(bisect_right(starts[entry], coder.slot(lane)) - 1)
            intervals[lane].append(interval(starts[entry], entries[lane][-1]))
        coder.take([(lane, *pairs[-1]) for lane, pairs in enumerate(intervals)])
    return entries, intervals


def _laid(coder: Coder, entries: list[list[int]], tables: Tables) -> None:
    """Entries onto all lanes, so that `_taken` takes them."""
    for entry in reversed(range(len(entries[0]))):
        coder.put([(lane, *interval(starts[entry], entries[lane][entry]))
                   for lane, starts in enumerate(tables)])  # fmt: skip


def drawing(begin: int, lanes: int, count: int) -> range:
    """Rows of a round of the lanes that another one follows."""
    return range(begin, min(begin + lanes, count - lanes))


# models


def model_from(content: bytes, encoder: bytes = b"") -> Model:
    """encoder : of a quantised code, which is kept elsewhere, and only to encode with"""
    stop = 4 + int.from_bytes(content[:4], "little")
    text = json.loads(unpacked(content[4:stop]))
    layout = text["layout"]
    networks = [None if units is None else network(layout, n)
                for n, units in enumerate(text["units"])]  # fmt: skip
    tensors: list[Tensors] = [
        (net, shapes_of(layout, net, units))
        for net, units in zip(networks, text["units"], strict=True)
        if net is not None
    ]
    code = None
    if "code" in layout:
        given = dict(layout["code"])
        code = Code(layout, hidden=given.pop("units"), **given)
    if code is not None:
        painting, looking = shapes_of_code(code, len(layout["planes"]))
        tensors.append((code, painting | looking if code.bits_back else painting))
        tensors += [(layer, shapes_of_layer(code, layer)) for layer in code.layers]
        if encoder:
            _fill([(code, looking)], encoder)
    _fill(tensors, content[stop:])
    return Model(layout, networks, code)


Shapes = dict[str, tuple[int, int]]
Tensors = tuple[Network | Code | Layer, Shapes]


def shapes_of(layout: dict[str, Any], net: Network, units: tuple[int, int]) -> Shapes:
    """Of a plane's tensors, in the order of the file."""
    one, two = units
    return {
        "first": (one, net.inputs), "where": (one, len(position(layout, 0, 0))),
        "first_bias": (one, 1), "second": (two, one), "second_bias": (two, 1),
        "third": (net.plane.outputs, two), "third_bias": (net.plane.outputs, 1),
        "skip": ((net.plane.ordered and net.plane.inner > 1) * net.plane.parts, len(net.ordered)),
    }  # fmt: skip


def shapes_of_code(code: Code, planes: int) -> tuple[Shapes, Shapes]:
    """Of the decoder's tensors, and of the encoder's."""
    knots = code.lines * code.columns
    painting = {
        "prior": (1, 0 if code.bits_back else code.size),
        "unfold": (code.hidden, code.size), "unfold_bias": (code.hidden, 1),
        "paint": (knots * code.features, code.hidden), "paint_bias": (knots * code.features, 1),
    }  # fmt: skip
    looking = {
        "look": (code.hidden, knots * planes), "look_bias": (code.hidden, 1),
        "say": (code.said, code.hidden), "say_bias": (code.said, 1),
    }  # fmt: skip
    return painting, looking


def shapes_of_layer(code: Code, layer: Layer) -> Shapes:
    """Upwards, then downwards."""
    return {
        "rise": (code.hidden, layer.below), "rise_bias": (code.hidden, 1),
        "tell": (2 * layer.size, code.hidden), "tell_bias": (2 * layer.size, 1),
        "fall": (code.hidden, layer.size), "fall_bias": (code.hidden, 1),
        "lead": (2 * layer.below, code.hidden), "lead_bias": (2 * layer.below, 1),
    }  # fmt: skip


def _fill(tensors: list[Tensors], content: bytes) -> None:
    sizes = [h * w for _, shapes in tensors for h, w in shapes.values()]
    numbers = iter(_weights(content, sizes))
    for owner, shapes in tensors:
        for name, (height, width) in shapes.items():
            owner.weights[name] = [list(islice(numbers, width)) for _ in range(height)]


def _weights(content: bytes, sizes: list[int]) -> list[int]:
    head = content[: 2 * len(sizes)]
    low = [k for k, size in zip(head[::2], sizes, strict=True) for _ in range(size)]
    starts = [density(-512, 511, SHARPNESS[s]) for s in head[1::2]]
    tables = [one for one, size in zip(starts, sizes, strict=True) for _ in range(size)]
    coder, values = Coder(content[2 * len(sizes) :], 8), []
    for begin in range(0, len(low), 8):
        numbers = range(begin, min(begin + 8, len(low)))
        taken = []
        for lane, i in enumerate(numbers):
            v = sum(start <= coder.slot(lane) for start in tables[i][1:])
            values.append((v - 512) << low[i])
            taken.append((lane, tables[i][v], tables[i][v + 1] - tables[i][v]))
        coder.take(taken)
        taken = []
        for lane, i in enumerate(numbers):
            if low[i]:
                width = SLOTS >> low[i]
                digit = coder.slot(lane) // width
                values[i] += digit
                taken.append((lane, digit * width, width))
        coder.take(taken)
    coder.finish()
    return values


# the file


def unpacked(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(content)


class File:
    """A file taken apart; every hash compared."""

    def __init__(self, content: bytes) -> None:
        assert content[:9] == b"\x89dbo\r\n\x1a\n\x01"
        length = int.from_bytes(content[-20:-16], "little")
        tail = content[-20 - length : -16]
        assert hashlib.sha256(content[:9] + tail).digest()[:16] == content[-16:]
        self.directory = json.loads(unpacked(tail[:-4]))
        self.sections, place = [], 9
        for size, hashed in self.directory["sections"]:
            section = content[place : place + size]
            assert hashlib.sha256(section).hexdigest()[:16] == hashed
            self.sections.append(section)
            place += size
        assert place == len(content) - 20 - length
        self.coders: dict[int, Chunks] = {}

    def kept(self, number: int) -> bytes:
        return unpacked(self.sections[self.directory["kept"][number]])

    def rows(self, number: int, sizes: list[tuple[int, int]] | None) -> list[dict]:
        """All rows of a stream."""
        stream = self.directory["streams"][number]
        coder = Chunks(model_from(self.sections[stream["model"]]))
        self.coders[number] = coder
        rows: list[dict] = []
        for section, lanes, count in stream["chunks"]:
            some = None if sizes is None else sizes[len(rows) : len(rows) + count]
            part = Chunks(coder.model)
            before = len(rows)
            rows += part.decode(self.sections[section], count, lanes, some)
            for place, said in part.seen.items():
                coder.seen.setdefault(place, {}).update({before + r: s for r, s in said.items()})
            coder.painted |= {before + r: one for r, one in part.painted.items()}
            coder.looked |= {before + r: one for r, one in part.looked.items()}
            coder.raised |= {before + r: one for r, one in part.raised.items()}
        return rows

    def back(self) -> dict[str, bytes]:
        """The files in it: arrays of small images or of numbers, texts, kept ones."""
        found = {}
        for entry in self.directory["files"]:
            content = {"bytes": self._bytes, "array": self._array, "text": self._text}[
                entry["kind"]
            ](entry)
            hashed = base64.b64encode(hashlib.sha256(content).digest()[:16])[:22].decode()
            assert (len(content), hashed) == (entry["size"], entry["hash"])
            found[entry["name"]] = content
        return found

    def _bytes(self, entry: dict) -> bytes:
        return self.kept(entry["kept"])

    def _array(self, entry: dict) -> bytes:
        head = self.kept(entry["head"])
        if "images" in entry:
            n, height, width, channels = entry["shape"]
            assert max(height, width) <= 64, "larger ones are in tiles"
            rows = self.rows(entry["images"]["stream"], None)
            values = entry["images"].get("values", range(256))
            order = [
                (y, x, c) for y in range(height) for x in range(width) for c in range(channels)
            ]
            assert len(rows) == n
            return head + bytes(values[row[place]] for row in rows for place in order)
        kind, size = entry["dtype"][1], int(entry["dtype"][2:])
        end = "big" if entry["dtype"][0] == ">" else "little"
        columns = [[value_bytes(key, kind, size, end) for key in keys]
                   for keys, _ in self._columns(entry)]  # fmt: skip
        if entry.get("fortran"):
            return head + b"".join(map(b"".join, columns))
        return head + b"".join(map(b"".join, zip(*columns, strict=True)))

    def _text(self, entry: dict) -> bytes:
        columns = []
        for keys, recipe in self._columns(entry):
            if "kept" in recipe:
                columns.append(self.kept(recipe["kept"]).decode().split("\n"))
            elif recipe["text"] == "known":
                texts = self.kept(recipe["texts"]).decode().split("\n")
                columns.append([texts[key] for key in keys])
            else:
                columns.append([cell(key - 2**63, recipe) for key in keys])
        lines = [entry["first"], *map(entry["separator"].join, zip(*columns, strict=True))]
        return (entry["line"].join(lines) + entry["line"] * bool(entry["last"])).encode()

    def _columns(self, entry: dict) -> Iterator[tuple[list[int], dict]]:
        """Keys of every column, and its recipe."""
        n, planes = entry["table"]["rows"], 0
        symbols: list[list[int]] = [[] for _ in range(n)]
        if "stream" in entry["table"]:
            stream = self.directory["streams"][entry["table"]["stream"]]
            text = self.sections[stream["model"]]
            layout = json.loads(unpacked(text[4 : 4 + int.from_bytes(text[:4], "little")]))[
                "layout"
            ]
            height, count = layout["height"], -(-n // layout["height"])
            sizes = [(min(height, n - k * height), 1) for k in range(count)]
            rows = self.rows(entry["table"]["stream"], sizes)
            symbols = [
                [row[y, 0, c] for c in range(len(layout["planes"]))]
                for row, (h, _) in zip(rows, sizes, strict=True)
                for y in range(h)
            ]
        for recipe in entry["columns"]:
            if "kept" in recipe:
                yield [0] * n, recipe
            elif "step" in recipe:
                yield [(recipe["first"] + i * recipe["step"]) % 2**64 for i in range(n)], recipe
            else:
                stop = planes + recipe["digits"]
                yield self._keys([line[planes:stop] for line in symbols], recipe), recipe
                planes = stop

    def _keys(self, digits: list[list[int]], recipe: dict) -> list[int]:
        keys = []
        for line in digits:
            key = 0
            for digit in line:
                key = key * 256 + digit
            keys.append(key)
        if "known" not in recipe:
            return [(key + recipe["low"]) % 2**64 for key in keys]
        planar = self.kept(recipe["known"])
        n, known, total = len(planar) // 8, [], recipe["low"]
        for i in range(n):
            total += int.from_bytes(planar[i::n], "little")
            known.append(total % 2**64)
        return [known[key] for key in keys]


def value_bytes(key: int, kind: str, size: int, end: Any) -> bytes:
    if kind == "i":
        return (key - 2**63).to_bytes(size, end, signed=True)
    if kind == "f":
        top = 1 << (8 * size - 1)
        key = key ^ top if key & top else ~key & (2 * top - 1)
    return key.to_bytes(size, end)


def cell(number: int, recipe: dict) -> str:
    form = recipe["text"]
    if form == "D":
        return str(date(1970, 1, 1) + timedelta(days=number))
    if form == "s":
        return str(datetime(1970, 1, 1) + timedelta(seconds=number))
    if form == "single":
        return repr(struct.unpack("f", struct.pack("f", number / 10.0 ** recipe["places"]))[0])
    digits = str(abs(number)).rjust(form + 1, "0")
    text = digits[: len(digits) - form] + ("." + digits[len(digits) - form :] if form else "")
    return "-" * (number < 0) + text

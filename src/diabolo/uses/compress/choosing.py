"""The model that a stream gets: its decoder by measured bytes, as large as the data pay for.

    context   symbols are predicted from those before them
    both      … and from a code of their row
    code      from the row's code alone: rows are then decoded each for itself

A code helps where rows differ as wholes and what is near does not tell how. Beside a context it is
quantised, which needs no encoder in the file; alone it is coded by bits-back (`codes`).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from diabolo.uses.compress.coding import latents, layers
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.codes import CODES, BitsBack, Code, Hierarchical, Quantised
from diabolo.uses.compress.coding.layout import Inputs, Layout
from diabolo.uses.compress.coding.models import model_to_bytes
from diabolo.uses.compress.coding.network import shapes
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.coding.training import Trained, train

ENOUGH = 100_000  # steps after which training gains next to nothing
UNITS = (96, 64, 48, 32, 24, 16, 12, 8, 4)
MOST_TRAINED_ON = 2**25  # symbols
# of zstandard's bytes that a model may cost, with a byte a weight: with 24, 32, 48 and 96 units a
# file of binarised MNIST took .167, .1665, .1674 and .1702 bits a pixel; MNIST with 64 what with 96
MODEL_SHARE = 0.015
DECODERS = ("context", "both", "code")
SMALLEST = "smallest"  # of these, whatever the size of the data
PROBE, ASKED = 0.02, 0.1  # of the time, for each decoder that is tried; where that was asked for
PROBED = 256  # rows that are then coded
# zstandard's bytes from which codes are tried unasked: trained to the end, they paid on no set of
# bench/compress.py, the largest of 11 MB; of more, a hundredth is worth 6 % of the training
WORTH_TRYING = 2**24
LEAST_STEPS = 2000  # of training in all, for a probe to tell anything
KNOTS = 7  # each way, of a code beside context
MOST_KNOTS = 32  # each way, of a code alone


class Candidate(NamedTuple):
    """A decoder that could be trained: rows as it sees them, and its networks' hidden units."""

    name: str
    layout: Layout
    units: tuple[int, int]


class Fitted(NamedTuple):
    """A stream's model, how its training went, and what a user should know of the choice."""

    model: Model
    trained: Trained
    notes: list[str]


def fitted(
    stream: Stream,
    paid: float,
    *,
    seconds: float,
    steps: int | None,
    seed: int,
    n_threads: int | None,
    report: Callable[[float, float, float], None],
    decoder: str | None = None,
    code: str | None = None,
) -> Fitted:
    """A model as large as the stream pays for, of which zstandard makes so many bytes.

    decoder, code : as in `compress`
    """
    rows, sizes = _sample(stream, seed)
    candidates = considered(stream.layout, paid, decoder, code)
    if decoder is None and min(steps or ENOUGH, ENOUGH) < LEAST_STEPS:
        candidates = candidates[:1]

    def trained(candidate: Candidate, share: float) -> Trained:
        return train(
            candidate.layout,
            rows,
            [candidate.units] * len(candidate.layout.planes),
            sizes=sizes,
            steps=math.ceil(share * min(steps or ENOUGH, ENOUGH)),
            seconds=share * seconds,
            charged=stream.count * candidate.layout.cells,
            seed=seed,
            n_threads=n_threads,
            report=report,
        )

    found, notes, left = candidates[0], [], 1.0
    if len(candidates) > 1:
        share = PROBE if decoder is None else ASKED
        left -= share * len(candidates)
        tried = [(one, trained(one, share)) for one in candidates]
        sizes_of = [measured(stream, done.model(one.layout)) for one, done in tried]
        found = candidates[int(np.argmin(sizes_of))]
        notes.append(_told(stream, tried, sizes_of, found))
    done = trained(found, left)
    return Fitted(done.model(found.layout), done, notes)


def considered(
    layout: Layout, paid: float, decoder: str | None, code: str | None
) -> list[Candidate]:
    """The decoders among which is chosen: the one that is asked for, or those that could pay."""
    if decoder not in (None, SMALLEST):
        return [_candidate(str(decoder), layout, paid, code)]
    first = _candidate("context", layout, paid, None)
    every = [first, *(_candidate(name, layout, paid, code) for name in DECODERS[1:])]
    if decoder == SMALLEST:
        return every
    whole_images = layout.width > 1 and layout.cells >= 64
    if not whole_images or paid < WORTH_TRYING or not any(p.outputs for p in layout.planes):
        return [first]
    return every


def check_decoder(decoder: str | None, code: str | None) -> None:
    """raises ValueError with one sentence where these cannot be meant."""
    for what, given, known in (
        ("decoder", decoder, (*DECODERS, SMALLEST)),
        ("code", code, tuple(CODES)),
    ):
        if given is not None and given not in known:
            near = difflib.get_close_matches(given, known, 1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"unknown {what} {given!r}: choose among {', '.join(known)}{guess}")
    if decoder == "context" and code is not None:
        raise ValueError(f"the decoder 'context' has no code, so {code!r} says nothing: drop one")


def measured(stream: Stream, model: Model) -> float:
    """Bytes that the stream would take, model included: some rows coded, and as many more."""
    first = np.linspace(0, max(0, stream.count - PROBED // 16), 16).astype(int).tolist()
    last = [min(begin + PROBED // 16, stream.count) for begin in first]
    bits = rows = 0.0
    for begin, end in zip(first, last, strict=True):
        coded = model.encode(stream.read(begin, end), 1, stream.sizes(begin, end))
        bits, rows = bits + coded.bits, rows + end - begin
    return bits / 8 * stream.count / rows + len(model_to_bytes(model))


def _told(
    stream: Stream,
    tried: Sequence[tuple[Candidate, Trained]],
    sizes: Sequence[float],
    found: Candidate,
) -> str:
    seconds = sum(done.seconds for _, done in tried) / len(tried)
    figures = ", ".join(
        f"{one.name} {size:,.0f}" for (one, _), size in zip(tried, sizes, strict=True)
    )
    return (
        f"decoder: {found.name}; bytes with model, from {min(PROBED, stream.count)} of "
        f"{stream.count:,} rows after {seconds:.0f} s of training each: {figures}"
    )


def _candidate(name: str, layout: Layout, paid: float, code: str | None) -> Candidate:
    if name == "context" or not any(plane.outputs for plane in layout.planes):
        return Candidate(name, layout, _units(layout, paid))
    if name == "both":
        lines, columns = min(KNOTS, layout.height), min(KNOTS, layout.width)
        beside = _code(code or Quantised.kind, 16, 32, 4, lines, columns)
        with_code = layout.with_code(beside)
        return Candidate(name, with_code, _units(with_code, paid))
    lines, columns = min(MOST_KNOTS, layout.height), min(MOST_KNOTS, layout.width)
    features = min(4, len(layout.planes))
    size, units = min(32, layout.cells), min(100, 2 * layout.cells)
    wide = _code(code or BitsBack.kind, size, units, features, lines, columns)
    return Candidate(name, layout.with_code(wide, context=False), (12, 8))


def _code(kind: str, size: int, units: int, features: int, lines: int, columns: int) -> Code:
    """A hierarchical one has a layer of half as many entries above the first."""
    if kind == Hierarchical.kind:
        return Hierarchical(size, units, features, lines, columns, (max(1, size // 2),))
    return CODES[kind](size, units, features, lines, columns)


def _sample(stream: Stream, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows to train on: all, or as many as fit into some memory, from all over the stream."""
    size = stream.layout.symbols
    most = max(1, MOST_TRAINED_ON // size)
    if stream.count <= most:
        return stream.read(0, stream.count), stream.sizes(0, stream.count)
    each = max(1, most // 64)
    firsts = np.linspace(0, stream.count - each, 64).astype(int).tolist()
    rows = np.concatenate([stream.read(first, first + each) for first in firsts])
    sizes = [stream.sizes(first, first + each) for first in firsts]
    if all(one is None for one in sizes):
        return rows, None
    whole = np.full((each, 2), (stream.layout.height, stream.layout.width))
    return rows, np.concatenate([whole if one is None else one for one in sizes])


def _units(layout: Layout, budget: float) -> tuple[int, int]:
    """Hidden units such that the weights take a small share of the bytes."""
    code = 0
    if layout.code is not None:
        every = {
            name: shape
            for name, shape in latents.shapes(layout).items()
            if name in latents.Painting._fields or layout.code.bits_back
        }
        code = sum(
            math.prod(shape)
            for shapes_of in (every, *layers.shapes(layout.code))
            for shape in shapes_of.values()
        )
    for one in UNITS:
        two = min(one, 32)
        size = code
        for c, plane in enumerate(layout.planes):
            if plane.outputs:
                wanted = shapes(plane, Inputs(layout, c), layout.positions.shape[1], (one, two))
                size += sum(math.prod(shape) for shape in wanted.values())  # a byte each
        if size <= MODEL_SHARE * budget:
            return one, two
    return UNITS[-1], UNITS[-1]

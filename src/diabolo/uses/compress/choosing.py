"""The model that a stream gets: as large as its data pay for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.layout import Inputs, Layout
from diabolo.uses.compress.coding.network import shapes
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.coding.training import Trained, train

ENOUGH = 40_000  # steps after which training gains next to nothing
UNITS = (96, 64, 48, 32, 24, 16, 12, 8, 4)
MOST_TRAINED_ON = 2**25  # symbols
MODEL_SHARE = 0.03  # of zstandard's bytes that a model may cost, about


def fitted(
    stream: Stream,
    paid: float,
    *,
    seconds: float,
    steps: int | None,
    seed: int,
    n_threads: int | None,
    report: Callable[[float, float, float], None],
) -> tuple[Model, Trained]:
    """A model as large as the stream pays for, of which zstandard makes so many bytes."""
    rows, sizes = _sample(stream, seed)
    units = _units(stream.layout, paid)
    done = train(
        stream.layout,
        rows,
        [units] * len(stream.layout.planes),
        sizes=sizes,
        steps=min(steps or ENOUGH, ENOUGH),
        seconds=seconds,
        seed=seed,
        n_threads=n_threads,
        report=report,
    )
    return Model(stream.layout, done.weights), done


def _sample(stream: Stream, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows to train on: all, or as many as fit into some memory, from all over the stream."""
    size = stream.layout.cells * len(stream.layout.planes)
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
    for one in UNITS:
        two = min(one, 32)
        size = 0
        for c, plane in enumerate(layout.planes):
            if plane.outputs:
                wanted = shapes(plane, Inputs(layout, c), layout.positions.shape[1], (one, two))
                size += sum(math.prod(shape) for shape in wanted.values())  # a byte each
        if size <= MODEL_SHARE * budget:
            return one, two
    return UNITS[-1], UNITS[-1]

"""Rows come back exactly, and everything in between is the same integers everywhere."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from compressible import CODED, CONTEXT, LAYERED, LAYOUTS, MIXED, model, symbols
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.network import HIGHEST, Network, Weights
from diabolo.uses.compress.coding.rans import SLOTS, DamagedStreamError
from diabolo.uses.compress.coding.tables import CENTRE, EXPONENTIAL, LOGISTIC, SHARPNESS


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("n", [1, 2, 13])
def test_round_trip(name, n):
    layout = LAYOUTS[name]
    rows, coder = symbols(layout, n), model(layout)
    for lanes in {1, (n + 1) // 2, n}:
        coded = coder.encode(rows, lanes)
        assert np.array_equal(coder.decode(coded.content, n, lanes), rows)


@pytest.mark.parametrize("name", LAYOUTS)
def test_rows_of_different_sizes(name):
    layout, random = LAYOUTS[name], np.random.default_rng(3)
    rows = symbols(layout, 11)
    sizes = np.stack(
        [random.integers(1, layout.height + 1, 11), random.integers(1, layout.width + 1, 11)], 1
    )
    for row, (height, width) in zip(rows, sizes, strict=True):
        row[height:] = 0
        row[:, width:] = 0
    coder = model(layout)
    coded = coder.encode(rows, 4, sizes)
    assert np.array_equal(coder.decode(coded.content, 11, 4, sizes), rows)
    assert coded.bits < coder.encode(rows, 4).bits


@pytest.mark.parametrize("name", LAYOUTS)
def test_length_is_the_ideal_one(name):
    """With bits-back, too: what starts a lane is among the bits that the model says."""
    layout = LAYOUTS[name]
    coded = model(layout).encode(symbols(layout, 200), 4)
    assert 8 * len(coded.content) < 1.002 * coded.bits + 4 * 28 + 64


# the same integers everywhere


def plain(weights: Weights, coder: Model, plane: int, rows: np.ndarray, cell: int):
    """A network's outputs for one row in Python's integers, by the formulas of the docstring."""
    layout, network = coder.layout, coder.networks[plane]
    linear, hidden = network.inputs.gather(rows[:, None], layout.at(cell, plane))
    x, v = hidden[:, 0].tolist(), linear[:, 0].tolist()
    p = layout.positions[cell].tolist()

    def times(matrix, vector, bias):
        return [
            sum(w * a for w, a in zip(row, vector, strict=True)) + b
            for row, b in zip(matrix.tolist(), bias, strict=True)
        ]

    zeros = [0] * len(weights.first)
    where = times(weights.where, p, weights.first_bias.tolist()) if p else zeros
    h = [min(max(s >> 6, 0), HIGHEST) for s in times(weights.first, x, where)]
    h = [
        min(max(s >> 6, 0), HIGHEST) for s in times(weights.second, h, weights.second_bias.tolist())
    ]
    o = [s >> 4 for s in times(weights.third, h, weights.third_bias.tolist())]
    return o, [s >> 8 for s in times(weights.skip, v, [0] * len(weights.skip))]


def plain_intervals(plane, o, means, symbol):
    """(first slot, slots) of what is coded for a symbol, in Python's integers."""
    if not plane.ordered:
        e = [int(EXPONENTIAL[min((max(o) - a) >> 5, 2047)]) for a in o]
        slots = [1 + a * (SLOTS - len(o)) // sum(e) for a in e]
        slots[o.index(max(o))] += SLOTS - sum(slots)
        return [(sum(slots[:symbol]), slots[symbol])]
    found = []
    if plane.edge >= 0:
        border = min(max(int(LOGISTIC[min(max((o[0] >> 5) + CENTRE, 0), 4095)]), 1), SLOTS - 1)
        o = o[1:]
        if symbol == plane.edge:
            return [(0, border)]
        found = [(border, SLOTS - border)]
    if plane.inner == 1:
        return found
    k = plane.parts
    logits, o = o[:k] + o[3 * k :], o[k : 3 * k]
    e = [int(EXPONENTIAL[min((max(logits) - a) >> 5, 2047)]) for a in logits]
    w = [a * 4096 // sum(e) for a in e]
    w[0] += 4096 - sum(w)
    atoms = dict(zip(plane.atoms, w[k:], strict=True))
    mu = [(a * plane.unit >> 8) + m for a, m in zip(o[:k], means, strict=True)]
    sharp = [int(SHARPNESS[min(max((a >> 9) + plane.broad, 0), 127)]) for a in o[k:]]

    def start(v):
        if v <= plane.first:
            return 0
        if v >= plane.first + plane.inner:
            return SLOTS
        z = [((16 * v - 8 - m) * s >> 18) + CENTRE for m, s in zip(mu, sharp, strict=True)]
        mass = sum(a * int(LOGISTIC[min(max(i, 0), 4095)]) for a, i in zip(w[:k], z, strict=True))
        mass += sum(65536 * a for atom, a in atoms.items() if atom < v)
        return (mass * (SLOTS - plane.inner) >> 28) + v - plane.first

    return [*found, (start(symbol), start(symbol + 1) - start(symbol))]


@pytest.mark.parametrize("name", {**CONTEXT, **MIXED})
def test_plain_python_integers_give_the_same_slots(name):
    layout = LAYOUTS[name]
    coder, rows = model(layout), symbols(layout, 3)
    steps: list = []
    for r, row in enumerate(rows):
        padded = coder._padded(1)
        for cell, plane, at in coder._places():
            symbol = int(row.reshape(-1)[cell * len(layout.planes) + plane])
            if coder.networks[plane] is not None:
                o, means = plain(coder.weights[plane], coder, plane, padded[:, 0], cell)
                steps.append((r, plain_intervals(layout.planes[plane], o, means, symbol)))
            padded[at] = symbol
    expected = [pair for _, pairs in steps for pair in pairs]
    found = []
    for row in rows:
        said = _said(coder, row[None])
        found += [(int(first[0]), int(slots[0])) for first, slots in said if len(first)]
    assert found == expected


def _said(coder: Model, rows: np.ndarray):
    """First slots and slots of all that is coded of these rows."""
    from diabolo.uses.compress.coding.heads import Head

    padded = coder._padded(len(rows))
    flat = rows.reshape(len(rows), -1).T.astype(np.int64)
    for cell, plane, at in coder._places():
        network = coder.networks[plane]
        symbols = flat[cell * len(coder.layout.planes) + plane]
        if network is not None:
            for _, first, slots in Head(network.plane, *network.run(padded, at, cell)).intervals(
                symbols
            ):
                yield first, slots
        padded[at] = symbols


GROUPS = {"context": CONTEXT, "mixed": MIXED, "codes": CODED, "layers": LAYERED}


def fingerprint(
    layouts: str = "context", dtype: str = "float32", batch: int = 256, threads: int = 1
) -> str:
    """Hash of every slot that is said of some rows of each layout, and of the bytes."""
    hashed, count = hashlib.sha256(), 256 if layouts in ("context", "mixed") else 80
    with threadpool_limits(threads, user_api="blas"):
        for layout in GROUPS[layouts].values():
            coder, rows = model(layout, dtype=np.dtype(dtype)), symbols(layout, count)
            said: list[list] = []
            for first in range(0, len(rows), batch):
                said.append([*_whole(coder, rows[first : first + batch])])
            for pieces in zip(*said, strict=True):
                hashed.update(np.concatenate(pieces, -1).astype("<i8").tobytes())
            hashed.update(coder.encode(rows, 17).content)
    return hashed.hexdigest()[:16]


def _whole(coder: Model, rows: np.ndarray):
    """Outputs and linear means of every network at every place, as integers."""
    padded, canvas = coder._padded(len(rows)), None
    flat = rows.reshape(len(rows), -1).T
    if coder.latents is not None:
        yield coder.latents.said(rows)
        codes = coder.latents.likeliest(rows)
        canvas = coder.latents.canvas(codes)
        yield from (codes, canvas)
        for layer in coder.latents.above:
            yield layer.up(codes)
            codes = layer.posterior(codes).likeliest()
            yield layer.down(codes)
    for cell, plane, at in coder._places():
        network = coder.networks[plane]
        if network is not None:
            outputs, means = network.run(padded, at, cell, canvas)
            assert (outputs == np.floor(outputs)).all()
            yield outputs
            if means is not None:
                yield means
        padded[at] = flat[cell * len(coder.layout.planes) + plane]


EXPECTED = {
    "context": "85e717f530014342",
    "mixed": "79eb523a55c79a9a",
    "codes": "592300704af4d9a8",
    "layers": "9024640f0f2c047f",
}


@pytest.mark.parametrize("layouts", EXPECTED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [1, 7, 256])
def test_same_integers_for_every_batch_and_precision(layouts, dtype, batch):
    assert fingerprint(layouts, dtype, batch) == EXPECTED[layouts]


@pytest.mark.parametrize("layouts", EXPECTED)
@pytest.mark.parametrize("threads", [1, 2])
def test_same_integers_for_every_number_of_threads(layouts, threads):
    assert fingerprint(layouts, threads=threads) == EXPECTED[layouts]


MACHINES = {
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "Sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "without AVX2": {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"},
}


@pytest.mark.parametrize("name", MACHINES)
def test_same_codes_on_other_kernels(name):
    """BLAS and numpy told to use what other processors have; contexts alone: test_exactness.py."""
    script = "import test_chunks; print(test_chunks.fingerprint('codes', 'float32', 7, 2))"
    folder = os.path.dirname(os.path.abspath(__file__))
    environment = os.environ | MACHINES[name]
    environment["PYTHONPATH"] = os.pathsep.join([folder, *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == EXPECTED["codes"], done.stderr


@pytest.mark.parametrize("name", ["grey", "grey, by bits back", "colour, bits back"])
def test_chunks_in_several_threads_are_those_of_one(name):
    """A model is shared by all threads, so that running it must change nothing of it."""
    layout = LAYOUTS[name]
    coder, rows = model(layout, units=(96, 32)), symbols(layout, 1500)
    expected = coder.encode(rows, 500)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: coder.encode(rows, 500).content, range(9)))
    assert set(found) == {expected.content}


def test_unsafe_sums_are_refused():
    layout = LAYOUTS["grey"]
    weights = model(layout).weights[0]
    huge = weights._replace(second=np.full_like(weights.second, 2000))
    with pytest.raises(ValueError, match="the sums of 'second' reach"):
        Network(layout, 0, huge)


def test_other_bits_are_refused_or_other_rows():
    layout = LAYOUTS["grey"]
    coder, rows = model(layout), symbols(layout, 5)
    content = bytearray(coder.encode(rows, 3).content)
    noticed = 0
    for place in range(len(content)):
        content[place] ^= 4
        try:
            assert not np.array_equal(coder.decode(bytes(content), 5, 3), rows)
        except DamagedStreamError:
            noticed += 1
        content[place] ^= 4
    assert noticed > 0.9 * len(content)

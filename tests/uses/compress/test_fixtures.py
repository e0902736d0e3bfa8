"""Files written before decode for ever, by the same integers on the way.

The contents are made of whole numbers, so that every machine can make them again and compare.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import plain_reader
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import chunks, latents, network, products
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.heads import Head
from diabolo.uses.compress.decompressing import Contents, decompress
from diabolo.uses.compress.sources.grids import Pieces
from diabolo.uses.compress.sources.tiles import Tiles

FIXTURES = Path(__file__).parents[2] / "fixtures"


def _grey(folder: Path) -> Path:
    steps = np.random.default_rng(1).integers(-9, 10, (60, 14, 12)).cumsum(1).cumsum(2)
    np.save(folder / "grey.npy", np.clip(steps + 60, 0, 255).astype(np.uint8))
    return folder / "grey.npy"


def _atoms(folder: Path) -> Path:
    """Where it is bright, 200, 201 or 203; a few densities and single symbols."""
    random = np.random.default_rng(5)
    steps = random.integers(-30, 31, (80, 12, 12)).cumsum(1).cumsum(2) + 60
    bright = np.array([200, 200, 201, 203])[random.integers(0, 4, steps.shape)]
    images = np.where(steps > 180, bright, np.maximum(steps, 0))
    np.save(folder / "atoms.npy", images.astype(np.uint8))
    return folder / "atoms.npy"


def _colour(folder: Path) -> Path:
    steps = np.random.default_rng(2).integers(-9, 10, (30, 11, 12, 3)).cumsum(1).cumsum(2)
    np.save(folder / "colour.npy", np.clip(steps + 128, 0, 255).astype(np.uint8))
    return folder / "colour.npy"


def _table(folder: Path) -> Path:
    random = np.random.default_rng(3)
    walk = random.integers(-5, 6, 4000).cumsum()
    kinds = ("red", "green", "blue")
    rows = zip(walk.tolist(), (3 * walk // 2).tolist(), (abs(walk) // 9 % 3).tolist(), strict=True)
    lines = [f"{a},{b / 4:.2f},{kinds[c]}\n" for a, b, c in rows]
    (folder / "table.csv").write_text("a,b,c\n" + "".join(lines))
    return folder / "table.csv"


def _kinds(name: str, shape: tuple[int, int], steps: int) -> Callable[[Path], Path]:
    """Images of a few kinds, which nothing near gives away; and walks on top, where steps > 0."""

    def save(folder: Path) -> Path:
        random = np.random.default_rng(4)
        kinds = random.integers(0, 8, (6, *shape)) * 24
        walks = random.integers(-steps, steps + 1, (90, *shape)).cumsum(1).cumsum(2)
        images = kinds[random.integers(0, 6, 90)] + walks + random.integers(0, 6, (90, *shape)) // 5
        np.save(folder / f"{name}.npy", np.clip(images, 0, 255).astype(np.uint8))
        return folder / f"{name}.npy"

    return save


CODED = {
    "quantised": _kinds("quantised", (9, 7), steps=1),  # a code beside the context
    "bits-back": _kinds("bits-back", (8, 8), steps=0),  # a code alone
    "hierarchical": _kinds("hierarchical", (8, 8), steps=0),  # in two layers
}
SOURCES = {"grey": _grey, "atoms": _atoms, "colour": _colour, "table": _table, **CODED}

INTEGERS = json.loads((FIXTURES / "integers-1.json").read_text())


def hashes(places: Iterable[tuple[list[list[int]], ...]]) -> dict[str, str]:
    """Of hidden units, outputs (with linear means), and intervals, place by place, row by row."""
    hashed = {name: hashlib.sha256() for name in ("hidden units", "outputs", "intervals")}
    for place in places:
        for one, rows in zip(hashed.values(), place, strict=True):
            for row in rows:
                one.update(np.array(row, "<i8").tobytes())
    return {name: one.hexdigest()[:32] for name, one in hashed.items()}


def hashed(rows: Iterable[list[int]]) -> str:
    return hashlib.sha256(np.array([*rows], "<i8").tobytes()).hexdigest()[:32]


def returned(monkeypatch, owner: object, name: str) -> list:
    """What a function returns from now on, call by call."""
    function, found = getattr(owner, name), []
    monkeypatch.setattr(owner, name, lambda *given: found.append(function(*given)) or found[-1])
    return found


def by_numpy(path: Path, monkeypatch) -> dict[str, str]:
    """What the reader computes on the way, for every symbol of the file."""
    units = returned(monkeypatch, network, "_clipped")
    made = returned(monkeypatch, products, "product")
    drawn = returned(monkeypatch, latents.Latents, "take")
    last = returned(monkeypatch, latents.Latents, "_last")
    with container.opened(path) as reader:
        contents = Contents(reader, n_threads=1)
        stream, entry = contents.streams[0], contents.files[0]
        model = contents.model(stream)
        lie = Tiles.equal(*entry["shape"][:3]) if "images" in entry else entry["table"]["rows"]
        rows = np.stack(list(contents._rows(0, lie)))
        sizes = None if "images" in entry else Pieces(lie, model.layout.height).sizes(0, len(rows))
    if model.latents is None:
        return hashes(_by_numpy(model, rows, sizes, units, None))
    ((_, lanes, _),) = stream["chunks"]
    codes = np.concatenate(drawn, 1)
    back, above = len(rows) - lanes, np.concatenate(last, 1)
    found = _codes_by_numpy(model.latents, codes, above, made)
    if model.latents.above:
        found |= _layer_by_numpy(model.latents, codes, above, back, made)
    if model.latents.code.bits_back:
        found |= _encoder_by_numpy(model.latents, rows[:back], codes[:, :back], made)
    canvas = model.latents.canvas(codes)
    return found | hashes(_by_numpy(model, rows, sizes, units, canvas))


def _by_numpy(model: Model, rows: np.ndarray, sizes, units: list[np.ndarray], canvas):
    padded, flat = model._padded(len(rows)), rows.reshape(len(rows), -1).T
    for cell, plane, at in model._places():
        symbols = flat[cell * len(model.layout.planes) + plane]
        there = chunks._present(sizes, cell, model.layout)
        there = np.arange(len(rows)) if there is None else there
        if model.networks[plane] is not None and len(there):
            units.clear()
            outputs, means = model.networks[plane].run(padded, at, cell, canvas)
            said = outputs if means is None else np.concatenate([outputs, means])
            hidden = np.concatenate([one[:-1] for one in units])
            means = None if means is None else means[:, there]
            head = Head(model.layout.planes[plane], outputs[:, there], means)
            intervals: list[list[int]] = [[] for _ in there]
            for which, first, slots in head.intervals(symbols[there].astype(np.int64)):
                for row, *pair in zip(np.arange(len(there))[which], first, slots, strict=True):
                    intervals[row] += pair
            yield hidden[:, there].T.tolist(), said[:, there].T.tolist(), intervals
        padded[at] = symbols


def _codes_by_numpy(
    coder: latents.Latents, codes: np.ndarray, above: np.ndarray, made: list
) -> dict[str, str]:
    """Values, their intervals, hidden units, features at the knots and at the cells."""
    pairs = coder.intervals(codes)
    if coder.above:
        pairs = coder.above[0].prior(above).intervals(codes)
    intervals = np.stack([*chain(*pairs)])
    made.clear()
    canvas = coder.canvas(codes)
    every = [codes, intervals, *made, canvas.reshape(-1, codes.shape[1])]
    return {"codes": hashed(np.concatenate(every).T)}


def _layer_by_numpy(
    coder: latents.Latents, codes: np.ndarray, above: np.ndarray, back: int, made: list
) -> dict[str, str]:
    """Of the only layer above: values, both products each way; intervals of those that go back."""
    (layer,) = coder.above
    made.clear()
    layer.up(codes)
    layer.down(above)
    pairs = layer.posterior(codes[:, :back]).intervals(above[:, :back])
    return {
        "layer": hashed(np.concatenate([above, *made[:4]]).T),
        "drawn of the layer": hashed(np.stack([*chain(*pairs)]).T),
    }


def _encoder_by_numpy(
    coder: latents.Latents, rows: np.ndarray, codes: np.ndarray, made: list
) -> dict[str, str]:
    """What is seen of rows whose codes go back, hidden units, outputs, and intervals under q."""
    made.clear()
    pairs = coder.posterior(rows).intervals(codes)
    every = [coder._pool(rows), *made, np.stack([*chain(*pairs)])]
    return {"encoder": hashed(np.concatenate(every).T)}


def in_python(coder: plain_reader.Chunks) -> dict[str, str]:
    """The same of what Python's integers gave."""
    found = hashes(
        (
            [one.hidden for _, one in rows],
            [one.outputs + one.means for _, one in rows],
            [sum(one.intervals, ()) for _, one in rows],
        )
        for _, said in sorted(coder.seen.items())
        for rows in [sorted(said.items())]
    )
    if coder.painted:
        found["codes"] = hashed(
            [*one.entries, *chain(*one.intervals), *one.hidden, *one.knots, *chain(*one.cells)]
            for _, one in sorted(coder.painted.items())
        )
    if coder.raised:
        raised = [one for _, (one,) in sorted(coder.raised.items())]
        found["layer"] = hashed([*one.entries, *one.up, *one.down] for one in raised)
        drawn = (one.intervals for one in raised if one.intervals)
        found["drawn of the layer"] = hashed([*chain(*pairs)] for pairs in drawn)
    if coder.looked:
        found["encoder"] = hashed(
            [*one.pooled, *one.hidden, *one.outputs, *chain(*one.intervals)]
            for _, one in sorted(coder.looked.items())
        )
    return found


@pytest.mark.parametrize("name", SOURCES)
def test_old_files_decode(name, tmp_path):
    expected = SOURCES[name](tmp_path).read_bytes()
    (path,) = decompress(FIXTURES / f"{name}-1.dbo", tmp_path / "back", n_threads=1)
    assert path.read_bytes() == expected


@pytest.mark.parametrize("name", SOURCES)
def test_integers_on_the_way(name, monkeypatch):
    assert by_numpy(FIXTURES / f"{name}-1.dbo", monkeypatch) == INTEGERS[name]


@pytest.mark.parametrize("name", SOURCES)
def test_a_reader_in_plain_integers_agrees(name, tmp_path):
    """The format as its page has it, read by other code: the same files, the same integers."""
    source = SOURCES[name](tmp_path)
    file = plain_reader.File((FIXTURES / f"{name}-1.dbo").read_bytes())
    assert file.back() == {source.name: source.read_bytes()}
    assert in_python(file.coders[0]) == INTEGERS[name]


def test_an_old_photograph_has_the_same_pixels(tmp_path):
    """Its model is within: a small one, so that another that comes with diabolo changes nothing."""
    (path,) = decompress(FIXTURES / "photograph-1.dbo", tmp_path / "back", n_threads=1)
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (90, 140, 3)
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:32] == "49f4a7bb97aa4955c6a74f5c7f72298d"

"""Files written before decode for ever, by the same integers on the way.

The contents are made of whole numbers, so that every machine can make them again and compare.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from diabolo.uses.compress import container
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.decompressing import Contents, decompress

FIXTURES = Path(__file__).parents[2] / "fixtures"


def _grey(folder: Path) -> Path:
    steps = np.random.default_rng(1).integers(-9, 10, (60, 14, 12)).cumsum(1).cumsum(2)
    np.save(folder / "grey.npy", np.clip(steps + 60, 0, 255).astype(np.uint8))
    return folder / "grey.npy"


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


SOURCES = {"grey": _grey, "colour": _colour, "table": _table}

INTEGERS = {
    "grey": "c7cbe31da1a5fa651430745b2dc61457",
    "colour": "ef6841afdbc496a52c0185bf9baea18c",
    "table": "4d8582a638a419f442b75006a84ab3d4",
}


def integers(path: Path) -> str:
    """Hash of the outputs of every network for 16 rows of symbols that count up."""
    hashed = hashlib.sha256()
    with container.opened(path) as reader:
        contents = Contents(reader)
        model: Model = contents.model(contents.streams[0])
    layout = model.layout
    padded = model._padded(16)
    for cell, plane, at in model._places():
        network = model.networks[plane]
        if network is not None:
            for values in network.run(padded, at, cell):
                if values is not None:
                    hashed.update(values.astype("<i8").tobytes())
        padded[at] = (7 * cell + np.arange(16) * (plane + 3)) % layout.planes[plane].alphabet
    return hashed.hexdigest()[:32]


@pytest.mark.parametrize("name", SOURCES)
def test_old_files_decode(name, tmp_path):
    expected = SOURCES[name](tmp_path).read_bytes()
    (path,) = decompress(FIXTURES / f"{name}-1.dbo", tmp_path / "back", n_threads=1)
    assert path.read_bytes() == expected


@pytest.mark.parametrize("name", SOURCES)
def test_integers_on_the_way(name):
    assert integers(FIXTURES / f"{name}-1.dbo") == INTEGERS[name]

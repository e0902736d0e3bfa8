"""Memory does not grow with the input: twice as much takes no more, each in its own process."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from diabolo.uses.compress.coding import streams
from diabolo.uses.compress.content import shown
from diabolo.uses.compress.sources import arrays, grids, material
from diabolo.uses.compress.sources.files import restored, take_apart

IMAGES = 30_000  # of 28 x 28: 24 MB, and 47 MB for the control
CHANCE = 12  # megabytes that one run may take more than another

# peaks in megabytes, so far
SCRIPT = """
import json, resource, sys
from pathlib import Path

from compressible import always_by_models
from diabolo.uses.compress import choosing
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress

choosing.MOST_TRAINED_ON = 2**20
source = Path(sys.argv[1])
packed, found = source.with_suffix(".dbo"), {}


def note(stage):
    found[stage] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


note("imports")
with always_by_models():
    result = compress(source, packed, n_threads=1)
note("compress")
decompress(packed, source.with_suffix(".back"), n_threads=1)
note("decompress")
print(json.dumps({**found, "fallback": result.fallback}))
"""


def images(folder: Path, n: int) -> Path:
    with gzip.open(folder / f"{n}-idx.gz", "wb", 1) as file:
        file.write(b"\0\0\x08\x03" + np.array([n, 28, 28], ">u4").tobytes())
        file.write(bytes(n * 28 * 28))
    return folder / f"{n}-idx.gz"


def anything(folder: Path, n: int) -> Path:
    with (folder / f"{n}.bin").open("wb") as file:
        for k in range(n // 1000):
            file.write(k.to_bytes(4, "big") * (28 * 28 * 250))
    return folder / f"{n}.bin"


def peaks(source: Path) -> dict:
    folders = [str(Path(__file__).parents[2]), *sys.path]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(source)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", [images, anything])
def test_twice_as_much_takes_no_more_memory(kind, tmp_path):
    found = [peaks(kind(tmp_path, n)) for n in (IMAGES, 2 * IMAGES)]
    print(found)
    for stage in ("compress", "decompress"):
        once, twice = (one[stage] for one in found)
        assert twice < once + CHANCE, found


def peak_of(folder: Path, width: int) -> int:
    """Bytes that taking a table apart and putting it together again needs at most."""
    path = folder / f"{width}.npy"
    np.save(path, np.random.default_rng(0).integers(0, 900, (40_000, width)))
    tracemalloc.start()
    found = take_apart(path, folder=folder)
    (entry,) = found.files
    hashed = hashlib.sha256()
    for piece in restored(entry, lambda number, *_: found.rows(number), found.fetch):
        hashed.update(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shown(hashed) == entry["hash"]
    return peak


def test_more_columns_take_no_more_memory(tmp_path, monkeypatch):
    for module, name, size in (
        (arrays, "GROUP", 2**20),  # bytes of columns that are read together
        (grids, "TOGETHER", 2**16),  # symbols that come back at a time
        (material, "PIECE", 0),  # bytes of symbols that stay in memory
        (streams, "CHUNK", 2**17),
    ):
        monkeypatch.setattr(module, name, size)
    once, twice = (peak_of(tmp_path, width) for width in (16, 32))
    assert twice < once + 2**20, "the table has 5 MB more"

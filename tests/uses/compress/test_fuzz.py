"""Files changed at random, their hashes repaired, so that what lies behind the hashes is reached.

Every one of them is refused with a DamagedFileError, or gives back just what went in.
"""

from __future__ import annotations

import os
import random
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import Contents
from forging import changed_bytes, changed_dbo
from soaked import counted


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Files of every kind, each with its contents."""
    folder = tmp_path_factory.mktemp("corpus")
    generator = np.random.default_rng(0)
    walks = generator.integers(-9, 10, (200, 10, 10)).cumsum(1).cumsum(2)
    np.save(folder / "images.npy", np.clip(walks + 128, 0, 255).astype(np.uint8))
    table = generator.integers(-3, 4, (1500, 4)).cumsum(0).astype(np.int32)
    np.save(folder / "table.npy", table)
    lines = "\n".join(",".join(map(str, row)) for row in table.tolist())
    (folder / "text.csv").write_text("a,b,c,d\n" + lines + "\n")
    (folder / "noise.bin").write_bytes(generator.bytes(300))
    found = []
    for path in sorted(folder.iterdir()):
        result = compress(path, folder / "x.dbo", steps=60, n_threads=1)
        assert result.fallback == (path.suffix == ".bin")
        found.append(((folder / "x.dbo").read_bytes(), contents(folder / "x.dbo")))
    return found


def contents(path: Path) -> dict[str, bytes]:
    with container.opened(path) as reader:
        return {
            name: b"".join(pieces)
            for name, pieces in Contents(reader, None, 10**7, n_threads=1).all()
        }


def fuzzed(corpus, count: int, seed: int, path: Path) -> tuple[int, float]:
    """How many of the files were refused, and the longest time that one took."""
    refused, longest = 0, 0.0
    for number in range(count):
        dice = random.Random(f"{seed} {number}")
        content, expected = corpus[number % len(corpus)]
        path.write_bytes(changed_dbo(content, dice, partial(changed_bytes, dice=dice)))
        began = time.process_time()
        try:
            found = contents(path)
        except DamagedFileError:
            refused += 1
        else:
            assert list(found.values()) == list(expected.values()), (seed, number)
        longest = max(longest, time.process_time() - began)
    return refused, longest


def test_changed_files(corpus, tmp_path):
    refused, longest = fuzzed(corpus, 120, 0, tmp_path / "x.dbo")
    assert refused > 80
    assert longest < 5


@pytest.mark.soak
def test_many_changed_files(corpus, tmp_path):
    count = int(os.environ.get("DIABOLO_FUZZ", "20000"))
    with counted("compressed files changed behind their hashes") as counts:
        refused, longest = fuzzed(corpus, count, 1, tmp_path / "x.dbo")
        print(f"{count} files, {refused} refused, the others right; {longest:.2f} s at most")
        assert longest < 5
        counts |= {"files": count, "refused": refused, "read wrong": 0, "slowest in s": longest}

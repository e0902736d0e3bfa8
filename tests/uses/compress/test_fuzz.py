"""Files changed at random, their hashes repaired, so that what lies behind the hashes is reached.

Every one of them is refused with a DamagedFileError, or gives back just what went in.
"""

from __future__ import annotations

import copy
import json
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import models
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import Contents

ODD = [
    0, 1, -1, 2, 255, 256, 2**16, 2**31, 2**32, 2**63, 2**64, 10**30, -(2**63), None, True, False,
    "", "x", "../x", [], {}, [[]], 0.5, 1e308, "0" * 32,
]  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Files of every kind, each with its contents."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    walks = random.integers(-9, 10, (200, 10, 10)).cumsum(1).cumsum(2)
    np.save(folder / "images.npy", np.clip(walks + 128, 0, 255).astype(np.uint8))
    table = random.integers(-3, 4, (1500, 4)).cumsum(0).astype(np.int32)
    np.save(folder / "table.npy", table)
    lines = "\n".join(",".join(map(str, row)) for row in table.tolist())
    (folder / "text.csv").write_text("a,b,c,d\n" + lines + "\n")
    (folder / "noise.bin").write_bytes(random.bytes(300))
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


def taken_apart(content: bytes, path: Path) -> tuple[dict, list[bytes]]:
    path.write_bytes(content)
    with container.opened(path) as reader:
        return reader.document, [reader.section(i) for i in range(len(reader.sections))]


def put_together(document: dict, sections: list[bytes]) -> bytes:
    writer = container.Writer()
    for section in sections:
        writer.section(section)
    return container.HEAD + b"".join(sections) + writer.directory(document)


def changed_bytes(content: bytes, random: np.random.Generator) -> bytes:
    """A few bytes flipped, cut out, doubled, or random ones put in."""
    data = bytearray(content)
    for _ in range(random.integers(1, 4)):
        place, length = int(random.integers(0, len(data) + 1)), int(random.integers(1, 9))
        kind = random.integers(0, 5)
        if kind == 0 and data:
            data[place % len(data)] ^= 1 << int(random.integers(0, 8))
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length]
        elif kind == 3:
            data[place : place + length] = random.bytes(length)
        else:
            del data[place:]
    return bytes(data)


def changed_tree(value, random: np.random.Generator):
    """One leaf or branch replaced, left out, or doubled."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return value
    key = keys[random.integers(0, len(keys))]
    inner = value[key]
    if isinstance(inner, dict | list) and inner and random.random() < 0.8:
        changed_tree(inner, random)
    elif random.random() < 0.1:
        del value[key]
    elif random.random() < 0.1 and isinstance(value, list):
        value.insert(key, inner)
    elif type(inner) is int and random.random() < 0.5:
        value[key] = inner + int(random.integers(-2, 3))
    else:
        value[key] = ODD[random.integers(0, len(ODD))]
    return value


def changed(content: bytes, random: np.random.Generator, path: Path) -> bytes:
    """A file like this one, changed in one place, all hashes right."""
    document, sections = taken_apart(content, path)
    kind = random.integers(0, 4)
    if kind == 0:
        return put_together(changed_tree(copy.deepcopy(document), random), sections)
    number = int(random.integers(0, len(sections)))
    kept = set(document["kept"])
    if kind == 1 and number in kept:
        unpacked = container.unpack(sections[number], 2**26)
        sections[number] = container.pack(changed_bytes(unpacked, random))
    elif kind == 2 and document["streams"]:
        stream = document["streams"][0]
        number = stream["model"]
        sections[number] = changed_model(sections[number], random)
        with suppress(ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            stream["hash"] = models.model_hash(models.model_from_bytes(sections[number]))
    else:
        sections[number] = changed_bytes(sections[number], random)
    return put_together(document, sections)


def changed_model(content: bytes, random: np.random.Generator) -> bytes:
    stop = 4 + int.from_bytes(content[:4], "little")
    text, rest = json.loads(container.unpack(content[4:stop], 2**20)), content[stop:]
    if random.random() < 0.5:
        changed_tree(text, random)
    else:
        rest = changed_bytes(rest, random)
    packed = container.pack(json.dumps(text).encode())
    return len(packed).to_bytes(4, "little") + packed + rest


def fuzzed(corpus, count: int, seed: int, path: Path) -> tuple[int, float]:
    """How many of the files were refused, and the longest time that one took."""
    refused, longest = 0, 0.0
    for number in range(count):
        random = np.random.default_rng((seed, number))
        content, expected = corpus[number % len(corpus)]
        bad = changed(content, random, path)
        path.write_bytes(bad)
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
    refused, longest = fuzzed(corpus, count, 1, tmp_path / "x.dbo")
    print(f"{count} files, {refused} refused, the others right; {longest:.2f} s at most")
    assert longest < 5

"""Recipes and kept bytes changed at random behind the hashes: refused, or the same comes back."""

import copy
import hashlib
import os

import numpy as np
import pytest

from chunked import table, uncoded
from diabolo.uses.compress import container
from diabolo.uses.compress.content import shown
from diabolo.uses.compress.sources.bounds import Bounds
from diabolo.uses.compress.sources.files import take_apart

ODD = [
    0, 1, -1, 2, 63, 255, 2**16, 2**32, 2**63, 2**64, 10**30, -(2**63), None, True, "", "x", [], {},
    [[]], [1, 2, 3], 0.5, 1e308, "rounded", "Int64", ["Enum", []], ["Decimal", 3, 9],
]  # fmt: skip


def changed(value, random: np.random.Generator) -> None:
    """One leaf or branch replaced, or left out."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = keys[random.integers(len(keys))]
    if isinstance(value[key], dict | list) and value[key] and random.random() < 0.8:
        changed(value[key], random)
    elif random.random() < 0.1:
        del value[key]
    elif type(value[key]) is int and random.random() < 0.5:
        value[key] += int(random.integers(-2, 3))
    else:
        value[key] = ODD[random.integers(len(ODD))]


def flipped(content: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(content)
    for _ in range(random.integers(1, 4)):
        place = int(random.integers(len(data) + 1))
        if random.random() < 0.5 and data:
            data[place % len(data)] ^= 1 << int(random.integers(8))
        else:
            data[place:] = data[place : place + int(random.integers(9))]
    return bytes(data)


def back(material) -> bytes | None:
    """What comes back, if it is what the directory says; None where it is refused."""
    entry = material.files[0]
    try:
        (content,) = uncoded(material)
        if entry["kind"] != "parquet":  # which looks at its values itself
            right = len(content) == entry["size"]
            if not right or shown(hashlib.sha256(content)) != entry["hash"]:
                return None
    except container.UNUSABLE:
        return None
    return content


@pytest.mark.parametrize("bound", [None, "0.4", "3%"])
@pytest.mark.parametrize("kind", ["x.npy", "x.csv", "x.parquet"])
def test_changed_recipes(kind, bound, tmp_path):
    path = table(tmp_path, kind)
    material = take_apart(path, Bounds.of(bound))
    expected, refused, count = back(material), 0, int(os.environ.get("DIABOLO_FUZZ", "40"))
    assert expected is not None
    for number in range(count):
        random = np.random.default_rng((7, number))
        bad = copy.copy(material)
        bad.files, bad.kept = copy.deepcopy(material.files), list(material.kept)
        if random.random() < 0.6 or not bad.kept:
            changed(bad.files[0], random)
        else:
            place = int(random.integers(len(bad.kept)))
            bad.kept[place] = flipped(bad.kept[place], random)
        found = back(bad)
        refused += found is None
        assert found in (None, expected), number
    assert refused > count / 4

"""The sets that records are about, as rows; a file counts only with the checksum it should have."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from diabolo.data import catalogue
from diabolo.records.record import Data, NotHereError, Rows, Split


def images(name: str) -> Split:
    """MNIST or Fashion-MNIST, as bytes (n, 28, 28), in the published two parts."""
    if not catalogue.is_at_hand(name):
        raise NotHereError(f"{name} is not on this machine: diabolo train {name} would download it")
    return Split(*(Rows(*catalogue.load(name, split)) for split in catalogue.SPLITS))


@lru_cache(maxsize=1)
def mnist() -> Split:
    return images("mnist")


@lru_cache(maxsize=1)
def fashion() -> Split:
    return images("fashion-mnist")


def file_of(folder: str, name: str, sha256: str) -> Path:
    """A file in the folder that DIABOLO_DATA names; NotHereError where it is missing or other."""
    named = os.environ.get("DIABOLO_DATA")
    path = Path(named or ".") / folder / name
    if not named or not path.is_file():
        raise NotHereError(f"needs {folder}/{name} in the folder that DIABOLO_DATA names")
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256:
        raise NotHereError(f"{path} has SHA-256 {found[:12]}…, expected {sha256[:12]}…")
    return path


def flat(rows: Rows) -> np.ndarray:
    """Images as rows on [0, 1], (n, d) float32."""
    return rows.x.reshape(len(rows), -1).astype(np.float32) / np.float32(255)


def _checksums(known: catalogue.NamedSet) -> dict[str, str]:
    return {file.name: file.sha256 for file in known.files.values()}


def first_50_000() -> Split:
    """MNIST with the usual validation rows, the last 10,000 for training, left aside."""
    whole = mnist()
    return Split(whole.train[:50_000], whole.test)


MNIST = Data(
    "MNIST",
    _checksums(catalogue.MNIST),
    "60,000 / 10,000, as published; settings are chosen on the last 10,000 training rows",
    "pixels / 255",
    mnist,
)
MNIST_50 = Data(
    "MNIST",
    _checksums(catalogue.MNIST),
    "the first 50,000 / 10,000; settings are chosen on the last 10,000 of the 50,000",
    "pixels / 255",
    first_50_000,
)

"""Named public sets: where their files lie, what they must hash to, how they are licensed.

Files are looked for in $DIABOLO_DATA/<name>/, then in the user's cache; else they are downloaded
into the cache. Whatever the way, a file is used only if its SHA-256 is the published one.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diabolo.data.values import guess
from diabolo.files import write_atomically

SPLITS = ("train", "test")
_TIMEOUT = 20  # seconds without a byte
_PIECE = 2**20


@dataclass(frozen=True)
class File:
    """One file of a set: its name, size in bytes and SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class NamedSet:
    """Four idx files (images and labels, for training and for testing) and their mirrors."""

    name: str
    files: dict[tuple[str, str], File]
    mirrors: tuple[str, ...]
    licence: str


def _files(*hashes: tuple[int, str]) -> dict[tuple[str, str], File]:
    names = {
        ("train", "images"): "train-images-idx3-ubyte.gz",
        ("train", "labels"): "train-labels-idx1-ubyte.gz",
        ("test", "images"): "t10k-images-idx3-ubyte.gz",
        ("test", "labels"): "t10k-labels-idx1-ubyte.gz",
    }
    return {key: File(name, *one) for (key, name), one in zip(names.items(), hashes, strict=True)}


MNIST = NamedSet(
    "mnist",
    _files(
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "Y. LeCun, C. Cortes, C. Burges; usually quoted as CC BY-SA 3.0",
)
FASHION_MNIST = NamedSet(
    "fashion-mnist",
    _files(
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    "Zalando SE, MIT",
)
_DOWNLOADED = {one.name: one for one in (MNIST, FASHION_MNIST)}
NAMES = ("digits", *_DOWNLOADED)


def load(
    name: str, split: str = "train", mirrors: tuple[str, ...] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, H, W) as bytes and labels (n,) as int64 of a named set.

    mirrors : addresses to download from instead of the known ones; each ends with "/".
    """
    if name != "digits" and name not in _DOWNLOADED:
        raise ValueError(
            f"There is no set named {name!r}{guess(name, NAMES) or '.'} "
            f"Known are {', '.join(NAMES)}."
        )
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is unknown. Known are 'train' and 'test'.")
    if name == "digits":
        return _digits(split)
    from diabolo.data.idx import read_idx  # imports torch, which names alone do not need

    known = _DOWNLOADED[name]
    images, labels = (
        read_idx(_found(known, known.files[split, part], mirrors or known.mirrors))
        for part in ("images", "labels")
    )
    return images, labels.astype(np.int64)


def _digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The 1797 digits of 8 x 8 pixels, grey values 0 … 16, that come with scikit-learn."""
    from sklearn.datasets import load_digits

    if split != "train":
        raise ValueError(
            "digits comes in one part of 1797 rows, without a test part. "
            "Hold rows out yourself, for example with sklearn.model_selection.train_test_split."
        )
    digits = load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.int64)


def cache_directory() -> Path:
    """Where downloads are kept: $XDG_CACHE_HOME/diabolo, else ~/.cache/diabolo."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "diabolo"


def is_at_hand(name: str) -> bool:
    """Whether a named set can be had without the network."""
    known = _DOWNLOADED.get(name)
    files = known.files.values() if known else ()
    return name in NAMES and all(
        any((folder / name / file.name).is_file() for folder in _folders()) for file in files
    )


def _found(known: NamedSet, file: File, mirrors: tuple[str, ...]) -> Path:
    """The file on this machine, downloaded if need be."""
    for folder in _folders():
        path = folder / known.name / file.name
        if path.is_file():
            _verify(path, file)
            return path
    return _downloaded(known, file, mirrors)


def _folders() -> Iterator[Path]:
    if named := os.environ.get("DIABOLO_DATA"):
        yield Path(named)
    yield cache_directory()


def _verify(path: Path, file: File) -> None:
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != file.sha256:
        raise ValueError(
            f"{path} is not the published {file.name}: its SHA-256 is {found[:12]}…, expected "
            f"{file.sha256[:12]}…. Delete it, and it will be downloaded again."
        )


def _downloaded(known: NamedSet, file: File, mirrors: tuple[str, ...]) -> Path:
    path = cache_directory() / known.name / file.name
    failures = []
    for mirror in mirrors:
        try:
            content = _fetched(mirror + file.name, file)
        except (OSError, http.client.HTTPException, ValueError) as error:
            failures.append(f"{mirror}: {error}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, [content])
        return path
    raise ConnectionError(
        f"{file.name} of {known.name} is not on this machine and could not be downloaded "
        f"({'; '.join(failures)}). Put it into {path.parent}, or into {known.name}/ of a folder "
        "that DIABOLO_DATA names, or use 'digits', which needs no network."
    )


def _fetched(address: str, file: File) -> bytes:
    """The content at an address, if it has the size and hash that it should have."""
    with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:
        content = bytearray()
        while piece := answer.read(min(_PIECE, file.size + 1 - len(content))):
            content += piece
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ValueError("what came has another SHA-256 than the published file")
    return bytes(content)

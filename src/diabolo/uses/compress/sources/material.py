"""What a source was taken apart into: entries of the directory, streams of symbols, kept bytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.sources import columns


@dataclass
class Material:
    """What a source was taken apart into.

    files   : what the directory says of each file
    streams : of symbols, to be coded by models
    kept    : bytes, to be packed by zstandard
    original : the bytes of each file as they come back, for zstandard: to compare, and to keep
    raw     : bytes of the files, of images those of their pixels
    notes   : what a user should know
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    original: list[tuple[str, Callable[[], bytes]]] = field(default_factory=list)
    raw: int = 0
    notes: list[str] = field(default_factory=list)

    def keep(self, content: bytes) -> int:
        self.kept.append(content)
        return len(self.kept) - 1

    def comes_back(self, content: bytes) -> dict[str, Any]:
        """Of the file at hand this comes back, not what it was; its size and hash."""
        name, _ = self.original.pop()
        self.original.append((name, lambda: content))
        return {"size": len(content), "hash": fingerprint(content)}


def fingerprint(content: bytes | memoryview) -> str:
    """16 bytes of the SHA-256, as 22 characters."""
    return shown(hashlib.sha256(content))


def shown(hashed: hashlib._Hash) -> str:
    return base64.b64encode(hashed.digest()[:16])[:22].decode()


def together(keep: columns.Keep, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    """What the directory says of files that are kept as they are, one behind the other."""
    whole = b"".join(content for _, content in files)
    entry = {"size": len(whole), "hash": fingerprint(whole), "kept": keep(whole)}
    if len(files) == 1:
        return {"kind": "bytes", "name": files[0][0], **entry}
    lengths = np.array([len(content) for _, content in files], "<u8")
    return {
        "kind": "parts",
        **entry,
        "names": keep("\n".join(name for name, _ in files).encode()),
        "lengths": keep(np.ascontiguousarray(lengths.view("u1").reshape(-1, 8).T).tobytes()),
    }


def parts(entry: dict[str, Any], fetch: columns.Fetch) -> Iterator[bytes]:
    """The files of `together`, once all of them are known to be right."""
    whole, packed = fetch(entry["kept"]), fetch(entry["lengths"])
    if len(packed) % 8 or fingerprint(whole) != entry["hash"]:
        raise ValueError("its files do not come back as they were")
    planar = np.frombuffer(packed, np.uint8).reshape(8, -1)
    lengths = np.ascontiguousarray(planar.T).view("<u8").reshape(-1).tolist()
    if sum(lengths) != len(whole):
        raise ValueError("its directory makes no sense")
    place = 0
    for length in lengths:
        yield whole[place : place + length]
        place += length

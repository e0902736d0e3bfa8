"""What a source was taken apart into: entries of the directory, streams of symbols, kept bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.content import PIECE, Content, Source
from diabolo.uses.compress.sources import columns


@dataclass
class Material:
    """What a source was taken apart into.

    files   : what the directory says of each file
    streams : of symbols, to be coded by models
    kept    : bytes, to be packed by zstandard: lists of values, and whole files
    original : each file as it comes back, for zstandard: to compare, and to keep
    exact   : the file as it was, where another one comes back: its numbers were rounded
    raw     : bytes of the files, of images those of their pixels
    notes   : what a user should know
    folder  : of a temporary file for symbols; None: the system's
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    kept: list[bytes | Content] = field(default_factory=list)
    original: list[tuple[str, Content]] = field(default_factory=list)
    exact: Content | None = None
    raw: int = 0
    notes: list[str] = field(default_factory=list)
    folder: Path | None = None

    @cached_property
    def _symbols(self) -> Source:
        return Source.temporary(self.folder)

    def stored(self, part: columns.Part) -> columns.StoredPart:
        """A column whose symbols are not in memory any more, if they are many."""
        planes, symbols, recipe = part
        return planes, self._symbols.put(symbols) if symbols.nbytes > PIECE else symbols, recipe

    def rows(self, number: int) -> Iterator[np.ndarray]:
        """Rows of a stream in order, as a reader has them from its chunks."""
        stream = self.streams[number]
        for first, last in stream.chunks():
            yield from stream.read(first, last)

    @property
    def whole(self) -> Content:
        """All files as they come back, one behind the other."""
        return Content.together([content for _, content in self.original])

    def keep(self, content: bytes | Content) -> int:
        self.kept.append(content)
        return len(self.kept) - 1

    def fetch(self, number: int) -> bytes:
        """Kept bytes again."""
        content = self.kept[number]
        return content.whole() if isinstance(content, Content) else content

    def comes_back(self, content: Content) -> dict[str, Any]:
        """Of the file at hand this comes back, not what it was; its size and hash."""
        name, self.exact = self.original.pop()
        self.original.append((name, content))
        return {"size": content.size, "hash": content.hash}


def together(
    keep: Callable[[bytes | Content], int], files: list[tuple[str, Content]]
) -> dict[str, Any]:
    """What the directory says of files that are kept as they are, one behind the other."""
    whole = Content.together([content for _, content in files])
    entry = {"size": whole.size, "hash": whole.hash, "kept": keep(whole)}
    if len(files) == 1:
        return {"kind": "bytes", "name": files[0][0], **entry}
    lengths = np.array([content.size for _, content in files], np.uint64)
    return {
        "kind": "parts",
        **entry,
        "names": keep("\n".join(name for name, _ in files).encode()),
        "lengths": keep(columns.planar(lengths)),
    }


def parts(
    entry: dict[str, Any], fetch: columns.Fetch, whole: Iterator[bytes]
) -> Iterator[Iterator[bytes]]:
    """The files of `together`, each in pieces; take these before the next file.

    whole : all of them one behind the other
    """
    lengths = columns.from_planar(fetch(entry["lengths"])).tolist()
    if sum(lengths) != entry["size"]:
        raise ValueError("its directory makes no sense")
    rest = b""

    def pieces(length: int) -> Iterator[bytes]:
        nonlocal rest
        while length:
            rest = rest or next(whole)
            piece, rest = rest[:length], rest[length:]
            length -= len(piece)
            yield piece

    for length in lengths:
        yield pieces(length)

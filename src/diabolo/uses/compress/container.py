"""The file: sections, and a directory at the end that says what they are. See `docs/format.md`.

    0    8   89 64 62 6f 0d 0a 1a 0a   no text file begins so; a mangled line end shows
    8    1   version, 1
    9    …   sections, back to back: models, chunks, kept bytes
         d   directory: JSON, packed by zstandard
         4   d, little-endian
         16  SHA-256 of the first 9 bytes, the packed directory and d, its first 16 bytes

The directory holds each section's length and the first 8 bytes of its SHA-256, so every byte of
the file is under one hash or another, and a damaged section is known without reading the others.
A reader believes nothing before its hash was compared, and afterwards as little as it can: hashes
find accidents, but who changes a file on purpose can write new ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path
from typing import Any

import zstandard

from diabolo.files import DamagedFileError, write_atomically
from diabolo.files.strict import strict_json
from diabolo.uses.compress.content import PIECE, Content

MAGIC = b"\x89dbo\r\n\x1a\n"
VERSION = 1
HEAD = MAGIC + bytes([VERSION])
TAIL = 4 + 16
MAX_DIRECTORY = 64 * 2**20  # bytes, unpacked
MAX_SECTION = 256 * 2**20
LEVEL = 19


class Writer:
    """Collects sections; what it yields is the file, in pieces."""

    def __init__(self) -> None:
        self.sections: list[list[Any]] = []
        self.kept: list[int] = []  # those of kept bytes

    def section(self, content: bytes) -> bytes:
        """Note a section's length and hash; the bytes, to be written next."""
        self.sections.append([len(content), digest(content, 8)])
        return content

    def keep(self, contents: Iterable[bytes | Content]) -> Iterator[bytes]:
        """Sections of kept bytes, packed, each noted as one that files may name."""
        for content in contents:
            whole = Content.of(content) if isinstance(content, bytes) else content
            yield from self.packed(packed(whole))

    def packed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """A section of kept bytes that are packed already."""
        length, hashed = 0, hashlib.sha256()
        for piece in pieces:
            length += len(piece)
            hashed.update(piece)
            yield piece
        if length > MAX_SECTION:
            raise ValueError(
                f"it takes {length:,} bytes even when zstandard packs it, and a part of a file may "
                f"have {MAX_SECTION:,}: compress it in parts"
            )
        self.kept.append(len(self.sections))
        self.sections.append([length, hashed.hexdigest()[:16]])

    def directory(self, document: dict[str, Any]) -> bytes:
        """Everything behind the last section."""
        whole = {**document, "sections": self.sections}
        text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        packed = pack(text.encode())
        length = len(packed).to_bytes(4, "little")
        return packed + length + hashlib.sha256(HEAD + packed + length).digest()[:16]


def digest(content: bytes | memoryview, count: int) -> str:
    """The first bytes of the SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()[: 2 * count]


def pack(content: bytes) -> bytes:
    """zstandard at level 19, its size within, without a checksum of its own."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(content)


def packed(content: Content) -> Iterator[bytes]:
    """Likewise, in pieces."""
    packer = zstandard.ZstdCompressor(level=LEVEL).compressobj(size=content.size)
    for piece in content.pieces():
        if done := packer.compress(piece):
            yield done
    yield packer.flush()


def unpacked(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """What was packed, in pieces, if it is at most `limit` bytes long; raises ValueError."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
    size = length = 0
    for number, some in enumerate(p[i : i + FED] for p in pieces for i in range(0, len(p), FED)):
        if number == 0:
            size = _size(some, limit)
        if unpacker.eof:
            raise ValueError("a packed part is longer than it says")
        try:
            found = unpacker.decompress(some)
        except zstandard.ZstdError as error:
            raise ValueError(f"a packed part cannot be unpacked ({error})") from None
        length += len(found)
        yield found
    if length != size or not unpacker.eof or unpacker.unused_data:
        raise ValueError("a packed part is not as long as it says")


FED = 2**10  # bytes at a time: zstandard makes at most 32 MiB of them


def _size(content: bytes, limit: int) -> int:
    """How long a packed part says it is unpacked, if it is at most `limit` bytes."""
    try:
        size = zstandard.frame_content_size(content)
    except zstandard.ZstdError as error:
        raise ValueError(f"a packed part cannot be unpacked ({error})") from None
    if not 0 <= size <= limit:
        raise ValueError(f"a packed part claims {size} bytes where {limit} are allowed")
    return size


def unpack(content: bytes, limit: int) -> bytes:
    """What was packed, if it is at most `limit` bytes long; raises ValueError."""
    size = _size(content, limit)
    try:
        found = zstandard.ZstdDecompressor(max_window_size=2**27).decompress(
            content, max_output_size=max(1, size), allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ValueError(f"a packed part cannot be unpacked ({error})") from None
    if len(found) != size:
        raise ValueError("a packed part is not as long as it says")
    return found


def write(path: str | os.PathLike[str], pieces: Iterable[bytes]) -> None:
    """The file, whole or not at all, from what `Writer` gave."""
    write_atomically(path, pieces)


class Reader:
    """An open file whose directory was found whole. Use it in a `with` of `opened`."""

    def __init__(self, file: io.BufferedIOBase, path: Path) -> None:
        self.file, self.path = file, path
        size = os.fstat(file.fileno()).st_size
        if size < len(HEAD) + TAIL or file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it is no file written by diabolo compress, or was cut short")
        version = file.read(1)[0]
        if version != VERSION:
            raise ValueError(
                f"it has version {version} and this diabolo reads version {VERSION}; install a "
                "newer diabolo, or get the file again"
            )
        file.seek(size - TAIL)
        tail = file.read(TAIL)
        length = int.from_bytes(tail[:4], "little")
        start = size - TAIL - length
        if start < len(HEAD):
            raise ValueError("its end is not that of a whole file: it was cut short or damaged")
        file.seek(start)
        packed = file.read(length)
        if hashlib.sha256(HEAD + packed + tail[:4]).digest()[:16] != tail[4:]:
            raise ValueError("its directory does not match its hash: it was cut short or damaged")
        self.document = strict_json(unpack(packed, MAX_DIRECTORY).decode(), "directory")
        self.sections = self._places(self.document.pop("sections", None), start)

    def section(self, number: Any) -> bytes:
        """The bytes of a section; raises ValueError where they are not those that were written."""
        return b"".join(self.pieces(number))

    def pieces(self, number: Any) -> Iterator[bytes]:
        """Likewise, piece by piece, after all of them were looked at."""
        if type(number) is not int or not 0 <= number < len(self.sections):
            raise ValueError("its directory names a section that is not there")
        start, length, expected = self.sections[number]
        places = [(p, min(PIECE, start + length - p)) for p in range(start, start + length, PIECE)]
        hashed, held = hashlib.sha256(), b""
        for place in places:
            held = self._read(*place)
            hashed.update(held)
        if hashed.hexdigest()[:16] != expected:
            raise ValueError(f"section {number} does not match its hash: the file was damaged")
        return iter([held]) if len(places) == 1 else starmap(self._read, places)

    def _read(self, place: int, length: int) -> bytes:
        return os.pread(self.file.fileno(), length, place)  # several threads ask at once

    def _places(self, sections: Any, end: int) -> list[tuple[int, int, str]]:
        if not isinstance(sections, list):
            raise ValueError("its directory lists no sections")
        places, start = [], len(HEAD)
        for entry in sections:
            if not (isinstance(entry, list) and len(entry) == 2):
                raise ValueError("its directory is not written as diabolo writes it")
            length, expected = entry
            if type(length) is not int or not 0 <= length <= MAX_SECTION:
                raise ValueError("its directory has a section of an impossible length")
            places.append((start, length, str(expected)))
            start += length
        if start != end:
            raise ValueError("its sections do not fill it exactly")
        return places


# what numbers and texts that make no sense raise where they are used
WRONG = (RecursionError, LookupError, TypeError, ArithmeticError, AttributeError, MemoryError)
UNUSABLE = (ValueError, *WRONG)


def reason(error: BaseException) -> str:
    """Why what was read cannot be used."""
    return str(error) if isinstance(error, ValueError) else "its directory makes no sense"


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Reader]:
    """A reader; every ValueError inside becomes one sentence with the path."""
    path = Path(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError("it is not an ordinary file")
        with open(path, "rb") as file:
            yield Reader(file, path)
    except DamagedFileError:
        raise
    except UNUSABLE as error:
        raise DamagedFileError(f"Cannot use {path}: {reason(error)}.") from error

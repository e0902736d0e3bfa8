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
from pathlib import Path
from typing import Any

import zstandard

from diabolo.files import DamagedFileError, write_atomically

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

    def section(self, content: bytes) -> bytes:
        """Note a section's length and hash; the bytes, to be written next."""
        self.sections.append([len(content), digest(content, 8)])
        return content

    def directory(self, document: dict[str, Any]) -> bytes:
        """Everything behind the last section."""
        text = json.dumps(
            {**document, "sections": self.sections}, ensure_ascii=False, separators=(",", ":")
        )
        packed = pack(text.encode())
        length = len(packed).to_bytes(4, "little")
        return packed + length + hashlib.sha256(HEAD + packed + length).digest()[:16]


def digest(content: bytes | memoryview, count: int) -> str:
    """The first bytes of the SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()[: 2 * count]


def pack(content: bytes) -> bytes:
    """zstandard at level 19, its size within, without a checksum of its own."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(content)


def unpack(content: bytes, limit: int) -> bytes:
    """What was packed, if it is at most `limit` bytes long; raises ValueError."""
    try:
        size = zstandard.frame_content_size(content)
        if not 0 <= size <= limit:
            raise ValueError(f"a packed part claims {size} bytes where {limit} are allowed")
        unpacked = zstandard.ZstdDecompressor(max_window_size=2**27).decompress(
            content, max_output_size=max(1, size), allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise ValueError(f"a packed part cannot be unpacked ({error})") from None
    if len(unpacked) != size:
        raise ValueError("a packed part is not as long as it says")
    return unpacked


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
        self.document = _strict(unpack(packed, MAX_DIRECTORY))
        self.sections = self._places(self.document.pop("sections", None), start)

    def section(self, number: Any) -> bytes:
        """The bytes of a section; raises ValueError where they are not those that were written."""
        if type(number) is not int or not 0 <= number < len(self.sections):
            raise ValueError("its directory names a section that is not there")
        start, length, expected = self.sections[number]
        content = os.pread(self.file.fileno(), length, start)  # several threads ask at once
        if digest(content, 8) != expected:
            raise ValueError(f"section {number} does not match its hash: the file was damaged")
        return content

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


def _strict(content: bytes) -> dict[str, Any]:
    document = json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    if not isinstance(document, dict):
        raise ValueError("its directory is not a JSON object")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its directory names something twice")
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"its directory holds {name}, which is not JSON")

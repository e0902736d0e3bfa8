"""Folders: of images to be taken apart, and of files that are there whole or not at all.

A PNG of 8-bit greys or RGB is taken apart into its pixels and the chunks around them (texts, time,
colour profile, resolution, transparency), which are kept as they are. What comes back is a PNG of
the same pixels, mode and chunks; how its pixels were packed is not kept, so its bytes differ.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from diabolo.uses.compress.heads import Plane

if TYPE_CHECKING:
    from diabolo.uses.compress.columns import Fetch
    from diabolo.uses.compress.sources import Material, Rows, Tiles

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3}  # PNG colour types: grey, RGB
_LEFT_ALONE = {b"acTL", b"PLTE"}  # animations, suggested palettes


class Png(NamedTuple):
    """What an image file holds besides its pixels."""

    height: int
    width: int
    channels: int
    around: bytes  # chunks before the pixels, length first, then those after


def parsed(content: bytes) -> Png | None:
    """What a PNG is, if it is one whose pixels are 8-bit greys or RGB."""
    if content[:8] != _SIGNATURE:
        return None
    place, before, after, seen, head = 8, b"", b"", False, b""
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunk = content[place : place + 12 + length]
        name, place = chunk[4:8], place + 12 + length
        if len(chunk) < 12 + length or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            return None
        if name == b"IHDR":
            head = chunk[8:-4]
        elif name == b"IDAT":
            seen = True
        elif name == b"IEND":
            break
        elif name in _LEFT_ALONE:
            return None
        elif seen:
            after += chunk
        else:
            before += chunk
    else:
        return None
    if place != len(content) or len(head) != 13:
        return None
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", head)
    if depth != 8 or colour not in _CHANNELS or not seen or max(width, height) > 2**20:
        return None
    around = len(before).to_bytes(4, "little") + before + after
    return Png(height, width, _CHANNELS[colour], around)


def png(pixels: np.ndarray, around: bytes) -> bytes:
    """A PNG of these pixels, (height, width, channels), with the chunks that were around them."""
    channels = pixels.shape[2]
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(file, "PNG")
    plain = file.getvalue()
    middle = plain[33 : plain.rindex(b"IEND") - 4]
    split = 4 + int.from_bytes(around[:4], "little")
    if not 4 <= split <= max(4, len(around)):
        raise ValueError("an image's metadata are cut short")
    return plain[:33] + around[4:split] + middle + around[split:] + plain[-12:]


def add_folder(found: Material, folder: Path) -> None:
    """All files in a folder and below, in the order of their paths."""
    from diabolo.uses.compress import sources

    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not paths:
        raise ValueError(f"{folder} holds no files.")
    images: dict[int, list[tuple[str, Path, Png]]] = {}
    others: list[tuple[str, bytes]] = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        sources.checked_name(name)
        found.original.append((name, path.read_bytes))
        content = path.read_bytes()
        look = parsed(content)
        if look is None or not _reads_back(content, look):
            others.append((name, content))
        else:
            images.setdefault(look.channels, []).append((name, path, look))
    if others:
        found.files.append(sources.together(found.keep, others))
    for channels in sorted(images):
        _add_images(found, channels, images[channels])


def _reads_back(content: bytes, look: Png) -> bool:
    """Whether Pillow reads the pixels that the header announces."""
    try:
        return _pixels(content).shape == (look.height, look.width, look.channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _add_images(found: Material, channels: int, images: list[tuple[str, Path, Png]]) -> None:
    """Images with the same channels, as one stream."""
    from diabolo.uses.compress import sources

    @lru_cache(maxsize=4)
    def pixels(number: int) -> np.ndarray:
        return _pixels(images[number][1].read_bytes())

    sizes = np.array([(look.height, look.width) for _, _, look in images], np.int64)
    tiles = _tiles(sizes)
    counts = np.zeros((channels, 256), np.int64)
    hashed = hashlib.sha256()
    for number in range(len(images)):
        image = pixels(number)
        hashed.update(image.tobytes())
        for c in range(channels):
            counts[c] += np.bincount(image[..., c].reshape(-1), minlength=256)
    values = np.flatnonzero(counts.sum(0))
    few = len(values) <= 16
    table = np.searchsorted(values, np.arange(256)).astype(np.int16)
    levels = values if few else np.arange(256)
    edges = [sources.common_edge(one[levels]) for one in counts]
    planes = tuple(Plane(len(levels), True, edge) for edge in edges)

    def read(first: int, last: int) -> np.ndarray:
        rows = tiles.cut(pixels, first, last, channels)
        return table[rows] if few else rows.astype(np.int16)

    around: dict[bytes, int] = {}
    which = [around.setdefault(look.around, len(around)) for _, _, look in images]
    parts = [len(piece).to_bytes(4, "little") + piece for piece in around]
    found.streams.append(sources.image_stream(tiles, planes, read))
    found.files.append(
        {
            "kind": "images",
            "size": int(sizes.prod(1).sum()) * channels,
            "hash": sources.shown(hashed),
            "channels": channels,
            "names": found.keep("\n".join(name for name, _, _ in images).encode()),
            "sizes": found.keep(np.ascontiguousarray(sizes.T.astype("<u4")).tobytes()),
            "around": found.keep(b"".join(parts)),
            "which": found.keep(np.array(which, "<u4").tobytes()),
            "stream": len(found.streams) - 1,
            **({"values": values.tolist()} if few else {}),
        }
    )


def names_of(entry: dict[str, Any], fetch: Fetch) -> list[str]:
    """The files of an entry of images."""
    return fetch(entry["names"]).decode().split("\n")


def images_of(entry: dict[str, Any], rows: Rows, fetch: Fetch) -> Iterator[bytes]:
    """The bytes of each image's file; raises ValueError if the pixels are not the right ones."""
    from diabolo.uses.compress import sources

    sizes = sizes_of(entry, fetch)
    which = np.frombuffer(fetch(entry["which"]), "<u4").tolist()
    around = list(_split(fetch(entry["around"])))
    if len(which) != len(sizes) or (which and max(which) >= len(around)):
        raise ValueError("its directory has images that make no sense")
    values = entry.get("values")
    table = None if values is None else np.array(values, np.uint8)
    hashed = hashlib.sha256()
    tiles = _tiles(sizes)
    for number, image in zip(which, tiles.joined(rows(entry["stream"], tiles)), strict=True):
        pixels = image.astype(np.uint8) if table is None else table[image]
        hashed.update(pixels.tobytes())
        yield png(pixels, around[number])
    if sources.shown(hashed) != entry["hash"]:
        raise ValueError(
            "its images do not come back as they were: the file was damaged, or made with another "
            "model"
        )


def _tiles(sizes: np.ndarray) -> Tiles:
    """Of images of these heights and widths, (n, 2)."""
    from diabolo.uses.compress import sources

    if (sizes == sizes[0]).all():
        return sources.Tiles.equal(len(sizes), int(sizes[0, 0]), int(sizes[0, 1]))
    return sources.Tiles(sizes[:, 0], sizes[:, 1])


def sizes_of(entry: dict[str, Any], fetch: Fetch) -> np.ndarray:
    """Height and width of each image, (n, 2)."""
    content = fetch(entry["sizes"])
    if len(content) % 8:
        raise ValueError("its directory has images that make no sense")
    pairs = np.frombuffer(content, "<u4").reshape(2, -1).T
    if not len(pairs) or pairs.max() > 2**20 or pairs.min() < 1:
        raise ValueError("its directory has images that make no sense")
    if int(pairs.astype(np.int64).prod(1).sum()) * entry["channels"] != entry["size"]:
        raise ValueError("its directory has images that make no sense")
    return pairs.astype(np.int64)


def _split(content: bytes) -> Iterator[bytes]:
    """Pieces that each begin with their length."""
    place = 0
    while place < len(content):
        stop = place + 4 + int.from_bytes(content[place : place + 4], "little")
        if stop > len(content):
            raise ValueError("an image's metadata are cut short")
        yield content[place + 4 : stop]
        place = stop


class Unpacked:
    """A folder into which files are written, that is there whole or not at all.

    Everything goes into a new folder beside it, which takes its name at the end. A folder that is
    there already is replaced only if `force` and if it holds nothing but files of these names.
    """

    def __init__(self, folder: Path, names: Iterable[str], force: bool) -> None:
        self.folder, token = folder.absolute(), secrets.token_hex(8)
        parent = self.folder.parent
        if not parent.is_dir():
            raise FileNotFoundError(f"{parent} is no folder: create it first.")
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise FileExistsError(f"{folder} is there already and no folder: choose another name.")
        self._refuse_others(set(names), force)
        self.new, self.old = (parent / f".diabolo-{token}.{end}" for end in ("tmp", "old"))

    def _refuse_others(self, names: set[str], force: bool) -> None:
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_dir() and not path.is_symlink():
                continue
            if not force:
                raise FileExistsError(
                    f"{self.folder} is not empty: pass -f to replace it, or choose another folder."
                )
            if name not in names:
                raise FileExistsError(
                    f"{self.folder} holds {name}, which is not in the file: choose another folder."
                )

    def __enter__(self) -> Unpacked:
        self.new.mkdir()
        return self

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """A file of a checked name."""
        path = self.new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._take_place()
        finally:
            shutil.rmtree(self.new, ignore_errors=True)

    def _take_place(self) -> None:
        if self.folder.is_dir():
            os.rename(self.folder, self.old)
        try:
            os.rename(self.new, self.folder)
        except OSError:
            if self.old.exists():
                os.rename(self.old, self.folder)
            raise
        descriptor = os.open(self.folder.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        shutil.rmtree(self.old, ignore_errors=True)

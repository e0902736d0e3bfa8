"""Folders: images taken apart into pixels, all other files kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from diabolo.uses.compress.content import Content, shown
from diabolo.uses.compress.sources.columns import Fetch
from diabolo.uses.compress.sources.grids import Rows, Span
from diabolo.uses.compress.sources.material import Material, together
from diabolo.uses.compress.sources.names import checked_name
from diabolo.uses.compress.sources.planes import plane_of
from diabolo.uses.compress.sources.pngs import Png, is_png, parsed, pixels_of, png, reads_back
from diabolo.uses.compress.sources.tiles import DENSITIES, Tiles, counted, image_stream


def files_in(folder: Path) -> dict[str, Path]:
    """All files in a folder and below by their names in it, in the order of their paths.

    raises ValueError where there are none, or one of them has a name that no reader would take.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not paths:
        raise ValueError(f"{folder} holds no files.")
    return {checked_name(path.relative_to(folder).as_posix()): path for path in paths}


def add_folder(found: Material, folder: Path) -> None:
    """All files in a folder and below, in the order of their paths."""
    images: dict[int, list[tuple[str, Path, Png]]] = {}
    others: list[tuple[str, Content]] = []
    for name, path in files_in(folder).items():
        content = Content.of_file(path)
        found.original.append((name, content))
        look = _look(path)
        if look is None:
            others.append((name, content))
        else:
            images.setdefault(look.channels, []).append((name, path, look))
    if others:
        found.files.append(together(found.keep, others))
    for channels in sorted(images):
        _add_images(found, channels, images[channels])
    found.raw = sum(entry["size"] for entry in found.files)


def _look(path: Path) -> Png | None:
    """What a file is, if it is a PNG whose pixels come back."""
    if not is_png(path):
        return None
    content = path.read_bytes()
    look = parsed(content)
    return look if look is not None and reads_back(content, look) else None


def _add_images(found: Material, channels: int, images: list[tuple[str, Path, Png]]) -> None:
    """Images with the same channels, as one stream."""

    @lru_cache(maxsize=4)
    def pixels(number: int) -> np.ndarray:
        return pixels_of(images[number][1].read_bytes())

    sizes = np.array([(look.height, look.width) for _, _, look in images], np.int64)
    tiles = tiles_of(sizes)
    counts = np.zeros((channels, 256), np.int64)
    hashed = hashlib.sha256()
    for number in range(len(images)):
        image = pixels(number)
        hashed.update(image.tobytes())
        counts += counted(image)
    values = np.flatnonzero(counts.sum(0))
    few = len(values) <= 16
    table = np.searchsorted(values, np.arange(256)).astype(np.int16)
    levels = values if few else np.arange(256)
    planes = [plane_of(one[levels], DENSITIES) for one in counts]

    def read(first: int, last: int) -> np.ndarray:
        rows = tiles.cut(pixels, first, last, channels)
        return table[rows] if few else rows.astype(np.int16)

    around: dict[bytes, int] = {}
    which = [around.setdefault(look.around, len(around)) for _, _, look in images]
    parts = [len(piece).to_bytes(4, "little") + piece for piece in around]
    found.streams.append(image_stream(tiles, planes, read))
    found.files.append(
        {
            "kind": "images",
            "size": int(sizes.prod(1).sum()) * channels,
            "hash": shown(hashed),
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


def images_of(
    entry: dict[str, Any], rows: Rows, fetch: Fetch, span: Span = None
) -> Iterator[bytes]:
    """The bytes of each image's file; raises ValueError if the pixels are not the right ones.

    span : of these images alone, first and last (exclusive); the hash then says nothing
    """
    sizes = sizes_of(entry, fetch)
    which = np.frombuffer(fetch(entry["which"]), "<u4").tolist()
    around = list(_split(fetch(entry["around"])))
    if len(which) != len(sizes) or (which and max(which) >= len(around)):
        raise ValueError("its directory has images that make no sense")
    values = entry.get("values")
    table = None if values is None else np.array(values, np.uint8)
    hashed = hashlib.sha256()
    tiles, (first, last) = tiles_of(sizes), span or (0, len(sizes))
    found = rows(entry["stream"], tiles, tiles.of_images(first, last))
    for number, image in zip(which[first:last], tiles.joined(found, first, last), strict=True):
        pixels = image.astype(np.uint8) if table is None else table[image]
        hashed.update(pixels.tobytes())
        yield png(pixels, around[number])
    if span is None and shown(hashed) != entry["hash"]:
        raise ValueError(
            "its images do not come back as they were: the file was damaged, or made with another "
            "model"
        )


def tiles_of(sizes: np.ndarray) -> Tiles:
    """Of images of these heights and widths, (n, 2)."""
    if (sizes == sizes[0]).all():
        return Tiles.equal(len(sizes), int(sizes[0, 0]), int(sizes[0, 1]))
    return Tiles(sizes[:, 0], sizes[:, 1])


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

"""Compress photographs into one file, with loss."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diabolo import files as disk
from diabolo.uses.compress import container
from diabolo.uses.compress.content import Content, fingerprint, from_start
from diabolo.uses.compress.decompressing import verify
from diabolo.uses.compress.photographs.chunks import tiles
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.design import QUALITIES
from diabolo.uses.compress.photographs.encoder import ROUNDS, Encoder
from diabolo.uses.compress.photographs.models import Model, load_model, model_to_bytes, shipped
from diabolo.uses.compress.photographs.pictures import Picture, picture_in
from diabolo.uses.compress.photographs.restoring import Described, shown
from diabolo.uses.compress.pool import in_threads, one_thread_each
from diabolo.uses.compress.result import Report
from diabolo.uses.compress.sources.folders import files_in
from diabolo.uses.compress.sources.material import Material, together
from diabolo.uses.compress.sources.names import checked_name

QUALITY = 0.5
ENTRY = 60  # bytes of a photograph in the directory, about


class Measured(NamedTuple):
    """What a photograph came to."""

    name: str  # of the file that comes back
    original: int  # bytes of the file that went in
    size: int  # bytes of its chunks
    pixels: int
    psnr: float  # decibels, over all channels


@dataclass
class Lossy:
    """What compressing photographs came to.

    size     : bytes of the file
    original : bytes of the files that went in
    model    : bytes of the model in the file; 0 where it is kept elsewhere
    kept     : how many files are kept byte for byte
    """

    size: int = 0
    original: int = 0
    model: int = 0
    kept: int = 0
    photographs: list[Measured] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def bits(self) -> float:
        """A pixel of the photographs, by their chunks alone."""
        pixels = sum(one.pixels for one in self.photographs)
        return 8 * sum(one.size for one in self.photographs) / max(1, pixels)

    @property
    def psnr(self) -> float:
        """Mean over photographs."""
        return sum(one.psnr for one in self.photographs) / max(1, len(self.photographs))


class Coded(NamedTuple):
    """A photograph's chunks, and what the directory says of it, but for its profile."""

    chunks: list[bytes]
    entry: Described
    profile: bytes | None
    psnr: float


def compress_photographs(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    quality: float = QUALITY,
    model: str | os.PathLike[str] | None = None,
    embed: bool = False,
    n_threads: int | None = None,
    report: Report | None = None,
) -> Lossy:
    """Write the files of `source` to one file at `path`, photographs with loss.

    source  : a photograph or a folder. Other files in it, and photographs that would not get
              smaller, are kept byte for byte.
    quality : 0 … 1, in steps of 1/80; 0.2 more makes a file about half as large again
    model   : a file that `save_model` wrote; None: the one that comes with diabolo
    embed   : put the model into the file, so that it can be decompressed without it
    report  : told what is going on

    Photographs come back as PNG files, with the same pixels on every machine.
    raises OSError, ValueError with one sentence. What was at `path` is replaced only by a whole
    file.
    """
    if not 0 <= quality <= 1:
        raise ValueError(f"A quality is a number between 0 and 1, not {quality}.")
    disk.check_writable(path)
    report = report or (lambda *_: None)
    paths = _files(Path(source).expanduser())
    chosen = shipped() if model is None else load_model(model)
    result = Lossy(original=sum(one.stat().st_size for one in paths.values()))
    with tempfile.TemporaryFile(dir=Path(path).absolute().parent) as room:
        with one_thread_each():
            room.writelines(_pieces(paths, chosen, embed, quality, result, n_threads, report))
        result.size = room.tell()
        container.write(path, from_start(room))
    verify(path, None, chosen, n_threads, report)
    return result


def _files(source: Path) -> dict[str, Path]:
    """Files by the names that they have in the file."""
    if not source.exists():
        raise FileNotFoundError(f"There is no file or folder {str(source)!r}.")
    return files_in(source) if source.is_dir() else {checked_name(source.name): source}


def _pieces(
    paths: dict[str, Path],
    model: Model,
    embed: bool,
    quality: float,
    result: Lossy,
    n_threads: int | None,
    report: Report,
) -> Iterator[bytes]:
    """The file."""
    writer, material = container.Writer(), Material()
    yield container.HEAD
    entry: dict[str, Any] = {"kind": "photographs", "size": 0, "model": model.hash, "pictures": []}
    if embed:
        packed = model_to_bytes(model)
        yield writer.section(packed)
        entry["section"], result.model = 0, len(packed)
    entry["first"] = len(writer.sections)
    encoder = Encoder(Codec.of(model.design, model.whole), model.decoder)
    number = round(quality * QUALITIES)
    names = _names(paths)

    def one(name: str) -> Coded | str | None:
        found = picture_in(paths[name])
        return found if not isinstance(found, Picture) else coded(encoder, found, number)

    others: list[tuple[str, Content]] = []
    for done, (name, found) in enumerate(
        zip(paths, in_threads(one, list(paths), n_threads), strict=True), 1
    ):
        report("coding", done, len(paths), 0)
        original = paths[name].stat().st_size
        if not isinstance(found, Coded) or sum(map(len, found.chunks)) + ENTRY >= original:
            others.append((name, Content.of_file(paths[name])))
            result.notes += _why(name, found)
            continue
        yield from map(writer.section, found.chunks)
        described = found.entry._replace(name=names[name], profile=_kept(material, found.profile))
        entry["pictures"].append(list(described))
        entry["size"] += described.size
        pixels, size = described.height * described.width, sum(map(len, found.chunks))
        result.photographs.append(Measured(names[name], original, size, pixels, found.psnr))
    result.kept = len(others)
    files = [entry] if entry["pictures"] else []
    if others:
        files.append(together(material.keep, others))
    yield from writer.keep(material.kept)
    yield writer.directory({"files": files, "streams": [], "kept": writer.kept})


def _names(paths: Iterable[str]) -> dict[str, str]:
    """What each photograph is called when it comes back: photo.jpg is photo.png then.

    Where something has that name already, photo.jpg.png.
    """
    found: dict[str, str] = {}
    taken = {name.casefold() for name in paths}
    for name in paths:
        new = Path(name).with_suffix(".png").as_posix()
        if new.casefold() != name.casefold() and new.casefold() in taken:
            new = f"{name}.png"
            while new.casefold() in taken:
                new += ".png"
        taken.add(new.casefold())
        found[name] = new
    return found


def _why(name: str, found: Coded | str | None) -> list[str]:
    """A note on a file that is kept byte for byte, where a photograph was expected."""
    if isinstance(found, Coded):
        return [f"{name} is kept as it is: it would not get smaller"]
    return [] if found is None else [f"{name} is kept as it is: {found}"]


def _kept(material: Material, profile: bytes | None) -> int:
    """The number of the kept bytes of a profile, each of which is kept once."""
    if profile is None:
        return -1
    return material.kept.index(profile) if profile in material.kept else material.keep(profile)


def coded(encoder: Encoder, picture: Picture, quality: int, rounds: int = ROUNDS) -> Coded:
    """A photograph at a quality of 0 … 80."""
    height, width, channels = picture.pixels.shape
    y = encoder.analysed(picture.colours)
    latents = np.empty(y.shape, np.int16)
    chunks = []
    for tile in tiles(*y.shape[1:]):
        found = encoder.encoded(picture.colours, y, quality, tile, rounds)
        latents[:, *tile.within()] = found.latents
        chunks.append(found.record.content())
    entry = Described("", height, width, channels, quality, "", -1)
    pixels = np.ascontiguousarray(shown(encoder.decoder, entry, latents))
    error = np.square(pixels.astype(np.int32) - picture.pixels).mean()
    psnr = 10 * math.log10(255**2 / error) if error else math.inf
    return Coded(chunks, entry._replace(hash=fingerprint(pixels.data)), picture.profile, psnr)

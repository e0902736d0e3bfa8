"""Compress a source into one file; decompress it to the same bytes, or say why not."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from threadpoolctl import threadpool_limits

from diabolo import files as disk
from diabolo.files import DamagedFileError
from diabolo.uses.compress import container, sources, streams
from diabolo.uses.compress.chunks import Coded, Model
from diabolo.uses.compress.folders import Unpacked, images_of, names_of
from diabolo.uses.compress.layout import Layout
from diabolo.uses.compress.sources import Material
from diabolo.uses.compress.streams import Stream
from diabolo.uses.compress.training import train

SETS = ("images", "parts")  # kinds of many files
LIMIT = 2**30  # bytes that are unpacked unless more are allowed
SECONDS = 180.0
ENOUGH = 40_000  # steps after which training gains next to nothing
UNITS = (96, 64, 48, 32, 24, 16, 12, 8, 4)
MODEL_SHARE = 0.03  # of zstandard's bytes that a model may cost, about

Report = Callable[[str, float, float, float], None]  # stage, done, of, bits a value


@dataclass
class Result:
    """What compressing came to.

    size     : bytes of the file
    original : bytes that come back
    values   : symbols that a model coded; 0 where zstandard kept everything
    model    : bytes of the models in the file
    coded    : bytes of all chunks
    ideal    : bits that the symbols take by the models' probabilities
    zstandard : bytes of the same files packed by zstandard at level 19
    fallback : whether zstandard was better
    training : seconds of training
    coding   : seconds of coding
    steps    : of training
    notes    : what a user should know
    """

    size: int = 0
    original: int = 0
    values: int = 0
    coded: int = 0
    ideal: float = 0.0
    model: int = 0
    zstandard: int = 0
    fallback: bool = False
    training: float = 0.0
    coding: float = 0.0
    steps: int = 0
    models: list[Model] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compress(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    embed: bool = False,
    seconds: float = SECONDS,
    steps: int | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    report: Report | None = None,
) -> Result:
    """Write the files of `source` to one file at `path`, from which they come back exactly.

    model   : a file that `save_model` wrote; without one, models are trained on the source itself
              and embedded.
    embed   : put the given model into the file, so that it can be decompressed without it
    seconds : of training at most, in all
    steps   : of training at most, for each stream
    report  : told what is going on

    The file is never larger than what zstandard at level 19 makes of the same files, by more than
    200 bytes and their names: where the models do not gain, it holds just that.
    raises OSError, ValueError with one sentence. What was at `path` is replaced only by a whole
    file.
    """
    disk.check_writable(path)
    report = report or (lambda *_: None)
    material = sources.material(source)
    result = Result(original=sum(entry["size"] for entry in material.files))
    given = None if model is None else load_model(model)
    report("zstandard", 0, 1, 0)
    plain = container.pack(b"".join(content() for _, content in material.original))
    result.zstandard = len(plain)
    with tempfile.TemporaryFile(dir=Path(path).absolute().parent) as room, _one_thread_each():
        gains = material.streams and _coded(
            room, material, result, given, embed, seconds, steps, seed, n_threads, report
        )
        if not gains:
            room.seek(0)
            room.truncate()
            _kept(room, material, plain, result)
        room.seek(0)
        container.write(path, iter(partial(room.read, 2**20), b""))
    _check(path, material, result, given, n_threads, report)
    return result


def _coded(
    room: IO[bytes],
    material: Material,
    result: Result,
    given: Model | None,
    embed: bool,
    seconds: float,
    steps: int | None,
    seed: int,
    n_threads: int | None,
    report: Report,
) -> bool:
    """Write the file as the models code it; whether that is smaller than zstandard's."""
    writer = container.Writer()
    room.write(container.HEAD)
    kept = []
    for content in material.kept:
        room.write(writer.section(container.pack(content)))
        kept.append(len(writer.sections) - 1)
    described = []
    total = sum(stream.symbols for stream in material.streams) or 1
    for number, stream in enumerate(material.streams):
        share = stream.symbols / total
        fits = given is not None and given.layout == stream.layout
        if fits:
            assert given is not None
            model = given
        else:
            if given is not None:
                result.notes.append(
                    f"the model was made for other data than stream {number}: trained a new one"
                )
            model = _trained(
                stream, result, seconds * share, steps, seed, n_threads,
                partial(report, "training"), share,
            )  # fmt: skip
        entry: dict[str, Any] = {}
        entry["hash"] = streams.model_hash(model)
        if not fits or embed:
            packed = streams.model_to_bytes(model)
            room.write(writer.section(packed))
            entry["model"] = len(writer.sections) - 1
            result.model += len(packed)
        result.models.append(model)
        chunks = []
        began = time.monotonic()
        for coded, rows in _encoded(stream, model, n_threads, report):
            room.write(writer.section(coded.content))
            result.coded += len(coded.content)
            result.ideal += coded.bits
            chunks.append([len(writer.sections) - 1, coded.lanes, rows])
            if room.tell() > result.zstandard:
                return False
        result.coding += time.monotonic() - began
        described.append({**entry, "chunks": chunks})
        result.values += stream.symbols
    document = {"files": material.files, "streams": described, "kept": kept}
    room.write(writer.directory(document))
    result.size = room.tell()
    names = sum(len(name) for name, _ in material.original)
    return result.size <= result.zstandard + 100 + names


def _kept(room: IO[bytes], material: Material, plain: bytes, result: Result) -> None:
    """Write the file as zstandard packs it."""
    writer = container.Writer()
    room.write(container.HEAD + writer.section(plain))
    kept: list[int] = []

    def keep(content: bytes) -> int:
        if kept:  # what comes first are all files together, and they are there already
            room.write(writer.section(container.pack(content)))
        kept.append(len(writer.sections) - 1)
        return len(kept) - 1

    entry = sources.together(keep, [(name, content()) for name, content in material.original])
    document = {"files": [entry], "streams": [], "kept": kept}
    room.write(writer.directory(document))
    result.size = room.tell()
    result.original = entry["size"]
    result.fallback, result.values, result.model, result.models = True, 0, 0, []


def _trained(
    stream: Stream,
    result: Result,
    seconds: float,
    steps: int | None,
    seed: int,
    n_threads: int | None,
    report: Callable[[float, float, float], None],
    share: float,
) -> Model:
    """A model for this stream: as large as its data pay for."""
    rows, sizes = _sample(stream, seed)
    units = _units(stream.layout, result.zstandard * share)
    done = train(
        stream.layout,
        rows,
        [units] * len(stream.layout.planes),
        sizes=sizes,
        steps=min(steps or ENOUGH, ENOUGH),
        seconds=seconds,
        seed=seed,
        n_threads=n_threads,
        report=report,
    )
    result.training += done.seconds
    result.steps += done.steps
    return Model(stream.layout, done.weights)


MOST_TRAINED_ON = 2**25  # symbols


def _sample(stream: Stream, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows to train on: all, or as many as fit into some memory, from all over the stream."""
    size = stream.layout.cells * len(stream.layout.planes)
    most = max(1, MOST_TRAINED_ON // size)
    if stream.count <= most:
        return stream.read(0, stream.count), stream.sizes(0, stream.count)
    each = max(1, most // 64)
    firsts = np.linspace(0, stream.count - each, 64).astype(int).tolist()
    rows = np.concatenate([stream.read(first, first + each) for first in firsts])
    sizes = [stream.sizes(first, first + each) for first in firsts]
    if all(one is None for one in sizes):
        return rows, None
    whole = np.full((each, 2), (stream.layout.height, stream.layout.width))
    return rows, np.concatenate([whole if one is None else one for one in sizes])


def _units(layout: Layout, budget: float) -> tuple[int, int]:
    """Hidden units such that the weights take a small share of the bytes."""
    from diabolo.uses.compress.layout import Inputs
    from diabolo.uses.compress.network import shapes

    for one in UNITS:
        two = min(one, 32)
        size = 0
        for c, plane in enumerate(layout.planes):
            if plane.outputs:
                wanted = shapes(plane, Inputs(layout, c), layout.positions.shape[1], (one, two))
                size += sum(math.prod(shape) for shape in wanted.values())  # a byte each
        if size <= MODEL_SHARE * budget:
            return one, two
    return UNITS[-1], UNITS[-1]


def _encoded(
    stream: Stream, model: Model, n_threads: int | None, report: Report
) -> Iterator[tuple[Coded, int]]:
    """Each chunk, and its rows, in order."""
    chunks = stream.chunks()

    def one(chunk: tuple[int, int]) -> tuple[Coded, int]:
        first, last = chunk
        coded = model.encode(stream.read(first, last), None, stream.sizes(first, last))
        return coded, last - first

    for done, coded in enumerate(_in_order(one, chunks, n_threads), 1):
        report("coding", done, len(chunks), 0)
        yield coded


def _in_order(
    function: Callable[[Any], Any], items: Iterable[Any], n_threads: int | None
) -> Iterator[Any]:
    """function(item) of every item in order, a few at a time in threads."""
    workers = max(1, n_threads or min(os.cpu_count() or 1, 8))
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Products are small: threads are for chunks. BLAS threads beside a busy neighbour wait."""
    with threadpool_limits(1, user_api="blas"):
        yield


def _check(
    path: str | os.PathLike[str],
    material: Material,
    result: Result,
    given: Model | None,
    n_threads: int | None,
    report: Report,
) -> None:
    """Decode the file just written and compare every hash; a file that fails is removed."""
    try:
        with container.opened(path) as reader:
            contents = Contents(reader, given, 2**63, n_threads)
            contents.report = report
            for _, pieces in contents.all():
                for _ in pieces:
                    pass
    except DamagedFileError as error:
        os.unlink(path)
        raise RuntimeError(
            f"{path} did not decode to what went in, and was removed: please report this ({error})"
        ) from error


# back


class Contents:
    """The files within an open file, as its directory describes them."""

    def __init__(
        self,
        reader: container.Reader,
        model: Model | None = None,
        limit: int = LIMIT,
        n_threads: int | None = None,
    ) -> None:
        self.reader, self.given, self.limit = reader, model, limit
        self.n_threads = n_threads
        self.report: Report = lambda *_: None
        document = reader.document
        self.files: list[dict[str, Any]] = _listed(document, "files", dict)
        self.streams: list[dict[str, Any]] = _listed(document, "streams", dict)
        self.kept: list[Any] = _listed(document, "kept", int)
        self._models: dict[str, Model] = {}
        self._open: dict[int, Iterator[np.ndarray]] = {}
        if not self.files:
            raise ValueError("its directory has no files")
        self._held: dict[int, bytes] = {}
        sizes = [entry.get("size") for entry in self.files]
        if not all(type(size) is int and size >= 0 for size in sizes):
            raise ValueError("its directory has a file of an impossible size")
        total = sum(size for size in sizes if size)
        if total > limit:
            raise ValueError(
                f"it unpacks to {total:,} bytes, and {limit:,} are allowed: raise --limit if you "
                "trust it"
            )
        self.groups: list[tuple[dict[str, Any], list[Any]]] = [
            (
                entry,
                names_of(entry, self._fetch) if entry.get("kind") in SETS else [entry.get("name")],
            )
            for entry in self.files
        ]
        self.names = [name for _, names in self.groups for name in names]
        _check_names(self.names)

    def all(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Every file's name and its bytes in pieces; take the pieces before the next file.

        raises ValueError at the end of a file, or of a set of images, that is not the right one.
        """
        for entry, names in self.groups:
            if entry.get("kind") == "images":
                contents = images_of(entry, self._rows, self._fetch)
            elif entry.get("kind") == "parts":
                contents = sources.parts(entry, self._fetch)
            else:
                yield names[0], self._whole(entry)
                continue
            for name, content in zip(names, contents, strict=True):
                yield name, iter([content])

    def _whole(self, entry: dict[str, Any]) -> Iterator[bytes]:
        hashed, size = hashlib.sha256(), 0
        for piece in sources.restored(entry, self._rows, self._fetch):
            size += len(piece)
            if size > entry["size"]:
                raise ValueError(f"{entry['name']!r} unpacks to more bytes than it should")
            hashed.update(piece)
            yield piece
        if size != entry["size"] or sources.shown(hashed) != entry["hash"]:
            raise ValueError(
                f"{entry['name']!r} does not come back as it was: the file was damaged, or made "
                "with another model"
            )

    def _fetch(self, number: Any) -> bytes:
        if type(number) is not int or not 0 <= number < len(self.kept):
            raise ValueError("its directory names kept bytes that are not there")
        if number not in self._held:
            content = self.reader.section(self.kept[number])
            self._held = {number: container.unpack(content, min(self.limit, 2**31))}
        return self._held[number]

    def _rows(self, number: Any, lie: sources.Tiles | int) -> Iterator[np.ndarray]:
        """All rows of a stream: of tiles of images, or of so many rows of a table."""
        if type(number) is not int or not 0 <= number < len(self.streams):
            raise ValueError("its directory names a stream that is not there")
        stream = self.streams[number]
        model = self.model(stream)
        layout = model.layout
        pieces = sources.Pieces(lie, layout.height) if isinstance(lie, int) else lie
        if (pieces.height, pieces.width) != (layout.height, layout.width):
            raise ValueError("its directory has a stream of another shape than its model's")
        chunks = self._chunks(stream, pieces.count, layout)

        def one(chunk: tuple[int, int, int, int]) -> np.ndarray:
            section, lanes, first, last = chunk
            content = self.reader.section(section)
            return model.decode(content, last - first, lanes, pieces.sizes(first, last))

        for done, rows in enumerate(_in_order(one, chunks, self.n_threads), 1):
            self.report("decoding", done, len(chunks), 0)
            yield from rows

    def _chunks(
        self, stream: dict[str, Any], count: int, layout: Layout
    ) -> list[tuple[int, int, int, int]]:
        """Section, lanes, first and last row of every chunk."""
        chunks, place = [], 0
        steps = layout.cells * len(layout.planes)
        most = max(1, 4 * streams.CHUNK // steps)
        for chunk in _listed(stream, "chunks", list):
            if len(chunk) != 3 or not all(type(value) is int for value in chunk):
                raise ValueError("its directory has a chunk that makes no sense")
            section, lanes, rows = chunk
            if not 1 <= lanes <= rows <= most or -(-rows // lanes) * steps > streams.MOST_STEPS:
                raise ValueError("its directory has a chunk that makes no sense")
            chunks.append((section, lanes, place, place + rows))
            place += rows
        if place != count:
            raise ValueError("its directory has a stream that is too short or too long")
        return chunks

    def model(self, stream: dict[str, Any]) -> Model:
        """The model of a stream: from the file, or the one that was handed in."""
        wanted = stream.get("hash")
        if not isinstance(wanted, str):
            raise ValueError("its directory makes no sense")
        if wanted in self._models:
            return self._models[wanted]
        if "model" in stream:
            model = streams.model_from_bytes(self.reader.section(stream["model"]))
            if streams.model_hash(model) != wanted:
                raise ValueError("the model in it is not the one it was made with")
        elif self.given is None:
            raise ValueError(
                f"it was made with a model that is not in it: pass that with --model (its hash is "
                f"{wanted})"
            )
        else:
            model = self.given
            found = streams.model_hash(model)
            if found != wanted:
                raise ValueError(
                    f"it was made with another model than the one you passed (hash {wanted}, yours "
                    f"has {found})"
                )
        self._models[wanted] = model
        return model


def decompress(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    limit: int = LIMIT,
    force: bool = False,
    n_threads: int | None = None,
    report: Report | None = None,
) -> list[Path]:
    """Write the files in it to `folder`, all of them or none; their paths.

    model : the file of the model, where it is not within
    limit : bytes that may be unpacked
    raises DamagedFileError with one sentence, and OSError.
    """
    given = None if model is None else load_model(model)
    with container.opened(path) as reader, _one_thread_each():
        contents = Contents(reader, given, limit, n_threads)
        contents.report = report or contents.report
        with Unpacked(Path(folder), contents.names, force) as target:
            for name, pieces in contents.all():
                target.write(name, pieces)
    return [Path(folder) / name for name in contents.names]


def _listed(document: dict[str, Any], name: str, kind: type) -> list[Any]:
    found = document.get(name)
    if not isinstance(found, list) or not all(type(item) is kind for item in found):
        raise ValueError(f"its directory has no proper list of {name}")
    return found


def _check_names(given: list[Any]) -> None:
    """Whether each can be put into a folder of its own, without one in the place of another."""
    names: set[str] = set()
    folders: set[str] = set()
    if len(given) > sources.MOST_FILES:
        raise ValueError(f"its directory has {len(given)} files, more than are allowed")
    for name in map(sources.checked_name, given):
        parts = name.casefold().split("/")
        above = {"/".join(parts[:k]) for k in range(1, len(parts))}
        if name.casefold() in names | folders or above & names:
            raise ValueError(f"its directory has two files of the name {name!r:.80}")
        names.add(name.casefold())
        folders |= above


# models of their own


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to a file of its own (safetensors under a hash)."""
    content = np.frombuffer(streams.model_to_bytes(model), np.uint8)
    disk.write_sealed(path, {"model": content}, {"purpose": "compression"})


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file; raises DamagedFileError with one sentence."""
    arrays, header = disk.read_sealed(path)
    if header.get("purpose") != "compression" or "model" not in arrays:
        raise DamagedFileError(
            f"{path} is no model for compression: make one with diabolo compress --keep-model."
        )
    try:
        return streams.model_from_bytes(arrays["model"].tobytes())
    except (ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise DamagedFileError(f"Cannot use {path}: {error}.") from error

"""What is in a compressed file, and back to the same bytes, or why not."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container, ranges
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.layout import Layout
from diabolo.uses.compress.coding.models import load_model, model_from_bytes, model_hash
from diabolo.uses.compress.coding.streams import CHUNK, MOST_STEPS
from diabolo.uses.compress.content import shown
from diabolo.uses.compress.photographs import models as photographs
from diabolo.uses.compress.photographs.restoring import described, photographs_of
from diabolo.uses.compress.pool import in_processes, one_thread_each
from diabolo.uses.compress.result import Report
from diabolo.uses.compress.sources.arrays import checked_shape
from diabolo.uses.compress.sources.files import OF_VALUES, restored, restored_rows, rows_in
from diabolo.uses.compress.sources.folders import images_of, names_of, sizes_of, tiles_of
from diabolo.uses.compress.sources.grids import Pieces, Span
from diabolo.uses.compress.sources.material import parts
from diabolo.uses.compress.sources.names import check_names
from diabolo.uses.compress.sources.tiles import Tiles
from diabolo.uses.compress.sources.unpacked import Unpacked

PICTURES = ("images", "photographs")  # kinds of many files of which some can be had alone
SETS = (*PICTURES, "parts")  # kinds of many files
Files = Iterator[tuple[str, Iterator[bytes]]]  # names, and bytes in pieces
LIMIT = 2**30  # bytes that are unpacked unless more are allowed


class Contents:
    """The files within an open file, as its directory describes them."""

    def __init__(
        self,
        reader: container.Reader,
        model: Model | None = None,
        limit: int = LIMIT,
        n_threads: int | None = None,
        wanted: ranges.Wanted = None,
        damaged: bool = False,
        photographs: photographs.Model | None = None,
    ) -> None:
        """
        wanted  : whether a file of a name is wanted; None: all are
        damaged : leave out files whose names cannot be had, instead of raising
        """
        self.reader, self.given, self.limit = reader, model, limit
        self.wanted = wanted or (lambda name: True)
        self.photographs = photographs
        self.n_threads = n_threads
        self.report: Report = lambda *_: None
        document = reader.document
        self.files: list[dict[str, Any]] = _listed(document, "files", dict)
        self.streams: list[dict[str, Any]] = _listed(document, "streams", dict)
        self.kept: list[Any] = _listed(document, "kept", int)
        self._models: dict[str, Model] = {}
        if not self.files:
            raise ValueError("its directory has no files")
        self._held: dict[int, bytes] = {}
        sizes = [entry.get("size") for entry in self.files]
        if not all(type(size) is int and size >= 0 for size in sizes):
            raise ValueError("its directory has a file of an impossible size")
        total = sum(size for size in sizes if size)
        if total > limit:
            raise ValueError(_too_much(total, limit))
        self.groups: list[tuple[dict[str, Any], list[Any]]] = []
        self.unnamed: list[str] = []  # why names of files cannot be had
        for entry in self.files:
            try:
                self.groups.append((entry, self._names(entry)))
            except ValueError as error:
                if not damaged:
                    raise
                self.unnamed.append(str(error))
        self.names = [name for _, names in self.groups for name in names]
        check_names(self.names)

    def _names(self, entry: dict[str, Any]) -> list[Any]:
        if entry.get("kind") == "photographs":
            return [picture.name for picture in described(entry)]
        if entry.get("kind") in SETS:
            return names_of(entry, self._fetch)
        return [entry.get("name")]

    def all(self) -> Files:
        """Every wanted file's name and its bytes in pieces; take these before the next file.

        raises ValueError at the end of a file, or of a set of images, that is not the right one.
        """
        for entry, names in self.groups:
            chosen = [self.wanted(name) for name in names]
            if entry.get("kind") in PICTURES and not all(chosen):
                for first, last in ranges.runs(chosen):
                    yield from self.images(entry, names, first, last)
            elif any(chosen):
                yield from self.of(entry, names)

    def of(self, entry: dict[str, Any], names: list[Any]) -> Files:
        """The wanted files of an entry of the directory."""
        if entry.get("kind") in PICTURES:
            contents = self._pictures(entry)
        elif entry.get("kind") == "parts":
            yield from self._parts(entry, names)
            return
        else:
            yield names[0], self._whole(entry)
            return
        for name, pieces in self._each(names, contents):
            if self.wanted(name):
                yield name, pieces

    def _parts(self, entry: dict[str, Any], names: list[Any]) -> Files:
        """The wanted ones of files that are kept one behind the other."""
        whole = self._whole(entry)
        for name, pieces in zip(names, parts(entry, self._fetch, whole), strict=True):
            if self.wanted(name):
                yield name, pieces
            deque(pieces, 0)  # what was not taken, for the hash is one of all
        deque(whole, 0)  # compares it

    def images(self, entry: dict[str, Any], names: list[Any], first: int, last: int) -> Files:
        """Images of a set; chunks that hold none of them are not read."""
        yield from self._each(names[first:last], self._pictures(entry, (first, last)))

    def _pictures(self, entry: dict[str, Any], span: Span = None) -> Iterator[bytes]:
        if entry["kind"] == "images":
            return images_of(entry, self._rows, self._fetch, span)
        return photographs_of(
            entry, self.reader, self._fetch, self.photographs, self.n_threads, self.report, span
        )

    def _each(self, names: list[Any], contents: Iterator[bytes]) -> Files:
        written = 0
        for name, content in zip(names, contents, strict=True):
            written += len(content)  # of images: with what is around the pixels
            if written > self.limit:
                raise ValueError(_too_much(written, self.limit))
            yield name, iter([content])

    def rows_of(self, entry: dict[str, Any], first: int, last: int) -> Iterator[bytes]:
        """A file with these of its rows alone; chunks that hold none of them are not read."""
        return restored_rows(entry, self._rows, self._fetch, first, last)

    def whole_rows(self, entry: dict[str, Any]) -> list[tuple[int, int]]:
        """First and last (exclusive) of the rows, or images, all of whose chunks are whole."""
        if entry.get("kind") == "photographs":  # each for itself: it has a hash of its own
            return [(number, number + 1) for number in range(len(described(entry)))]
        where = entry.get("table", entry.get("images", entry))
        if "stream" not in where:
            return [(0, where["rows"])]
        stream = self._stream(where["stream"])
        lie = self._lie(entry, self.model(stream).layout.height)
        found: list[tuple[int, int]] = []
        for section, _, first, last in self._chunks(stream, lie.count, self.model(stream).layout):
            try:
                self.reader.section(section)
            except ValueError:
                continue
            joins = bool(found) and found[-1][1] == first
            found.append((found.pop()[0] if joins else first, last))
        spans = [lie.within(first, last) for first, last in found]
        return [(first, last) for first, last in spans if first < last]

    def _lie(self, entry: dict[str, Any], height: int) -> Pieces | Tiles:
        """How the rows of an entry, or its images, lie in their stream."""
        if "table" in entry:
            return Pieces(rows_in(entry) or 0, height)
        if entry.get("kind") == "images":
            return tiles_of(sizes_of(entry, self._fetch))
        return Tiles.equal(*checked_shape(entry["shape"])[:3])

    def _whole(self, entry: dict[str, Any]) -> Iterator[bytes]:
        if entry.get("kind") in OF_VALUES:
            yield from restored(entry, self._rows, self._fetch)
            return
        if entry.get("kind") in ("bytes", "parts"):
            pieces = self._unpacked(entry["kept"])
        else:
            pieces = restored(entry, self._rows, self._fetch)
        hashed, size = hashlib.sha256(), 0
        for piece in pieces:
            size += len(piece)
            if size > entry["size"]:
                raise ValueError(f"{_called(entry)} unpacks to more bytes than it should")
            hashed.update(piece)
            yield piece
        if size != entry["size"] or shown(hashed) != entry["hash"]:
            raise ValueError(
                f"{_called(entry)} does not come back as it was: the file was damaged, or made "
                "with another model"
            )

    def _unpacked(self, number: Any) -> Iterator[bytes]:
        """Kept bytes, piece by piece."""
        return container.unpacked(self.reader.pieces(self._kept(number)), self.limit)

    def _fetch(self, number: Any) -> bytes:
        if number not in self._held:
            content = self.reader.section(self._kept(number))
            self._held = {number: container.unpack(content, min(self.limit, 2**31))}
        return self._held[number]

    def _kept(self, number: Any) -> int:
        """The section of kept bytes."""
        if type(number) is not int or not 0 <= number < len(self.kept):
            raise ValueError("its directory names kept bytes that are not there")
        return int(self.kept[number])

    def _rows(self, number: Any, lie: Tiles | int, span: Span = None) -> Iterator[np.ndarray]:
        """Rows of a stream: of tiles of images, or of so many rows of a table.

        span : of these tiles, or of pieces that hold these rows of the table; None: all
        Only chunks that hold some of them are read.
        """
        stream = self._stream(number)
        model = self.model(stream)
        layout = model.layout
        pieces = Pieces(lie, layout.height) if isinstance(lie, int) else lie
        if (pieces.height, pieces.width) != (layout.height, layout.width):
            raise ValueError("its directory has a stream of another shape than its model's")
        begin, end = pieces.holding(span)
        chunks = self._chunks(stream, pieces.count, layout)
        wanted = [chunk for chunk in chunks if chunk[2] < end and chunk[3] > begin]

        coded = (
            (self.reader.section(section), last - first, lanes, pieces.sizes(first, last))
            for section, lanes, first, last in wanted
        )
        symbols = sum(last - first for *_, first, last in wanted) * layout.symbols
        decoded = in_processes(model.decode, coded, self.n_threads, len(wanted), symbols)
        for done, (rows, chunk) in enumerate(zip(decoded, wanted, strict=True), 1):
            self.report("decoding", done, len(wanted), 0)
            first = chunk[2]
            yield from rows[max(0, begin - first) : end - first]

    def _stream(self, number: Any) -> dict[str, Any]:
        if type(number) is not int or not 0 <= number < len(self.streams):
            raise ValueError("its directory names a stream that is not there")
        return self.streams[number]

    def _chunks(
        self, stream: dict[str, Any], count: int, layout: Layout
    ) -> list[tuple[int, int, int, int]]:
        """Section, lanes, first and last row of every chunk."""
        chunks, place = [], 0
        steps = layout.symbols
        most = max(1, 4 * CHUNK // steps)
        for chunk in _listed(stream, "chunks", list):
            if len(chunk) != 3 or not all(type(value) is int for value in chunk):
                raise ValueError("its directory has a chunk that makes no sense")
            section, lanes, rows = chunk
            if not 1 <= lanes <= rows <= most or -(-rows // lanes) * steps > MOST_STEPS:
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
            model = model_from_bytes(self.reader.section(stream["model"]))
            if model_hash(model) != wanted:
                raise ValueError("the model in it is not the one it was made with")
        elif self.given is None:
            raise ValueError(
                f"it was made with a model that is not in it: pass that with --model (its hash is "
                f"{wanted})"
            )
        else:
            model = self.given
            found = model_hash(model)
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
    files: Sequence[str] | None = None,
    rows: ranges.Rows | None = None,
    limit: int = LIMIT,
    force: bool = False,
    n_threads: int | None = None,
    report: Report | None = None,
) -> list[Path]:
    """Write the files in it to `folder`, all of them or none; their paths.

    model : the file of the model, where it is not within
    files : patterns such as "*.png"; only files whose name fits one are written
    rows  : first and last (exclusive) of the only rows that are written, to files whose names say
            so: rows 1000 … 1999 of x.npy to x.rows-1000-1999.npy. Chunks that hold none of them
            are not read.
    limit : bytes that may be unpacked
    raises DamagedFileError with one sentence, and OSError.
    """
    given, pictures = models_in(model)
    with container.opened(path) as reader, one_thread_each():
        contents = Contents(
            reader, given, limit, n_threads, ranges.fitting(files), photographs=pictures
        )
        contents.report = report or contents.report
        names, found = _chosen(contents, rows)
        with Unpacked(Path(folder), names, force) as target:
            for name, pieces in found:
                target.write(name, pieces)
    return [Path(folder) / name for name in names]


def _chosen(contents: Contents, rows: ranges.Rows | None) -> tuple[list[str], Files]:
    """Names of the files to write, and all of these files."""
    names = [name for name in contents.names if contents.wanted(name)]
    if not names:
        some = ", ".join(contents.names[:5]) + (", …" if len(contents.names) > 5 else "")
        raise ValueError(f"it holds no file of such a name, but {some}")
    if rows is None:
        return names, contents.all()
    plan = []
    for entry, group in contents.groups:
        for name in filter(contents.wanted, group):
            count = None if entry.get("kind") in SETS else rows_in(entry)
            if count is None:
                raise ValueError(f"{name} is kept as a whole: no rows of it can be had alone")
            first, last = ranges.span_of(rows, count, name)
            plan.append((ranges.part_name(name, first, last), entry, first, last))
    return [name for name, *_ in plan], (
        (name, contents.rows_of(entry, first, last)) for name, entry, first, last in plan
    )


def verify(
    path: str | os.PathLike[str],
    given: Model | None,
    pictures: photographs.Model | None,
    n_threads: int | None,
    report: Report,
) -> None:
    """Decode a file that was just written and compare every hash; one that fails is removed."""
    try:
        with container.opened(path) as reader:
            contents = Contents(reader, given, 2**63, n_threads, photographs=pictures)
            contents.report = report
            for _, pieces in contents.all():
                for _ in pieces:
                    pass
    except DamagedFileError as error:
        os.unlink(path)
        raise RuntimeError(
            f"{path} did not decode to what went in, and was removed: please report this ({error})"
        ) from error


def models_in(path: str | os.PathLike[str] | None) -> tuple[Model | None, photographs.Model | None]:
    """What a file of a model holds: one of symbols, or one of photographs."""
    if path is None:
        return None, None
    if photographs.is_one(path):
        return None, photographs.load_model(path)
    return load_model(path), None


def _listed(document: dict[str, Any], name: str, kind: type) -> list[Any]:
    found = document.get(name)
    if not isinstance(found, list) or not all(type(item) is kind for item in found):
        raise ValueError(f"its directory has no proper list of {name}")
    return found


def _called(entry: dict[str, Any]) -> str:
    return repr(entry["name"]) if "name" in entry else "a set of files"


def _too_much(size: int, limit: int) -> str:
    return f"it unpacks to {size:,} bytes, and {limit:,} are allowed: raise --limit if you trust it"

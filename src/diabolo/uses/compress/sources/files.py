"""Whatever the user has → streams of symbols and kept bytes; and back to the same bytes.

    one file     .npy, idx (what is in a .gz, too): header kept, values coded; byte for byte
                 .csv, .tsv: cells coded; byte for byte
                 .parquet: columns coded; the same columns, types, values and file metadata
                 anything else: kept by zstandard; byte for byte
    a folder     its files, by their paths within it. Images whose pixels can be had exactly are
                 coded as pixels and come back as PNG (or BMP, PPM …) with the same pixels, mode
                 and metadata; all other files are kept byte for byte.

A model is worth its bytes only where there is much alike: files are gathered into as few streams
as possible, all grey images of a folder into one, all RGB images into another.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diabolo.uses.compress.content import Source
from diabolo.uses.compress.sources import columns
from diabolo.uses.compress.sources.arrays import (
    IDX_TYPES,
    array_back,
    checked_shape,
    head_of,
    idx,
    npy,
)
from diabolo.uses.compress.sources.bounds import Bounds
from diabolo.uses.compress.sources.folders import add_folder
from diabolo.uses.compress.sources.grids import Rows
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.parquet import add_parquet, parquet_back
from diabolo.uses.compress.sources.texts import add_text, text_back

_TEXT = {".csv": ",", ".tsv": "\t"}
OF_VALUES = ("parquet",)  # kinds whose size and hash are of what they hold, and looked at there


def take_apart(
    source: str | os.PathLike[str], bounds: Bounds | None = None, folder: Path | None = None
) -> Material:
    """A file or a folder, taken apart; raises OSError or ValueError with one sentence.

    bounds : how far the numbers of a file may be from what they were; None: not at all
    folder : of a temporary file for what is in a .gz; None: the system's
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(source)!r}.")
    found = Material(folder=folder)
    if path.is_dir():
        if bounds:
            raise ValueError(f"{path} is a folder: error bounds are for a file of numbers.")
        add_folder(found, path)
        return found
    name = path.name.removesuffix(".gz") if path.suffix == ".gz" else path.name
    try:
        opened = Source.of_file(path, folder)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}). Get it again.") from None
    add_file(found, name, opened, bounds)
    return found


def add_file(found: Material, name: str, source: Source, bounds: Bounds | None = None) -> None:
    """One file by its bytes."""
    content = source.content()
    found.original.append((name, content))
    found.raw += content.size
    entry: dict[str, Any] = {"name": name, "size": content.size, "hash": content.hash}
    suffix, head = Path(name).suffix.lower(), source.read(0, 5)
    described = None
    if suffix == ".npy":
        described = npy(found, source, bounds)
    elif head[:2] == b"\0\0" and len(head) > 4 and head[2] in IDX_TYPES:
        described = idx(found, source, bounds)
    elif suffix in _TEXT:
        described = add_text(found, content.whole(), _TEXT[suffix], bounds)
    elif suffix == ".parquet":
        described = add_parquet(found, content.whole(), bounds)
    if described is None:
        described = {"kind": "bytes", "kept": found.keep(content)}
    if bounds:
        bounds.check_names()
        if not bounds.found:
            found.notes.append(f"{name} holds no numbers to round: it is kept exactly")
    found.files.append({**entry, **described})


def restored(
    entry: dict[str, Any],
    rows: Rows,
    fetch: columns.Fetch,
) -> Iterator[bytes]:
    """The bytes of a file, in pieces.

    rows  : symbols of a stream in order, (height, width, planes) each, given how they lie, tiles
            of images or the rows of a table, and which are wanted
    fetch : kept bytes by their number
    raises ValueError for a directory that makes no sense.
    """
    kind = entry.get("kind")
    if kind == "array":
        yield fetch(entry["head"])
        yield from array_back(entry, rows, fetch)
    elif kind == "text":
        yield from text_back(entry, rows, fetch)
    elif kind == "parquet":
        yield parquet_back(entry, rows, fetch)
    else:
        raise ValueError(f"its directory has a file of the unknown kind {kind!r:.20}")


def rows_in(entry: dict[str, Any]) -> int | None:
    """Rows of a file; None where it has none that can be had alone."""
    if "table" in entry:
        return columns.whole(entry["table"]["rows"], columns.MOST_ROWS)
    return checked_shape(entry["shape"])[0] if "shape" in entry else None


def restored_rows(
    entry: dict[str, Any], rows: Rows, fetch: columns.Fetch, first: int, last: int
) -> Iterator[bytes]:
    """A file with these rows alone, in pieces; of no more than their chunks is known whether they
    are right, for the hash is one of all rows."""
    span = first, last
    if entry["kind"] == "array":
        yield head_of(fetch(entry["head"]), last - first)
        yield from array_back(entry, rows, fetch, span)
    elif entry["kind"] == "text":
        yield from text_back(entry, rows, fetch, span)
    else:
        yield parquet_back(entry, rows, fetch, span)

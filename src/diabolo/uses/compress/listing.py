"""What is in a file, from its directory alone."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress import container
from diabolo.uses.compress.decompressing import LIMIT, SETS, Contents
from diabolo.uses.compress.sources.files import rows_in


class Listed(NamedTuple):
    """A file; rows, columns: where it has some that can be had alone.

    size : bytes that come back; of a Parquet file those of its values; None for one of many
    """

    name: str
    size: int | None
    rows: int | None
    columns: int | None
    what: str


OF_SETS = {"images": "image", "photographs": "photograph, with loss", "parts": "kept as it is"}


def listing(path: str | os.PathLike[str], *, limit: int = LIMIT) -> list[Listed]:
    """All files in it, nothing decoded. raises DamagedFileError with one sentence."""
    with container.opened(path) as reader:
        contents = Contents(reader, limit=limit)
        return [
            _listed(entry, name, alone=entry.get("kind") not in SETS)
            for entry, names in contents.groups
            for name in names
        ]


def _listed(entry: dict[str, Any], name: str, alone: bool) -> Listed:
    if not alone:
        return Listed(name, None, None, None, OF_SETS[entry["kind"]])
    rows = rows_in(entry)
    columns = len(entry["columns"]) if "columns" in entry else None
    return Listed(name, entry["size"], rows, columns, _what(entry))


def _what(entry: dict[str, Any]) -> str:
    if entry.get("kind") == "array":
        kind = "images" if "images" in entry else "array"
        return f"{kind} of {np.dtype(str(entry['dtype'])).name}"
    known = {"text": "text table", "parquet": "Parquet table", "bytes": "kept as it is"}
    return known.get(str(entry.get("kind")), "of an unknown kind")

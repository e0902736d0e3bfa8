"""What is whole of a damaged file: files, and of arrays, tables and sets of images the rows of
whole chunks. Nothing that was not found right is given back.

Needed are the directory, which says where everything is, and of each stream its model and its lists
of values; they are a few percent of a file, so that a flipped bit mostly hits a chunk. There is no
second copy of the directory: beside a damaged model it would be of no use, and one of all of these
would cost every file what few ever need. Whoever has to be sure keeps two copies of the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.decompressing import LIMIT, PICTURES, SETS, Contents, models_in
from diabolo.uses.compress.pool import one_thread_each
from diabolo.uses.compress.ranges import part_name
from diabolo.uses.compress.result import Report
from diabolo.uses.compress.sources.files import rows_in
from diabolo.uses.compress.sources.unpacked import Unpacked


@dataclass(frozen=True)
class Part:
    """Rows of a file that are whole, first … last, both among them, in a file of their own."""

    name: str
    first: int
    last: int
    written: str


@dataclass(frozen=True)
class Lost:
    """A file that is lost, or rows of it, [[first, last], …], both among them."""

    name: str
    rows: list[list[int]] | None
    reason: str


@dataclass
class Rescued:
    """
    files : that are whole
    parts : rows of others
    lost  : everything else
    """

    files: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Of everything that was written."""
        return self.files + [part.written for part in self.parts]


def rescue(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    limit: int = LIMIT,
    force: bool = False,
    n_threads: int | None = None,
    report: Report | None = None,
) -> Rescued:
    """Write to `folder` what is whole of a damaged file; what that is, and what is lost.

    Arguments are those of `decompress`.
    raises DamagedFileError where nothing can be had: without the directory, for one.
    """
    given, pictures = models_in(model)
    contents: Contents | None = None
    try:
        with container.opened(path) as reader, one_thread_each():
            contents = Contents(reader, given, limit, n_threads, damaged=True, photographs=pictures)
            contents.report = report or contents.report
            return _all(contents, Path(folder), force)
    except DamagedFileError as error:
        if contents is not None:
            raise
        raise DamagedFileError(
            f"{error} Nothing can be rescued without it: it says where everything is."
        ) from error


def _all(contents: Contents, folder: Path, force: bool) -> Rescued:
    found = Rescued(lost=[Lost("", None, reason) for reason in contents.unnamed])
    with Unpacked(folder, (), force) as target:
        for entry, names in contents.groups:
            _rescue(contents, entry, names, target, found)
        if not found.names:
            raise ValueError(f"nothing of it can be rescued: {found.lost[0].reason}")
    return found


def _rescue(
    contents: Contents, entry: dict[str, Any], names: list[str], target: Unpacked, found: Rescued
) -> None:
    """All files of an entry of the directory, or else rows or images of it."""
    begun: list[str] = []
    try:
        for name, pieces in contents.of(entry, names):
            begun.append(name)
            target.write(name, pieces)
        found.files += names
        return
    except container.UNUSABLE as error:
        why = container.reason(error)
    for name in begun:
        target.remove(name)
    if entry.get("kind") in PICTURES:
        _rescue_images(contents, entry, names, target, found, why)
    elif entry.get("kind") in SETS or rows_in(entry) is None:
        found.lost += [Lost(name, None, why) for name in names]
    else:
        _rescue_rows(contents, entry, names[0], target, found, why)


def _rescue_rows(
    contents: Contents, entry: dict[str, Any], name: str, target: Unpacked, found: Rescued, why: str
) -> None:
    place, gaps = 0, []
    for first, last in _whole_rows(contents, entry):
        part = part_name(name, first, last)
        try:
            target.write(part, contents.rows_of(entry, first, last))
        except container.UNUSABLE:
            target.remove(part)
            continue
        found.parts.append(Part(name, first, last - 1, part))
        gaps += [[place, first - 1]] if first > place else []
        place = last
    end = rows_in(entry) or 0
    gaps += [[place, end - 1]] if end > place else []
    found.lost.append(Lost(name, gaps if place else None, why))


def _rescue_images(
    contents: Contents,
    entry: dict[str, Any],
    names: list[str],
    target: Unpacked,
    found: Rescued,
    why: str,
) -> None:
    whole: set[str] = set()
    for first, last in _whole_rows(contents, entry):
        try:
            for name, pieces in contents.images(entry, names, first, last):
                target.write(name, pieces)
                whole.add(name)
        except container.UNUSABLE:
            continue  # written or not: a name is only in `whole` behind its last byte
    for name in names:
        if name in whole:
            found.files.append(name)
        else:
            target.remove(name)
            found.lost.append(Lost(name, None, why))


def _whole_rows(contents: Contents, entry: dict[str, Any]) -> list[tuple[int, int]]:
    try:
        return contents.whole_rows(entry)
    except container.UNUSABLE:  # its model, or what says how it lies, is damaged
        return []

"""`diabolo decompress`: what `diabolo compress` wrote → the files, exactly."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Force, Json, output
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    from diabolo.uses.compress.rescue import Rescued

UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def decompress(
    file: Annotated[Path, Parameter(help="A file that diabolo compress wrote.")],
    /,
    *,
    output: Annotated[Path | None, output("Folder to write, made if it is not there.")] = None,
    files: Annotated[
        list[str] | None,
        Parameter(
            help="Only files that fit a pattern, such as '*.png'; may be given again.",
            consume_multiple=False,
            negative="",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        Parameter(help="Only rows FIRST:LAST, counted from 0, the last one not among them."),
    ] = None,
    listed: Annotated[
        bool,
        Parameter("--list", negative="", show_default=False, help="Say what is in it, no more."),
    ] = False,
    rescue: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Of a damaged file, write what is still whole."
        ),
    ] = False,
    model: Annotated[
        Path | None, Parameter(help="The model it was made with, where that is not within.")
    ] = None,
    limit: Annotated[str, Parameter(help="Most that may be unpacked, such as 4GB.")] = "1GB",
    threads: Annotated[int | None, Parameter(help="Threads; all by default.")] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Write the files back, bit for bit, all of them or none.

    Every byte is checked against its hash. A damaged file, a wrong model or a name that leads out
    of the folder is refused with one sentence; with --rescue what is whole of it is written. Rows
    of a file go to one whose name says so: x.rows-1000-1999.npy. Photographs with loss come back
    as PNG.
    """
    most = amount(limit)
    if listed:
        return _list(file, most, json)
    if output is None:
        raise UsageError("-o is missing: name the folder to write to, or pass --list.")
    if rescue and (files or rows):
        raise UsageError("--rescue writes all that is whole: leave --files and --rows out.")
    span = None if rows is None else row_span(rows)
    from diabolo.cli.compress import progress

    with progress() as report:
        common: dict[str, Any] = {"model": model, "limit": most, "force": force}
        common |= {"n_threads": threads, "report": report}
        if rescue:
            from diabolo.uses.compress.rescue import rescue as rescued

            return _told(rescued(file, output, **common), output, json)
        from diabolo.uses.compress.decompressing import decompress as unpacked

        paths = unpacked(file, output, files=files, rows=span, **common)
    size = sum(path.stat().st_size for path in paths)
    if json:
        print(text.as_json({"output": str(output), "files": len(paths), "bytes": size}))
    else:
        print(f"{output}: {text.many(len(paths), 'file')}, {text.size(size)}")
    return 0


def _list(file: Path, limit: int, json: bool) -> int:
    from diabolo.uses.compress.listing import listing

    found = listing(file, limit=limit)
    if json:
        print(text.as_json([one._asdict() for one in found]))
        return 0
    heads = ("file", "bytes", "rows", "columns", "what")
    lines = [
        (
            one.name,
            f"{one.size:,}" if one.size else "",
            _count(one.rows),
            _count(one.columns),
            one.what,
        )
        for one in found
    ]
    print(text.columns([heads, *lines]))
    return 0


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _told(found: Rescued, output: Path, json: bool) -> int:
    """What was rescued, and what is lost: 1 if anything is."""
    if json:
        print(text.as_json({"output": str(output), **asdict(found)}))
        return int(bool(found.lost))
    if not found.lost:
        print(f"{output}: {text.many(len(found.files), 'file')}; nothing was damaged")
        return 0
    print(f"{output}: {text.many(len(found.files), 'file')} as a whole")
    parts = [
        (part.name, f"rows {part.first}-{part.last} are in {part.written}") for part in found.parts
    ]
    lost = [(one.name or "?", f"lost: {_rows(one.rows)}; {one.reason}") for one in found.lost]
    print(text.pairs(sorted(parts + lost, key=lambda line: line[0])))
    return 1


def _rows(spans: list[list[int]] | None) -> str:
    if spans is None:
        return "all of it"
    return "rows " + ", ".join(f"{first}-{last}" for first, last in spans)


def row_span(given: str) -> tuple[int | None, int | None]:
    """
    >>> row_span("1000:2000"), row_span(":5")
    ((1000, 2000), (None, 5))
    """
    found = re.fullmatch(r"(\d*):(\d*)", given.strip())
    if not found or not (found[1] or found[2]):
        raise UsageError(f"--rows {given} is no range: write it like 1000:2000, 1000: or :2000.")
    return (int(found[1]) if found[1] else None, int(found[2]) if found[2] else None)


def amount(given: str) -> int:
    """
    >>> amount("4GB"), amount("500 kB"), amount("123")
    (4000000000, 500000, 123)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?b?)", given.strip().lower())
    if not found or (found[2] and not found[2].endswith("b")):
        raise UsageError(f"--limit {given} is no size: write it like 4GB.")
    return int(float(found[1]) * UNITS[found[2] if found[2] != "b" else ""])

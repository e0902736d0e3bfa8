"""`diabolo decompress`: what `diabolo compress` wrote → the files, exactly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Force, Json, output
from diabolo.cli.usage import UsageError

UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def decompress(
    file: Annotated[Path, Parameter(help="A file that diabolo compress wrote.")],
    /,
    *,
    output: Annotated[Path, output("Folder to write, made if it is not there.")],
    model: Annotated[
        Path | None, Parameter(help="The model it was made with, where that is not within.")
    ] = None,
    limit: Annotated[str, Parameter(help="Most that may be unpacked, such as 4GB.")] = "1GB",
    threads: Annotated[int | None, Parameter(help="Threads; all by default.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write the files back, bit for bit, all of them or none.

    Every byte is checked against its hash. A damaged file, a wrong model or a name that leads out
    of the folder is refused with one sentence.
    """
    most = amount(limit)
    from diabolo.cli.compress import progress
    from diabolo.uses.compress.decompressing import decompress as unpacked

    with progress() as report:
        paths = unpacked(
            file,
            output,
            model=model,
            limit=most,
            force=force,
            n_threads=threads,
            report=report,
        )
    size = sum(path.stat().st_size for path in paths)
    if json:
        print(text.as_json({"output": str(output), "files": len(paths), "bytes": size}))
        return
    print(f"{output}: {text.many(len(paths), 'file')}, {text.size(size)}")


def amount(given: str) -> int:
    """
    >>> amount("4GB"), amount("500 kB"), amount("123")
    (4000000000, 500000, 123)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?b?)", given.strip().lower())
    if not found or (found[2] and not found[2].endswith("b")):
        raise UsageError(f"--limit {given} is no size: write it like 4GB.")
    return int(float(found[1]) * UNITS[found[2] if found[2] != "b" else ""])

"""`diabolo gallery`: every family on one data set, as one page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Force, output
from diabolo.cli.targets import check_target


def gallery(
    data: Annotated[
        str | None,
        Parameter(
            help="Images: a named set (digits, mnist, fashion-mnist), a file or a folder. Without "
            "it: a part of MNIST if that is on this machine, else digits, in under three minutes."
        ),
    ] = None,
    /,
    *,
    output: Annotated[Path, output("Page to write.")] = Path("gallery/index.html"),
    seed: Annotated[int, Parameter(help="Same seed, threads and machine: same page.")] = 0,
    force: Force = False,
) -> None:
    """Train every family on one set of images and write one HTML page that needs no network."""
    output.parent.mkdir(parents=True, exist_ok=True)
    check_target(output, force)
    from diabolo.report.gallery import write_gallery

    write_gallery(data, output, seed=seed, progress=_line)
    print(f"{output}: {text.size_of(output)}")


def _line(done: int, of: int, what: str) -> None:
    print(f"{done:>3} of {of}  {what}", file=sys.stderr, flush=True)

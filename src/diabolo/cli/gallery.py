"""`diabolo gallery`: every family on one data set, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, output
from diabolo.cli.targets import check_target


def gallery(
    data: Data = "digits",
    /,
    *,
    output: Annotated[Path, output("Page to write.")] = Path("gallery/index.html"),
    force: Force = False,
) -> None:
    """Train every family on one data set and write one HTML page that needs no network.

    Digits take about two minutes, larger sets longer.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    check_target(output, force)
    from diabolo.report.gallery import write_gallery

    write_gallery(data, output, quick=data == "digits")
    print(f"{output}: {text.size_of(output)}")

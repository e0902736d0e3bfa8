"""Flags that several verbs share, so that they are spelled and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Data = Annotated[
    str,
    Parameter(
        help="A named set (digits, mnist, fashion-mnist), a .csv, .parquet, .npy, .npz or idx "
        "file, or a folder of images."
    ),
]
Model = Annotated[Path, Parameter(help="A file that diabolo train wrote.")]
Force = Annotated[
    bool, Parameter(("--force", "-f"), negative="", help="Overwrite it.", show_default=False)
]
Json = Annotated[
    bool, Parameter("--json", negative="", help="Print JSON instead of text.", show_default=False)
]
Target = Annotated[
    str | None, Parameter("--target", help="Column that holds labels; it is not an input.")
]
Split = Annotated[
    str, Parameter("--split", help="Part of a set that comes in two parts: train or test.")
]


def output(text: str) -> Parameter:
    """The flag -o, with what it says about the file."""
    return Parameter(("--output", "-o"), help=text, allow_leading_hyphen=True)

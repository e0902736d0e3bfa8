"""A page for every family, made of its docstring, its picture and its row in docs/families.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from sphinx.application import Sphinx

from diabolo.families import FAMILIES

PAGE = """\
{name}
{line}

.. rst-class:: lead

{asks_for}.

{picture}
.. autoclass:: diabolo.{name}
    :members:
    :exclude-members: {composing}
    :show-inheritance:

Settings that all families share, and what all of them can do: :doc:`/reference/shared`.

On the command line
-------------------

.. code-block:: sh

    diabolo train digits --model {command} -o model.safetensors

{sentence}
.. minigallery:: diabolo.{name}
    :add-heading: Examples
    :heading-level: -
"""
PICTURE = """\
.. image:: {name}.png
    :class: picture
    :width: {width}px
    :alt: {alt}

.. rst-class:: caption

{caption}

"""
SENTENCE = """\
In words
--------

What `diabolo inspect` says of the model in the picture:

.. code-block:: text

{lines}

"""


# public for those who write a family, not for those who use one
COMPOSING = ("drawn", "players", "default_hidden", "code_size", "joining", "predicted", "outputs")


class Row(NamedTuple):
    """What docs/families.md says of a family."""

    command: str
    asks_for: str


def rows(source: Path) -> dict[str, Row]:
    """By name, in the order of the page."""
    lines = (source / "families.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split(" | ") for line in lines if line.endswith(".py` |")]
    return {
        name.strip("| `"): Row(command.strip("`"), asks[:1].upper() + asks[1:])
        for name, command, asks, *_ in cells
    }


def page(name: str, row: Row, folder: Path) -> str:
    caption, words = folder / f"{name}.caption", folder / f"{name}.words"
    picture = sentence = ""
    if caption.exists():
        text = caption.read_text(encoding="utf-8").strip()
        with Image.open(folder / f"{name}.png") as image:
            width = image.width // 2  # twice as many pixels as the page's
        picture = PICTURE.format(
            name=name, caption=text, width=width, alt=f"{name} on handwritten digits"
        )
    if words.exists():
        lines = words.read_text(encoding="utf-8").rstrip().splitlines()
        sentence = SENTENCE.format(lines="\n".join(f"    {line}" for line in lines))
    return PAGE.format(
        name=name,
        line="=" * len(name),
        asks_for=row.asks_for,
        picture=picture,
        command=row.command,
        composing=", ".join(COMPOSING),
        sentence=sentence,
    )


def write_pages(app: Sphinx) -> None:
    source = Path(app.srcdir)
    folder = source / "families"
    folder.mkdir(exist_ok=True)
    described = rows(source)
    for name in FAMILIES:
        text, path = page(name, described[name], folder), folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def list_pages(app: Sphinx, docname: str, text: list[str]) -> None:
    """The pages as children of the table, which is read without them elsewhere."""
    if docname == "families":
        names = "\n".join(f"families/{name}" for name in rows(Path(app.srcdir)))
        text[0] += f"\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", write_pages)
    app.connect("source-read", list_pages)
    return {"parallel_read_safe": True}

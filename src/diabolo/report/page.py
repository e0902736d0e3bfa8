"""A page: sections of blocks, written as one HTML file that asks nothing of the network.

The template escapes every text. What is marked safe is made in this package alone: plots
(`figures`) and pictures (`sheets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from diabolo.report.sheets import Picture


class Block:
    """Anything in a section; its class's name, in small letters, is its macro in the template."""

    @property
    def kind(self) -> str:
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Strips(Block):
    """Strips of equally many images under each other, each with its name."""

    rows: Sequence[tuple[str, Picture]]
    caption: str

    @property
    def width(self) -> int:
        """All strips are shown equally wide, so that what belongs together lies together."""
        return self.rows[0][1].shown


@dataclass(frozen=True)
class Sheet(Block):
    """One picture of many images."""

    picture: Picture
    caption: str
    title: str = ""


@dataclass(frozen=True)
class Plot(Block):
    """A drawing made by `figures`."""

    drawing: Markup
    caption: str
    title: str = ""


@dataclass(frozen=True)
class Beside(Block):
    """Blocks beside each other, where there is room."""

    blocks: Sequence[Block]


@dataclass(frozen=True)
class Table(Block):
    """Names in the first column, numbers in the others.

    bars : for some columns, by number, the share of the longest bar of each row, in [0, 1].
    best : rows of the best value, by column.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    bars: dict[int, Sequence[float]] = field(default_factory=dict)
    best: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Numbers(Block):
    """A few numbers worth a large type: (value, unit, what it is)."""

    items: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Lines(Block):
    """Short lines of plain text under a title, such as a diagnosis."""

    title: str
    lines: Sequence[str]
    warns: bool = False


@dataclass(frozen=True)
class Code(Block):
    """Python that makes what is shown."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Section:
    """One chapter."""

    id: str
    title: str
    formula: str
    text: str
    paper: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]


def render(page: Page) -> str:
    """The whole page as HTML text."""
    environment = Environment(
        loader=PackageLoader("diabolo.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(page=page)

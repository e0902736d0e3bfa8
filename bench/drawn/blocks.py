"""A block of a page, and the results that it is drawn from."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import kept
import numpy as np

from diabolo.records.page import markdown

Rows = Iterator[Sequence[str]]
WIDTH = 100  # of a line of a page


class NotMeasuredError(KeyError):
    """The results have no such section (yet)."""


class Results(Mapping[str, Any]):
    """Section → figures of results/NAME.json; what is not there raises NotMeasuredError."""

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self.sections = sections

    @classmethod
    def named(cls, name: str) -> Results:
        path = kept.RESULTS / f"{name}.json"
        return cls(json.loads(path.read_text()) if path.exists() else {})

    def __getitem__(self, section: str) -> Any:
        one = self._section(section)
        return one["figures"] if isinstance(one, dict) and "figures" in one else one

    def __iter__(self) -> Iterator[str]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)

    def those(self, *wanted: str) -> list[str]:
        """Which of these sections there are; NotMeasuredError where there is none of them."""
        there = [name for name in wanted if name in self.sections]
        if not there:
            raise NotMeasuredError(*wanted)
        return there

    def settings(self, section: str) -> Mapping[str, Any]:
        """How a section was measured."""
        return self._section(section).get("settings", {})

    def machine(self, *sections: str) -> str:
        """What sections were measured on, such as "AMD EPYC, 2 cores, torch 2.13.0, load 1.6"."""
        made = [self._section(section)["made"] for section in sections]
        names = dict.fromkeys(
            f"{one['hardware']['processor']}, {one['hardware']['cores']} cores, "
            f"torch {one['versions']['torch']}"
            for one in made
        )
        return f"{'; '.join(names)}, load {span([one['hardware']['load'] for one in made], '{:g}')}"

    def _section(self, section: str) -> Any:
        if section not in self.sections:
            raise NotMeasuredError(section)
        return self.sections[section]


@dataclass(frozen=True)
class Block:
    """Text of a page.

    results : name of the file of results.
    command : what writes that file.
    draw : figures → text.
    """

    results: str
    command: str
    draw: Callable[[Results], str]

    def text(self) -> str | None:
        """None until it has been measured."""
        found = Results.named(self.results)
        try:
            return self.draw(found) if found else None
        except NotMeasuredError:
            return None


BLOCKS: dict[str, Block] = {}


def table(results: str, command: str | None = None) -> Callable[[Callable], Callable]:
    """A function that yields rows, the heads first, is a block of its own name."""

    def register(rows: Callable[[Results], Rows]) -> Callable[[Results], Rows]:
        _add(rows.__name__, results, command, lambda found: markdown([*rows(found)]))
        return rows

    return register


def said(results: str, command: str | None = None) -> Callable[[Callable], Callable]:
    """So is one that yields paragraphs; a paragraph may be a table."""

    def register(paragraphs: Callable[[Results], Iterable[str]]) -> Callable:
        _add(
            paragraphs.__name__,
            results,
            command,
            lambda found: "\n\n".join(_filled(paragraphs(found))),
        )
        return paragraphs

    return register


def _add(name: str, results: str, command: str | None, draw: Callable[[Results], str]) -> None:
    BLOCKS[name] = Block(results, command or f"python bench/{results}.py", draw)


def _filled(paragraphs: Iterable[str]) -> Iterator[str]:
    for text in paragraphs:
        is_table = text.startswith("|")
        yield text if is_table else textwrap.fill(text, WIDTH, break_on_hyphens=False)


# what tables are made of


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of all numbers of the first row, over all rows."""
    numbers = [name for name, one in rows[0].items() if isinstance(one, int | float)]
    return {name: float(np.mean([row[name] for row in rows])) for name in numbers}


def where(rows: Iterable[Mapping[str, Any]], **wanted: Any) -> list[Mapping[str, Any]]:
    """Rows that have these values."""
    return [row for row in rows if all(row.get(key) == one for key, one in wanted.items())]


def best(figures: np.ndarray, form: str, which: Callable) -> list[list[str]]:
    """Numbers as texts, the best of each column in bold."""
    texts = [[form.format(value) for value in row] for row in figures]
    winners = [form.format(which(column)) for column in figures.T]
    return [
        [f"**{text}**" if text == top else text for text, top in zip(row, winners, strict=True)]
        for row in texts
    ]


def span(values: Iterable[float], form: str) -> str:
    """
    >>> span([1.6, 2.5], "{:g}")
    '1.6 to 2.5'
    >>> span([1.6], "{:g}")
    '1.6'
    """
    values = [*values]
    return " to ".join(dict.fromkeys(form.format(f(values)) for f in (min, max)))


def several(count: int, what: str) -> str:
    """
    >>> several(1, "seed"), several(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def percent(share: float, form: str = "{:.0f} %") -> str:
    """
    >>> percent(-0.35), percent(0.013, "{:.1f} %")
    ('−35 %', '1.3 %')
    """
    return form.format(100 * share).replace("-", "−")

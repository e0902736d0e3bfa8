"""Docstrings of this project as reStructuredText.

    noise : share of the entries …         an entry of a list of terms
        that are corrupted

    (a block that is further in,           a formula or a table,
    or whose lines are in columns)         line by line as it stands

    When: … / Watch: …                     a paragraph with that word in bold

A signature shows what is the class's own; what all families share has a page.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from sphinx.application import Sphinx

from diabolo.estimators.estimator import Estimator
from diabolo.estimators.learner import Learner
from diabolo.estimators.options import Options
from diabolo.parts.spec import Part, arguments

TERM = re.compile(r"(?P<names>\w+(?:, \w+)*) +: (?P<text>.*)")
SPOKEN = re.compile(r"(When|Watch): (\w)")
COLUMNS = re.compile(r"\S {2,}\S")
HEADED = re.compile(r"\s*\S+ {2,}\S")
LITERAL = re.compile(r"(`+[^`]+`+)")
EMPHASIS = r"(?<![\w*])\*\w(?:[^*\n]*\w)?\*(?![\w*])"
MARKUP = re.compile(rf"(?P<meant>{EMPHASIS})|(?<=\w)_(?!\w)|\||\*")
INNER = "    "


def as_rst(docstring: str) -> list[str]:
    """A docstring, cleaned of its indentation, as lines of reStructuredText."""
    blocks = re.split(r"\n{2,}", docstring.strip("\n"))
    return [line for block in blocks for line in (*in_rst(block.split("\n")), "")]


def in_rst(block: list[str]) -> Iterator[str]:
    """Lines without an empty one among them."""
    if block[0].startswith(">>>"):
        yield from block
    elif block[0].startswith(INNER):
        styled = [] if is_table(block) else [f"{INNER}:class: formula"]
        yield from (".. code-block:: text", *styled, "", *block)
    elif not TERM.fullmatch(block[0]) and any(COLUMNS.search(line.lstrip()) for line in block):
        yield from (".. code-block:: text", "", *(INNER + line for line in block))
    else:
        yield from _items(escaped("\n".join(block)).split("\n"))


def is_table(lines: list[str]) -> bool:
    """Whether every line begins with a word that is set apart: letters have to keep one width."""
    return len(lines) > 1 and all(HEADED.match(line) for line in lines)


def _items(block: list[str]) -> Iterator[str]:
    """Terms, each with the lines that are further in, and text between them."""
    was_term = False
    for line in block:
        term = TERM.fullmatch(line)
        if term:
            names = ", ".join(f"``{name}``" for name in term["names"].split(", "))
            yield from ("", names, INNER + term["text"])
        elif was_term and line.startswith(INNER):
            yield line
            continue
        else:
            yield from ([""] if was_term else [])
            yield SPOKEN.sub(lambda found: f"**{found[1]}.** {found[2].upper()}", line)
        was_term = bool(term)


def escaped(text: str) -> str:
    """What reStructuredText would take for markup, outside of `names`, taken as it is written."""
    parts = LITERAL.split(text)
    parts[::2] = [MARKUP.sub(lambda m: m["meant"] or f"\\{m[0]}", part) for part in parts[::2]]
    for i in range(2, len(parts), 2):
        if parts[i][:1].isalnum():  # `part`s: markup has to end before a letter
            parts[i] = "\\ " + parts[i]
    return "".join(parts)


def own_signature(cls: type) -> str | None:
    """Settings of the class that not all families share, or share with another default."""
    shared: type | None = next((c for c in (Estimator, Learner) if issubclass(cls, c)), None)
    if cls in (Estimator, Learner) or not issubclass(cls, Options):
        return None
    common = {field.name: field.default for field in fields(shared)} if shared else {}
    own = [
        f"{field.name}={field.default!r}"
        for field in fields(cls)
        if field.name not in common or field.default != common[field.name]
    ]
    return f"({', '.join(['*', *own, *(['**shared'] if shared else [])])})"


def part_signature(cls: type[Part]) -> str:
    """Arguments of a part, which takes them by way of `__new__`."""
    shown = [
        name if field.default is MISSING else f"{name}={field.default!r}"
        for name, field in arguments(cls).items()
    ]
    return f"({', '.join(shown)})"


def process_docstring(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    if what == "class" and is_dataclass(thing) and lines and lines[0].startswith(f"{name}("):
        lines.clear()  # made by dataclass
    lines[:] = as_rst(inspect.cleandoc("\n".join(lines)))


def process_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, given: str, returns: str
) -> tuple[str | None, str | None] | None:
    if what != "class":
        return None
    is_part = issubclass(thing, Part) and thing is not Part
    own = part_signature(thing) if is_part else own_signature(thing)
    return None if own is None else (own, None)


def skip_member(
    app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Methods that scikit-learn makes for the routing of metadata, and fields of plain records."""
    is_routing = name.startswith("set_") and name.endswith("_request")
    is_field = str(getattr(thing, "__doc__", "")).startswith("Alias for field number")
    return True if is_routing or is_field else None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", process_docstring)
    app.connect("autodoc-process-signature", process_signature)
    app.connect("autodoc-skip-member", skip_member)
    return {"parallel_read_safe": True}

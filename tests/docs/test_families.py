"""Every family has a row in docs/families.md, a picture, and a docstring that makes a page."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from diabolo.cli.recipes import RECIPES
from diabolo.families import FAMILIES, family

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "families.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.endswith(".py` |")]
PARTS = {
    "a formula": r"\n\n    \S",
    "when to use it": r"\n\nWhen: ",
    "what to watch": r"\n\nWatch: ",
    "a paper": r"\n\n.*\b(19|20)\d\d\b[^\n]*",
}


def lacking(docstring: str) -> list[str]:
    return [part for part, pattern in PARTS.items() if not re.search(pattern, docstring)]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_a_row(name):
    (row,) = (line for line in ROWS if line.startswith(f"| `{name}` | "))
    _, _, command, what, paper, file, _ = (cell.strip(" `") for cell in row.split("|"))
    assert RECIPES[command].family == name
    assert file == f"{FAMILIES[name]}.py"
    assert what
    assert paper


def test_no_row_is_of_a_family_that_there_is_not():
    assert len(ROWS) == len(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_docstring_says_what_a_page_needs(name):
    assert lacking(inspect.cleandoc(family(name).__doc__)) == []


def test_what_is_lacking_is_seen():
    assert lacking("Autoencoder.\n\nWhen: always.") == ["a formula", "what to watch", "a paper"]


def test_a_picture_is_drawn_of_every_family():
    tree = ast.parse((DOCS / "pictures.py").read_text(encoding="utf-8"))
    drawn = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(FAMILIES.values()) <= drawn

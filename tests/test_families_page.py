"""docs/families.md has a row for every family, with its command-line name and its file."""

from pathlib import Path

import pytest

from diabolo.cli.recipes import RECIPES
from diabolo.families import FAMILIES

PAGE = (Path(__file__).parents[1] / "docs" / "families.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.endswith(".py` |")]


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

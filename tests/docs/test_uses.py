"""Pages of uses say what a page needs to say, and what they show runs, as it stands there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "uses").glob("*.md"))
PARTS = {
    "when to use it": r"\n\*\*When\.\*\* ",
    "how it is computed": r"\n\*\*(What is computed|How)\.\*\*|\n\| about \|",
    "what to watch": r"\n\*\*Watch\.\*\* ",
    "a paper": r"\b(19|20)\d\d\b",
    "code": r"\n```python\n",
    "the command line": r"\n\*\*Command line\.\*\*|^    diabolo ",
}


def lacking(page: str) -> list[str]:
    return [part for part, pattern in PARTS.items() if not re.search(pattern, page, re.MULTILINE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_needs_to(page):
    assert lacking(page.read_text(encoding="utf-8")) == []


def test_what_is_lacking_is_seen():
    text = "# Use\n\n**When.** Always (2006).\n\n    diabolo use\n"
    assert lacking(text) == ["how it is computed", "what to watch", "code"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_picture_from_an_example_and_a_reference(page):
    assert (ROOT / "examples" / f"plot_{page.stem}.py").exists()
    extension = (ROOT / "docs" / "extensions" / "uses.py").read_text(encoding="utf-8")
    assert f'\n    "{page.stem}": (' in extension
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert index.splitlines().count(f"uses/{page.stem}") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(code, {})

"""Tables of the pages say what the stored results say."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from pages import TABLE, TABLES, written

ROOT = Path(__file__).parents[2]
PAGES = {page: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))}
MARKED = {page: text for page, text in PAGES.items() if TABLE.search(text)}


@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_a_page_says_what_the_results_say(page):
    assert written(MARKED[page]) == MARKED[page]


def test_every_table_has_its_page():
    found = [name for text in MARKED.values() for name, _ in TABLE.findall(text)]
    assert sorted(found) == sorted(TABLES)


def test_another_figure_is_seen():
    text = MARKED[ROOT / "docs" / "uses" / "detect.md"]
    changed = text.replace("| isolation forest, 200 trees |", "| isolation forest, 300 trees |")
    assert changed != text
    assert written(changed) == text

"""Figures of the pages are what the stored results say."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from drawn.blocks import BLOCKS
from pages import MARKED, by_hand, in_part, names, pages, written

ROOT = Path(__file__).parents[2]
PAGES = {page: text for page, text in pages().items() if MARKED.search(text)}
WRITTEN_ELSEWHERE = {"results.md"}  # by `diabolo reproduce --write-docs`
SIGN = r"[\d.,*/±%°×µms…()+− -]"
FIGURES = re.compile(rf"{SIGN}*[.,]\d{SIGN}*")  # with decimals, or thousands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_the_results_say(page):
    assert written(PAGES[page]) == PAGES[page]


def test_every_block_has_its_place():
    assert sorted(name for text in PAGES.values() for name in names(text)) == sorted(BLOCKS)


@pytest.mark.parametrize(
    ("page", "figure", "another"),
    [
        ("uses/detect.md", "| isolation forest, 200 trees |", "| isolation forest, 300 trees |"),
        ("generation.md", "classes 0.69 … 1.18", "classes 0.70 … 1.18"),
    ],
)
def test_another_figure_is_seen(page, figure, another):
    text = PAGES[ROOT / "docs" / page]
    changed = text.replace(figure, another)
    assert changed != text
    assert written(changed) == text


def test_what_was_never_measured_stays_and_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("kept.RESULTS", tmp_path)
    text = "<!-- table: step -->\nby hand\n<!-- end -->\n\n<!-- said: memory -->\n<!-- end -->\n"
    assert written(text) == text
    assert by_hand([text]) == {
        "python bench/step.py": ["step"],
        "python bench/memory.py": ["memory"],
    }


def test_what_was_measured_in_part_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("kept.RESULTS", tmp_path)
    sections = {"S": {"whole": False, "figures": {}}, "D128": {"figures": {}}}
    (tmp_path / "step.json").write_text(json.dumps(sections))
    assert in_part() == {"step": ["S"]}


def unmarked(text: str) -> list[str]:
    """Lines of tables with a cell of nothing but figures that stand in no block."""
    lines = [line for line in MARKED.sub("", text).splitlines() if line.startswith("|")]
    return [line for line in lines if any(map(FIGURES.fullmatch, line.strip("|").split("|")))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_no_table_of_figures_stands_outside_a_block(page):
    if page.name not in WRITTEN_ELSEWHERE:
        assert unmarked(page.read_text(encoding="utf-8")) == []


def test_a_table_outside_a_block_is_seen():
    lines = ["| PCA | 0.424 | .0557 |", "| D | 13.5 ms |", "| over-fitting | 3 times |"]
    assert unmarked("\n".join(lines)) == lines[:2]

"""What stands between <!-- table: NAME --> or <!-- said: NAME --> and <!-- end --> in docs.

python bench/pages.py           writes them anew from results/*.json; `make results` does so, too
python bench/pages.py --check   says which are not what the results say

What has not been measured since its bench keeps its figures stays as it is, and is named with the
command that measures it; so is what was measured in part alone. How each is drawn stands in
bench/drawn.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from drawn import compression, generation, speed, uses  # noqa: F401
from drawn.blocks import BLOCKS, Results
from kept import is_whole

from diabolo.files import write_atomically

DOCS = Path(__file__).resolve().parents[1] / "docs"
BUILT = {"_build", "examples", "families"}  # by `make docs`
MARKED = re.compile(r"(<!-- (?:table|said): (\w+) -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    found = [p for p in sorted(DOCS.rglob("*.md")) if p.relative_to(DOCS).parts[0] not in BUILT]
    return {page: page.read_text(encoding="utf-8") for page in found}


def names(text: str) -> list[str]:
    """Of the blocks of a page."""
    return [name for _, name, _ in MARKED.findall(text)]


def written(text: str) -> str:
    """A page with its blocks as the results have them."""

    def drawn(found: re.Match[str]) -> str:
        new = BLOCKS[found[2]].text()
        return found[0] if new is None else f"{found[1]}{new}\n"

    return MARKED.sub(drawn, text)


def by_hand(texts: Iterable[str]) -> dict[str, list[str]]:
    """Command that has not been run → the blocks of pages that its results would make."""
    waiting: dict[str, list[str]] = {}
    for name in (name for text in texts for name in names(text)):
        if BLOCKS[name].text() is None:
            waiting.setdefault(BLOCKS[name].command, []).append(name)
    return waiting


def in_part() -> dict[str, list[str]]:
    """Name of a file of results → its sections that are less than their bench measures."""
    files = {block.results: Results.named(block.results).sections for block in BLOCKS.values()}
    parts = {
        name: [title for title, section in sections.items() if not is_whole(section)]
        for name, sections in files.items()
    }
    return {name: titles for name, titles in parts.items() if titles}


def told(found: dict[str, list[str]]) -> str:
    """
    >>> told({"a": ["b", "c"], "d": ["e"]})
    'a (b, c); d (e)'
    """
    return "; ".join(f"{name} ({', '.join(those)})" for name, those in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    only_check = parser.parse_args().check
    found = pages()
    old = [page for page, text in found.items() if written(text) != text]
    for page in old:
        print(f"{page.relative_to(DOCS)}: {'is not what results say' if only_check else 'written'}")
        if not only_check:
            write_atomically(page, [written(found[page]).encode()])
    if waiting := by_hand(found.values()):
        print(f"still by hand, for want of: {told(waiting)}")
    if parts := in_part():
        print(f"measured in part, to be measured as a whole: {told(parts)}")
    if only_check and old:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Links of the pages lead somewhere, headings included."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if page.relative_to(DOCS).parts[0] not in {"_build", "examples", "families"}
]


def broken(page: Path, text: str) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not leads(page, link)]


def leads(page: Path, link: str) -> bool:
    if "://" in link:
        return True
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in headings(target))


def headings(page: Path) -> set[str]:
    """As GitHub and MyST call them: small letters, hyphens for spaces, no other signs."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links(page):
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_seen():
    text = "[a](families.md) [b](nowhere.md) [c](families.md#nothing) [d](https://example.org)"
    assert broken(DOCS / "index.md", text) == ["nowhere.md", "families.md#nothing"]

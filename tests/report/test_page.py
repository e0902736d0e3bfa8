import numpy as np
import pytest

from browser import HOSTILE, Reader, check_harmless
from diabolo.report import page as pages
from diabolo.report.figures import Line, curves
from diabolo.report.page import (
    Beside,
    Code,
    Lines,
    Numbers,
    Page,
    Plot,
    Section,
    Sheet,
    Strips,
    Table,
    render,
)
from diabolo.report.sheets import strip


@pytest.fixture(scope="module")
def hostile_page():
    """A page with a hostile text in every place that takes one."""
    picture = strip(np.zeros((2, 8, 8)), HOSTILE)
    drawing = curves([Line(HOSTILE, [1.0])], title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE)
    blocks = [
        Strips([(HOSTILE, picture), (HOSTILE, picture)], HOSTILE),
        Sheet(picture, HOSTILE, HOSTILE),
        Plot(drawing, HOSTILE, HOSTILE),
        Table((HOSTILE, HOSTILE), [(HOSTILE, HOSTILE)], HOSTILE, {1: [0.5]}, {1: 0}),
        Numbers([(HOSTILE, HOSTILE, HOSTILE)]),
        Lines(HOSTILE, [HOSTILE], warns=True),
        Code([HOSTILE]),
    ]
    section = Section(*[HOSTILE] * 5, [Beside(blocks), *blocks])
    return Page(HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)], [section])


def test_hostile_texts_stay_texts(hostile_page):
    html = render(hostile_page)
    read = check_harmless(html)
    head, section, blocks = 5, 5, 3 + 2 + 5 + 5 + 3 + 2 + 1  # texts of each, in order of the page
    assert read.text.count(HOSTILE) == head + section + 2 * blocks
    images = [attributes for tag, attributes in read.elements if tag == "img"]
    assert [image["alt"] for image in images] == [HOSTILE] * 6


def test_every_kind_of_block_is_drawn(hostile_page):
    drawn = {block.kind for block in hostile_page.sections[0].blocks}
    known = {one.__name__.lower() for one in pages.Block.__subclasses__()}
    assert drawn == known
    elements = [tag for tag, _ in Reader(render(hostile_page)).elements]
    for tag in ("img", "svg", "table", "dl", "ul", "details", "figcaption"):
        assert tag in elements


def test_strips_are_equally_wide():
    strips = Strips(
        [("a", strip(np.zeros((3, 28, 28)), "")), ("b", strip(np.zeros((3, 14, 14)), ""))], ""
    )
    page = Page("", "", [], [Section("id", "", "", "", "", [strips])])
    images = [attributes for tag, attributes in Reader(render(page)).elements if tag == "img"]
    assert images[0]["width"] != images[1]["width"]
    assert images[0]["style"] == images[1]["style"] == "width:704px"

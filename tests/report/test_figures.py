import re
from xml.etree import ElementTree

import numpy as np
import pytest

from diabolo.report.figures import Line, columns, curves, histogram, scatter, spectrum

HOSTILE = "</text><script>alert(1)</script>\"'&"
LABELS = {"title": "title", "x_label": "x", "y_label": "y"}
SERIES = {
    "empty": [],
    "one": [3.0],
    "constant": [2.0, 2.0, 2.0],
    "zeros": [0.0, 0.0],
    "not a number": [np.nan, np.nan],
    "holes": [1.0, np.nan, 2.0, np.inf, 4.0],
    "negative": [-3.0, -1.0],
    "huge": [1e30, 2e30],
    "tiny": [1e-300, 3e-300],
}
DRAWINGS = {
    "curves": lambda v: curves([Line("a", v)], **LABELS),
    "logarithmic": lambda v: curves([Line("a", v)], log=True, **LABELS),
    "spectrum": lambda v: spectrum([Line("a", v)], **LABELS),
    "histogram": lambda v: histogram({"a": np.array(v)}, **LABELS),
    "columns": lambda v: columns(v, **LABELS),
    "scatter": lambda v: scatter(np.array([v, v]).T, title="title"),
}


def numbers(svg):
    """Every number in a place where one draws."""
    for element in ElementTree.fromstring(svg).iter():
        for name in ("d", "x", "y", "width", "height"):
            yield from map(
                float, re.findall(r"[-\d.]+(?:e[-+]?\d+)?|nan|inf", element.get(name, ""))
            )


@pytest.mark.parametrize("values", SERIES.values(), ids=SERIES)
@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_whatever_the_values_the_drawing_is_xml_within_its_frame(draw, values):
    svg = draw(values)
    width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split()[2:])
    assert all(-1 <= number <= max(width, height) + 1 for number in numbers(svg))


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_nothing_to_show_is_said(draw):
    assert "no finite values" in draw([np.nan])


def test_texts_are_escaped():
    lines = [Line(HOSTILE, [1.0, 2.0])]
    drawings = [
        curves(lines, title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE),
        histogram(
            {HOSTILE: np.arange(3)},
            title=HOSTILE,
            x_label=HOSTILE,
            y_label=HOSTILE,
            marks={HOSTILE: 1},
        ),
        scatter(np.eye(2), np.array([0, 1]), [HOSTILE, "b"], title=HOSTILE),
        columns([1.0], title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE),
    ]
    for svg in drawings:
        root = ElementTree.fromstring(svg)
        assert not [e for e in root.iter() if e.tag == "script"]
        assert root.get("aria-label") == HOSTILE
    assert HOSTILE in "".join(ElementTree.fromstring(drawings[0]).itertext())


def test_a_curve_goes_up_where_values_rise():
    svg = curves([Line("a", [1.0, 2.0, 4.0])], **LABELS)
    path = ElementTree.fromstring(svg).find("path[@class='line s0']").get("d")
    places = [tuple(map(float, p.split())) for p in path[1:].split("L")]
    xs, ys = zip(*places, strict=True)
    assert xs == (44, 184, 324)
    assert ys[0] - ys[1] == pytest.approx((ys[1] - ys[2]) / 2)  # y counts downwards


def test_a_curve_is_broken_where_a_value_is_missing():
    svg = curves([Line("a", [1.0, 2.0, np.nan, 3.0, 4.0])], **LABELS)
    assert ElementTree.fromstring(svg).find("path[@class='line s0']").get("d").count("M") == 2


def test_bars_are_as_high_as_their_values():
    svg = columns([1.0, 3.0, 2.0], **LABELS)
    heights = [float(bar.get("height")) for bar in ElementTree.fromstring(svg).iter("rect")]
    assert heights[1] == pytest.approx(3 * heights[0])
    assert heights[2] == pytest.approx(2 * heights[0])


def test_a_histogram_counts():
    values = np.array([0.0, 0.1, 0.1, 0.9, 1.0])
    svg = histogram({"a": values}, bins=2, **LABELS)
    path = ElementTree.fromstring(svg).find("path[@class='area s0']").get("d")
    heights = {float(corner.split()[1]) for corner in path.strip("MZ").split("L")}
    low, three, two = sorted(heights, reverse=True)[0], min(heights), sorted(heights)[1]
    assert (low - two) / (low - three) == pytest.approx(2 / 3)


def test_points_have_their_class_and_its_name():
    svg = scatter(
        np.array([[0, 0], [1, 1], [2, 0.0]]), np.array([0, 1, 1]), ["cat", "dog"], title=""
    )
    root = ElementTree.fromstring(svg)
    assert [e.text for e in root.iter("text")] == ["dog", "cat"]  # from top to bottom
    assert root.find("path[@class='dots s1']").get("d").count("M") == 2


def test_a_way_lies_over_the_points_and_inside_of_the_frame():
    svg = scatter(np.eye(2), np.array([0, 1]), title="", way=np.array([[0, 0], [3, 1.0]]))
    root = ElementTree.fromstring(svg)
    classes = [path.get("class") for path in root.iter("path")]
    assert classes == ["dots s0", "dots s1", "rim", "way", "way ends"]
    assert root.find("path[@class='way']").get("d") == "M10 390L390 10"
    assert not list(root.iter("text"))  # classes without names


def test_the_same_numbers_give_the_same_drawing():
    values = np.random.default_rng(0).normal(size=50)
    assert DRAWINGS["histogram"](values) == DRAWINGS["histogram"](values.copy())

"""Plots as inline SVG: curves, spectra, scatters, histograms, columns.

Drawn by hand, in a few shapes, so that a page needs no script and no plotting library, follows the
reader's light or dark theme (colours are CSS variables of the page, ``--s0`` … ``--s9``), and is
the same, byte for byte, for the same numbers. Values that are not finite are left out; where
nothing is left, the plot says so. Texts are escaped by `Markup.format`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from diabolo.report.axes import LEAST, Axis, apart, axis
from diabolo.report.numerals import number

WIDTH, HEIGHT = 420, 264
LEFT, RIGHT, TOP, BOTTOM = 44, 96, 26, 34  # margins; lines are named in the right one
COLOURS = 10
FEW = 40  # values of a line: more dots than that are a line again
LINE = 14  # distance of two lines of text


class Line(NamedTuple):
    """One curve: its name at its end, values from left to right, number of its colour."""

    name: str
    values: Sequence[float]
    colour: int = 0
    dashed: bool = False


def curves(
    lines: Sequence[Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log: bool = False,
    dots: bool = False,
) -> Markup:
    """Curves over 1, 2, …, each named at its end."""
    right = WIDTH - RIGHT
    longest = max((len(line.values) for line in lines), default=0)
    x = axis([1, longest] if longest > 1 else [0.5, 1.5], LEFT, right)
    y = axis((v for line in lines for v in line.values), HEIGHT - BOTTOM, TOP, log)
    if x is None or y is None:
        return _empty(title)
    drawn = [_curve(line, x, y, dots) for line in lines]
    return _svg(
        title,
        WIDTH,
        HEIGHT,
        *_grid(x, y, x_label, y_label, whole=True),
        *drawn,
        *_names(lines, x, y),
    )


def spectrum(lines: Sequence[Line], *, title: str, x_label: str, y_label: str) -> Markup:
    """Positive values in falling order on a logarithmic axis, such as singular values."""
    return curves(lines, title=title, x_label=x_label, y_label=y_label, log=True, dots=True)


def histogram(
    series: Mapping[str, np.ndarray],
    *,
    title: str,
    x_label: str,
    y_label: str,
    marks: Mapping[str, float] | None = None,
    within: Sequence[float] = (),
    bins: int = 40,
) -> Markup:
    """How often values fall into equal bins; several series as outlines over each other.

    marks : values to point out on the x axis, by name. within : values that it must reach to.
    """
    marks = marks or {}
    kept = {name: v[np.isfinite(v)] for name, v in _floats(series)}
    x = axis([*np.concatenate([[], *kept.values()]), *marks.values(), *within], LEFT, WIDTH - 12)
    if x is None or not any(map(len, kept.values())):
        return _empty(title)
    edges = np.linspace(x.low, x.high, bins + 1)
    counts = {name: np.histogram(v, edges)[0] for name, v in kept.items()}
    y = axis([0, *(c.max() for c in counts.values())], HEIGHT - BOTTOM, TOP)
    assert y is not None
    steps = [_steps(edges, count, x, y, i) for i, count in enumerate(counts.values())]
    key = _key(list(counts), WIDTH - 14)
    pointers = [_mark(name, x.at(value), y.end) for name, value in marks.items()]
    return _svg(title, WIDTH, HEIGHT, *_grid(x, y, x_label, y_label), *steps, *pointers, *key)


def columns(values: Sequence[float], *, title: str, x_label: str, y_label: str) -> Markup:
    """One upright bar for each value, in the order given."""
    y = axis([0, *values], HEIGHT - BOTTOM, TOP)
    if y is None or not np.isfinite(values).any():
        return _empty(title)
    x = Axis(0.5, len(values) + 0.5, LEFT, WIDTH - 12)
    width = 0.72 * (x.end - x.start) / len(values)
    bars = [
        Markup('<rect class="fill s0" x="{}" y="{}" width="{}" height="{}"/>').format(
            _p(x.at(i + 1) - width / 2),
            _p(min(y.at(v), y.at(0))),
            _p(width),
            _p(abs(y.at(v) - y.at(0))),
        )
        for i, v in enumerate(values)
        if math.isfinite(v)
    ]
    return _svg(title, WIDTH, HEIGHT, *_grid(x, y, x_label, y_label, whole=True), *bars)


def scatter(
    points: np.ndarray,
    classes: np.ndarray | None = None,
    names: Sequence[str] = (),
    *,
    title: str,
    way: np.ndarray | None = None,
) -> Markup:
    """Points in the plane, one colour for each class, with its name where its points are.

    points : (n, 2). classes : (n,) numbers into `names`, or None; without names none are shown.
    way : (m, 2), a line over the points.
    """
    side, edge = 400, 10
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    finite = np.isfinite(points).all(1)
    seen = points[finite] if way is None else np.concatenate([points[finite], way])
    x = axis(seen[:, 0], edge, side - edge)
    y = axis(seen[:, 1], side - edge, edge)
    if x is None or y is None:
        return _empty(title)
    labels = np.zeros(len(points), int) if classes is None else np.asarray(classes)
    groups = {int(c): points[finite & (labels == c)] for c in np.unique(labels[finite])}
    clouds = [_dots([(x.at(a), y.at(b)) for a, b in group], c) for c, group in groups.items()]
    centres = [] if classes is None or not names else _centres(groups, names, x, y)
    over = [] if way is None else _way([(x.at(a), y.at(b)) for a, b in way])
    frame = Markup('<rect class="frame" x="0.5" y="0.5" width="{0}" height="{0}"/>').format(
        side - 1
    )
    return _svg(title, side, side, frame, *clouds, *over, *centres)


def _centres(
    groups: Mapping[int, np.ndarray], names: Sequence[str], x: Axis, y: Axis
) -> list[Markup]:
    """Names at the median of their points, pushed apart where they would overlap."""
    places = {c: np.median(group, axis=0) for c, group in groups.items()}
    at = {c: (x.at(place[0]), y.at(place[1])) for c, place in places.items()}
    order = sorted(at, key=lambda c: at[c][1])
    heights = apart([at[c][1] for c in order], 17, x.start, x.end)
    return [
        Markup('<text class="class s{}" x="{}" y="{}">{}</text>').format(
            c % COLOURS, _p(at[c][0]), _p(height + 6), names[c]
        )
        for c, height in zip(order, heights, strict=True)
    ]


def _floats(series: Mapping[str, np.ndarray]) -> Iterable[tuple[str, np.ndarray]]:
    return ((name, np.asarray(v, dtype=np.float64).ravel()) for name, v in series.items())


def _curve(line: Line, x: Axis, y: Axis, dots: bool) -> Markup:
    """Pieces between values that cannot be shown; a piece of one value is a dot."""
    places = [(x.at(i), y.at(v)) if _shown(v, y) else None for i, v in enumerate(line.values, 1)]
    pieces = [[p for p in piece if p] for shown, piece in groupby(places, key=bool) if shown]
    path = "".join("M" + "L".join(f"{_p(a)} {_p(b)}" for a, b in piece) for piece in pieces)
    style = f"line s{line.colour % COLOURS}" + (" dashed" if line.dashed else "")
    dots = dots and len(places) <= FEW
    dotted = [place for piece in pieces if dots or len(piece) == 1 for place in piece]
    return Markup('<path class="{}" d="{}"/>').format(style, path) + _dots(dotted, line.colour)


def _shown(value: float, y: Axis) -> bool:
    return math.isfinite(value) and (value >= LEAST or not y.log)


def _names(lines: Sequence[Line], x: Axis, y: Axis) -> list[Markup]:
    ends = []
    for line in lines:
        shown = [v for v in line.values if _shown(v, y)]
        if shown and line.name:
            ends.append((y.at(shown[-1]), line))
    ends.sort(key=lambda end: end[0])
    heights = apart([height for height, _ in ends], LINE, TOP + 4, HEIGHT - BOTTOM)
    return [
        Markup('<text class="name s{}" x="{}" y="{}">{}</text>').format(
            line.colour % COLOURS, _p(x.end + 6), _p(height + 4), line.name
        )
        for (_, line), height in zip(ends, heights, strict=True)
    ]


def _steps(edges: np.ndarray, counts: np.ndarray, x: Axis, y: Axis, colour: int) -> Markup:
    corners = [f"M{_p(x.at(edges[0]))} {_p(y.at(0))}"]
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        corners.append(f"L{_p(x.at(left))} {_p(y.at(count))}L{_p(x.at(right))} {_p(y.at(count))}")
    corners.append(f"L{_p(x.at(edges[-1]))} {_p(y.at(0))}Z")
    return Markup('<path class="area s{}" d="{}"/>').format(colour % COLOURS, "".join(corners))


def _dots(places: Iterable[tuple[float, float]], colour: int) -> Markup:
    """Round dots as one path: lines of no length with round ends."""
    path = "".join(f"M{_p(a)} {_p(b)}h0" for a, b in places)
    return Markup('<path class="dots s{}" d="{}"/>').format(colour % COLOURS, path)


def _way(places: Sequence[tuple[float, float]]) -> list[Markup]:
    """A line with its two ends, in ink on a rim of paper."""
    path = "M" + "L".join(f"{_p(a)} {_p(b)}" for a, b in places)
    ends = "".join(f"M{_p(a)} {_p(b)}h0" for a, b in (places[0], places[-1]))
    return [
        Markup('<path class="{}" d="{}"/>').format(kind, d)
        for kind, d in (("rim", path), ("way", path), ("way ends", ends))
    ]


def _mark(name: str, at: float, top: float) -> Markup:
    return Markup(
        '<path class="mark" d="M{0} {1}V{2}"/><text class="tick" x="{3}" y="{4}">{5}</text>'
    ).format(_p(at), _p(top - 6), HEIGHT - BOTTOM, _p(at + 4), _p(top - 1), name)


def _key(names: Sequence[str], right: float) -> list[Markup]:
    return [
        Markup('<text class="name end s{}" x="{}" y="{}">{}</text>').format(
            i % COLOURS, right, TOP + 12 + LINE * i, name
        )
        for i, name in enumerate(names)
    ]


def _grid(x: Axis, y: Axis, x_label: str, y_label: str, whole: bool = False) -> list[Markup]:
    """Ticks, horizontal rules, and the axes' labels: y above the axis, x below on the right.

    whole : whether x counts something, so that there is nothing between 1 and 2.
    """
    rules = [
        Markup(
            '<path class="rule" d="M{0} {1}H{2}"/><text class="tick end" x="{3}" y="{4}">{5}</text>'
        ).format(LEFT, _p(y.at(v)), _p(x.end), LEFT - 6, _p(y.at(v) + 4), number(v))
        for v in y.ticks
    ]
    numbers = [
        Markup('<text class="tick middle" x="{}" y="{}">{}</text>').format(
            _p(x.at(v)), HEIGHT - BOTTOM + 15, number(v)
        )
        for v in x.ticks
        if not whole or v == round(v)
    ]
    label = Markup('<text class="label" x="0" y="11">{}</text>').format(y_label)
    below = Markup('<text class="label end" x="{}" y="{}">{}</text>').format(
        _p(x.end), HEIGHT - 3, x_label
    )
    return [*rules, *numbers, label, below]


def _svg(title: str, width: int, height: int, *content: Markup) -> Markup:
    head = Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        width, height, title
    )
    return head + Markup("").join(content) + Markup("</svg>")


def _empty(title: str) -> Markup:
    text = Markup('<text class="label middle" x="{}" y="60">no finite values to show</text>')
    return _svg(title, WIDTH, 120, text.format(WIDTH / 2))


_p: Callable[[float], str] = "{:.4g}".format  # a position, to a tenth of a pixel

"""Plots as inline SVG: curves, spectra, scatters, histograms, columns.

Drawn by hand, in a few shapes, so that a page needs no script and no plotting library, follows the
reader's light or dark theme (colours are CSS variables of the page, ``--s0`` … ``--s9``), and is
the same, byte for byte, for the same numbers. Values that are not finite are left out; where
nothing is left, the plot says so. Texts are escaped by `Markup.format`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

WIDTH, HEIGHT = 420, 264
LEFT, RIGHT, TOP, BOTTOM = 44, 92, 26, 34  # margins; lines are named in the right one
COLOURS = 10
LINE = 14  # distance of two lines of text


class Line(NamedTuple):
    """One curve: its name at its end, values from left to right, number of its colour."""

    name: str
    values: Sequence[float]
    colour: int = 0
    dashed: bool = False


class Axis(NamedTuple):
    """From values to positions, and the values worth naming."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        a, b, v = (math.log(u) if self.log else u for u in (self.low, self.high, value))
        return self.start + (v - a) / (b - a) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        steps = _log_ticks if self.log else _ticks
        return steps(self.low, self.high)


def axis(values: Iterable[float], start: float, end: float, log: bool = False) -> Axis | None:
    """An axis that all finite values fit on; None where there are none."""
    array = np.asarray(list(values), dtype=np.float64)
    array = array[np.isfinite(array) & ((array > 0) | (not log))]
    if not len(array):
        return None
    low, high = float(array.min()), float(array.max())
    if log:
        low, high = (low, high) if high > low * 1.001 else (low / 2, high * 2)
    elif high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        low, high = low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2
    return Axis(low, high, start, end, log)


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values within the range, by steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    wide = high / low > 50
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [10.0**p * m for p in powers for m in ((1,) if wide else (1, 2, 5))]
    inside = [v for v in values if low * 0.999 <= v <= high * 1.001]
    return inside[:: math.ceil(len(inside) / 6) or 1]


def number(value: float) -> str:
    """A value as the axes and tables write it: three or four digits, a true minus sign.

    >>> number(1234.5), number(-0.02), number(1e-7), number(float("nan"))
    ('1,234', '−0.02', '1e−7', 'not a number')
    """
    if not math.isfinite(value):
        return "not a number"
    size = abs(value)
    if size >= 1000:
        text = f"{value:,.0f}" if size < 1e6 else f"{value:.3g}".replace("e+0", "e")
    elif 0 < size < 1e-3:
        text = f"{value:.2g}".replace("e-0", "e-")
    else:
        text = f"{value:.3g}"
    return text.replace("-", "−")


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
    return _svg(title, WIDTH, HEIGHT, *_grid(x, y, x_label, y_label), *drawn, *_names(lines, x, y))


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
    bins: int = 40,
) -> Markup:
    """How often values fall into equal bins; several series as outlines over each other.

    marks : values to point out on the x axis, by name.
    """
    marks = marks or {}
    kept = {name: v[np.isfinite(v)] for name, v in _floats(series)}
    x = axis([*np.concatenate([[], *kept.values()]), *marks.values()], LEFT, WIDTH - 12)
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
    if y is None or not len(values):
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
) -> Markup:
    """Points in the plane, one colour for each class, with its name where its points are.

    points : (n, 2). classes : (n,) numbers into `names`, or None.
    """
    side, edge = 400, 10
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    finite = np.isfinite(points).all(1)
    x = axis(points[finite, 0], edge, side - edge)
    y = axis(points[finite, 1], side - edge, edge)
    if x is None or y is None:
        return _empty(title)
    labels = np.zeros(len(points), int) if classes is None else np.asarray(classes)
    groups = {int(c): points[finite & (labels == c)] for c in np.unique(labels[finite])}
    clouds = [_cloud(group, x, y, c % COLOURS) for c, group in groups.items()]
    centres = [] if classes is None else _centres(groups, names, x, y)
    frame = Markup('<rect class="frame" x="0.5" y="0.5" width="{0}" height="{0}"/>').format(
        side - 1
    )
    return _svg(title, side, side, frame, *clouds, *centres)


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


def apart(heights: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Heights in rising order, moved as little as one sweep can so that all keep their distance.

    >>> apart([10, 11, 50], 5, 0, 100)
    [10, 15, 50]
    """
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + distance) if moved else max(height, low))
    limit = high
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - distance
    return moved


def _floats(series: Mapping[str, np.ndarray]) -> Iterable[tuple[str, np.ndarray]]:
    return ((name, np.asarray(v, dtype=np.float64).ravel()) for name, v in series.items())


def _curve(line: Line, x: Axis, y: Axis, dots: bool) -> Markup:
    """Pieces between values that cannot be shown, and a dot wherever a piece is a single point."""
    places = [(x.at(i), y.at(v)) if _shown(v, y) else None for i, v in enumerate(line.values, 1)]
    path, previous = [], None
    for place in places:
        if place:
            path.append(f"{'L' if previous else 'M'}{_p(place[0])} {_p(place[1])}")
        previous = place
    style = f"line s{line.colour % COLOURS}" + (" dashed" if line.dashed else "")
    drawn = Markup('<path class="{}" d="{}"/>').format(style, "".join(path))
    if dots or sum(place is not None for place in places) == 1:
        drawn += _cloud(places, None, None, line.colour % COLOURS)
    return drawn


def _shown(value: float, y: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not y.log)


def _names(lines: Sequence[Line], x: Axis, y: Axis) -> list[Markup]:
    ends = []
    for line in lines:
        shown = [(i, v) for i, v in enumerate(line.values, 1) if _shown(v, y)]
        if shown:
            ends.append((y.at(shown[-1][1]), line))
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


def _cloud(points: Iterable, x: Axis | None, y: Axis | None, colour: int) -> Markup:
    """Round dots as one path: a line of no length with round ends."""
    places = [(x.at(p[0]), y.at(p[1])) if x and y else p for p in points if p is not None]
    path = "".join(f"M{_p(px)} {_p(py)}h0" for px, py in places)
    return Markup('<path class="dots s{}" d="{}"/>').format(colour, path)


def _mark(name: str, at: float, top: float) -> Markup:
    return Markup(
        '<path class="mark" d="M{0} {1}V{2}"/><text class="tick" x="{3}" y="{4}">{5}</text>'
    ).format(_p(at), _p(top), HEIGHT - BOTTOM, _p(at + 4), _p(top + 10), name)


def _key(names: Sequence[str], right: float) -> list[Markup]:
    return [
        Markup('<text class="name end s{}" x="{}" y="{}">{}</text>').format(
            i % COLOURS, right, TOP + 12 + LINE * i, name
        )
        for i, name in enumerate(names)
    ]


def _grid(x: Axis, y: Axis, x_label: str, y_label: str, whole: bool = True) -> list[Markup]:
    """Ticks, horizontal rules, and the axes' labels: y above the axis, x below on the right."""
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

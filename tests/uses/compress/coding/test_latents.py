"""Encoder and decoder of codes by the formulas of the docstring, in Python's integers; and not in
floats."""

import hashlib

import numpy as np
import pytest

from compressible import CODED, LAYERED, model, symbols
from diabolo.uses.compress.coding import latents, layers, products
from diabolo.uses.compress.coding.codes import BitsBack
from diabolo.uses.compress.coding.latents import Latents
from diabolo.uses.compress.coding.layout import hats

EVERY = {**CODED, **LAYERED}


def times(matrix, vector, bias, shift):
    rows = zip(matrix.tolist(), bias.tolist(), strict=True)
    return [(sum(w * v for w, v in zip(r, vector, strict=True)) + b) >> shift for r, b in rows]


def between(values, low, high):
    return [min(max(v, low), high) for v in values]


def plain_said(coder, row) -> list[int]:
    layout, code, looking = coder.layout, coder.layout.code, coder.looking
    planes = layout.planes
    level = [
        [[int(v) * 255 // max(1, p.alphabet - 1) for v, p in zip(cell, planes, strict=True)]
         for cell in line] for line in row
    ]  # fmt: skip

    def share(length, knots, at):
        table = hats(length, knots).tolist()
        whole = [sum(line[k] for line in table) for k in range(knots)]
        return [table[i][at] * 255 // whole[at] for i in range(length)]

    e = []
    for k in range(code.lines):
        down = share(layout.height, code.lines, k)
        for j in range(code.columns):
            across = share(layout.width, code.columns, j)
            for c in range(len(planes)):
                line = [
                    sum(down[y] * level[y][x][c] for y in range(layout.height)) >> 8
                    for x in range(layout.width)
                ]
                e.append(sum(a * v for a, v in zip(across, line, strict=True)) >> 8)
    h = between(times(looking.look, e, looking.look_bias, 8), 0, 1023)
    return times(looking.say, h, looking.say_bias, 2)


def plain_canvas(coder, codes) -> list[list[int]]:
    layout, code, painting = coder.layout, coder.layout.code, coder.painting
    c = [int(code.values[v]) for v in codes]
    h = between(times(painting.unfold, c, painting.unfold_bias, 6), 0, 1023)
    f = between(times(painting.paint, h, painting.paint_bias, latents.PAINT_SHIFT), -255, 255)
    down, across = hats(layout.height, code.lines), hats(layout.width, code.columns)
    cells = []
    for y in range(layout.height):
        lines = [
            [
                sum(
                    int(down[y, k]) * f[(k * code.columns + j) * code.features + i]
                    for k in range(code.lines)
                ) >> 8
                for i in range(code.features)
            ]
            for j in range(code.columns)
        ]  # fmt: skip
        for x in range(layout.width):
            cells.append(
                [
                    sum(int(across[x, j]) * lines[j][i] for j in range(code.columns)) >> 8
                    for i in range(code.features)
                ]
            )
    return cells


@pytest.mark.parametrize("name", EVERY)
def test_plain_python_integers(name):
    layout = EVERY[name]
    coder, rows = model(layout), symbols(layout, 6)
    said = coder.latents.said(rows)
    codes = coder.latents.likeliest(rows)
    canvas = coder.latents.canvas(codes)
    for r, row in enumerate(rows):
        assert said[:, r].tolist() == plain_said(coder, row)
        assert canvas[:, :, r].tolist() == plain_canvas(coder, codes[:, r])


@pytest.mark.parametrize("name", LAYERED)
def test_layers_in_plain_python_integers(name):
    coder = model(LAYERED[name]).latents
    codes = coder.likeliest(symbols(coder.layout, 6))
    for layer, weights in zip(coder.above, model(LAYERED[name]).above, strict=True):
        above = layer.posterior(codes).likeliest()
        up, down = layer.up(codes), layer.down(above)
        for r in range(6):
            assert up[:, r].tolist() == plain_product(weights, "rise", "tell", codes[:, r])
            assert down[:, r].tolist() == plain_product(weights, "fall", "lead", above[:, r])
        codes = above


def plain_product(weights, one, two, codes):
    named, c = weights._asdict(), BitsBack.values[codes].tolist()
    h = between(times(named[one], c, named[f"{one}_bias"], 6), 0, 1023)
    return times(named[two], h, named[f"{two}_bias"], 2)


def test_as_many_knots_as_cells_hide_nothing():
    """Features are then those of the decoder's last layer, but for two roundings."""
    coder = model(CODED["grey, by bits back"])
    codes = coder.latents.likeliest(symbols(coder.layout, 20))
    canvas = coder.latents.canvas(codes).astype(int)
    f = np.array([between(times(*_last(coder, codes[:, r])), -255, 255) for r in range(20)])
    assert abs(canvas.reshape(-1, 20).T - f).max() <= 2


def _last(coder, codes):
    painting = coder.painting
    c = coder.layout.code.values[codes].tolist()
    h = between(times(painting.unfold, c, painting.unfold_bias, 6), 0, 1023)
    return painting.paint, h, painting.paint_bias, latents.PAINT_SHIFT


def test_unsafe_sums_are_refused():
    coder = model(CODED["grey, quantised"])
    huge = coder.painting._replace(unfold=np.full_like(coder.painting.unfold, 30_000))
    with pytest.raises(ValueError, match="the sums of 'unfold' reach"):
        Latents(coder.layout, huge, coder.looking)


def test_unsafe_sums_of_layers_are_refused():
    coder = model(LAYERED["grey, in two layers"])
    (above,) = coder.above
    huge = above._replace(lead=np.full_like(above.lead, 30_000))
    with pytest.raises(ValueError, match="the sums of 'lead' reach"):
        Latents(coder.layout, coder.painting, coder.looking, [huge])


@pytest.mark.parametrize("name", EVERY)
def test_the_largest_weights_of_training_are_safe(name):
    """All weights as large as training lets them become."""
    coder = model(EVERY[name])
    parts = [as_large_as_can_be(coder.painting, latents.INPUTS)]
    parts += [as_large_as_can_be(coder.looking, latents.INPUTS)]
    above = [as_large_as_can_be(one, layers.INPUTS) for one in coder.above]
    Latents(coder.layout, *parts, above)


def as_large_as_can_be(part, inputs):
    large = {
        name: np.full_like(value, products.largest(value.shape[1], inputs[name]))
        for name, value in part._asdict().items()
        if name in inputs
    }
    return part._replace(**large)


class Floating(Latents):
    """The control: weights that are no whole numbers, and nothing rounded before the end."""

    def said(self, rows):
        shake = self.dtype(1 + 1e-3 / 3)
        e = self._pool(rows).astype(self.dtype)
        h = np.maximum(self._look[0] * shake @ e + self._look[1], 0)
        return np.floor(self._say[0] * shake @ h + self._say[1])


def test_an_encoder_in_floats_breaks_in_the_same_matrix():
    layout = CODED["grey, by bits back"]
    rows, seen = symbols(layout, 256), set()
    for dtype, batch in ((np.float32, 256), (np.float32, 7), (np.float32, 1), (np.float64, 256)):
        coder = model(layout, dtype=dtype)
        floating = Floating(layout, coder.painting, coder.looking, (), dtype)
        said = [floating.said(rows[i : i + batch]) for i in range(0, 256, batch)]
        whole = np.concatenate(said, 1).astype("<i8")
        seen.add(hashlib.sha256(whole.tobytes()).hexdigest())
    assert len(seen) > 1

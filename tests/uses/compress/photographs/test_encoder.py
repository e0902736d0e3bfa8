"""Latents that are cheaper at no loss, and cheaper than rounding makes them."""

import numpy as np
import pytest

from diabolo.uses.compress.photographs import encoder as encoding
from diabolo.uses.compress.photographs.chunks import Tile, tiles
from diabolo.uses.compress.photographs.densities import SURE, costs, densities
from diabolo.uses.compress.photographs.design import weight_of
from diabolo.uses.compress.photographs.encoder import PRICE, cheapest
from photographed import encoder, model, scene


def test_the_cheapest_of_all_symbols_near_by():
    """Beside a search over every symbol: only the two around a value can be the best."""
    random = np.random.default_rng(0)
    v, widths = random.laplace(0, 2, 500).clip(-5.5, 5.5), random.integers(SURE + 1, 70, 500)
    chosen = cheapest(v, widths)
    for value, width, symbol in zip(v, widths, chosen, strict=True):
        k = min(30, int(densities().furthest[width]))
        every = np.arange(-k, k + 1)
        total = costs(np.full(len(every), width), every) + (value - every) ** 2 / PRICE
        near = abs(every - value) < 1
        assert total[every == symbol][0] <= total[near].min() + 1e-9


def test_what_is_surely_nothing_is_nothing():
    assert (cheapest(np.array([5.0, -9.0]), np.array([SURE, 0])) == 0).all()


def rate_and_error(pixels: np.ndarray, quality: int, rounds: int) -> tuple[float, float]:
    """Bits and squared error of a picture."""
    y = encoder().analysed(pixels)
    latents, bits = np.empty(y.shape, np.int16), 0.0
    for tile in tiles(*y.shape[1:]):
        found = encoder().encoded(pixels, y, quality, tile, rounds)
        bits += found.record.bits()
        latents[:, tile.line : tile.line + tile.lines, tile.cell : tile.cell + tile.cells] = (
            found.latents
        )
    back = model().decoder.pixels(latents, quality, *pixels.shape[:2])
    return bits, float(np.square(back.astype(float) - pixels).sum() / 3)


@pytest.mark.parametrize("quality", [30, 60])
def test_going_downhill_gains(quality):
    pixels = scene(96, 128, 5)
    costs = [
        bits + weight_of(quality) * error
        for bits, error in (rate_and_error(pixels, quality, rounds) for rounds in (0, 3))
    ]
    assert costs[1] < costs[0]


def test_quality_buys_decibels_for_bits():
    pixels = scene(96, 128, 6)
    found = [rate_and_error(pixels, quality, 0) for quality in range(0, 49, 12)]
    bits, errors = zip(*found, strict=True)
    assert list(bits) == sorted(bits)
    assert list(errors) == sorted(errors, reverse=True)


def test_strips_of_the_analysis_are_one_picture(monkeypatch):
    pixels = scene(200, 50)
    whole = encoder().analysed(pixels)
    monkeypatch.setattr(encoding, "STRIP", 1)
    np.testing.assert_allclose(encoder().analysed(pixels), whole, atol=1e-4)


def test_tiles_of_a_picture_see_each_other(monkeypatch):
    """Small tiles: a little dearer, no seams. The gradient looks across their edges."""
    pixels = scene(160, 160, 7)
    whole = rate_and_error(pixels, 40, 2)
    monkeypatch.setattr("diabolo.uses.compress.photographs.chunks.TILE", 4)
    cut = rate_and_error(pixels, 40, 2)
    assert cut[1] < 1.1 * whole[1]
    assert cut[0] < 1.3 * whole[0]


def test_where_a_tile_lies_in_what_is_around_it():
    around = encoding._around(Tile(64, 0, 64, 10), 200, 10)
    assert around == Tile(60, 0, 72, 10)
    assert Tile(64, 0, 64, 10).within(around) == (slice(4, 68), slice(0, 10))
    assert Tile(64, 0, 64, 10).within() == (slice(64, 128), slice(0, 10))

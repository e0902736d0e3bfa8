"""The latents of a tile come back from their bytes, and from no others."""

import numpy as np
import pytest

from diabolo.uses.compress.coding.rans import DamagedStreamError
from diabolo.uses.compress.photographs.chunks import TILE, Tile, decoded, tiles
from photographed import encoder, model, scene


def coded(height: int, width: int, quality: int = 48):
    pixels = scene(height, width)
    y = encoder().analysed(pixels)
    tile = Tile(0, 0, *y.shape[1:])
    return encoder().encoded(pixels, y, quality, tile, rounds=0), tile


@pytest.mark.parametrize("lanes", [None, 1, 7, 255])
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (70, 130)])
def test_round_trip(size, lanes):
    found, tile = coded(*size)
    content = found.record.content(lanes)
    assert (decoded(model().decoder, content, 48, tile.lines, tile.cells) == found.latents).all()
    assert found.latents.any()


def test_length_is_that_of_the_probabilities():
    found, _ = coded(200, 160, 80)
    content = found.record.content()
    assert 8 * len(content) < 1.006 * found.record.bits() + 28 + 64


def test_flips_and_truncations():
    """What is not noticed by the coder itself is by the hashes; never another exception."""
    found, tile = coded(64, 64)
    content = found.record.content()
    unnoticed = 0
    for place in range(0, 8 * len(content), 5):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        try:
            decoded(model().decoder, bytes(flipped), 48, tile.lines, tile.cells)
            unnoticed += 1
        except DamagedStreamError:
            pass
    assert unnoticed <= 1
    for length in range(0, len(content), 3):
        with pytest.raises(DamagedStreamError):
            decoded(model().decoder, content[:length], 48, tile.lines, tile.cells)


def test_tiles_cover_a_picture_once():
    covered = np.zeros((2 * TILE + 1, TILE + 30), int)
    for tile in tiles(*covered.shape):
        assert 1 <= tile.lines <= TILE
        assert 1 <= tile.cells <= TILE
        covered[tile.line : tile.line + tile.lines, tile.cell : tile.cell + tile.cells] += 1
    assert (covered == 1).all()

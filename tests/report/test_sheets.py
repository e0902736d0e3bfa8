import base64
import io

import numpy as np
import pytest
from PIL import Image

from diabolo.report.sheets import LEVELS, sheet, signed, strip


def pixels(picture):
    code = picture.address.removeprefix("data:image/png;base64,")
    image = Image.open(io.BytesIO(base64.b64decode(code)))
    assert image.size == (picture.width, picture.height)
    return np.asarray(image.convert("RGBA"))


def test_a_strip_holds_the_images_and_nothing_between_them():
    images = np.array([np.zeros((8, 8)), np.ones((8, 8)), np.full((8, 8), 0.5)])
    got = pixels(strip(images, "three"))
    assert got.shape == (8, 26, 4)
    assert (got[:, 0:8] == [0, 0, 0, 255]).all()
    assert (got[:, 9:17] == 255).all()
    assert (got[:, 18:26] == [128, 128, 128, 255]).all()
    assert (got[:, [8, 17], 3] == 0).all()


def test_colours_stay():
    images = np.zeros((2, 8, 8, 3))
    images[1, :, :, 2] = 1
    got = pixels(sheet(images, "two", per_line=1))
    assert (got[:8] == [0, 0, 0, 255]).all()
    assert (got[9:] == [0, 0, 255, 255]).all()


def test_values_outside_are_cut_off():
    got = pixels(strip(np.array([[[-1.0, 2.0, np.nan, np.inf]] * 4]), "odd"))
    assert got[0, :, 0].tolist() == [0, 255, 0, 255]


def test_the_last_line_may_be_shorter():
    picture = sheet(np.ones((5, 8, 8)), "five", per_line=3)
    got = pixels(picture)
    assert got.shape == (17, 26, 4)
    assert (got[9:, 18:, 3] == 0).all()


def test_weights_are_coloured_by_sign_and_as_strong_as_they_are():
    weights = np.array([[[-2.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.5]]])
    got = pixels(signed(weights, "weights", per_line=1))
    negative, nothing, half, most = got[0, 0], got[0, 1], got[1, 0], got[1, 1]
    assert (negative[3], nothing[3], most[3]) == (255, 0, 255)
    assert half[3] == pytest.approx(127, abs=255 / LEVELS)
    assert negative[2] > negative[0]  # blue
    assert most[0] > most[2]  # orange
    assert got[-1, -1, 3] == 255  # scaled to its own largest weight


def test_weights_that_are_all_zero_show_nothing():
    assert (pixels(signed(np.zeros((3, 8, 8)), "none"))[..., 3] == 0).all()


@pytest.mark.parametrize("side", [8, 28, 200])
def test_shown_as_a_whole_multiple_that_fits_the_page(side):
    picture = strip(np.zeros((1, side, side)), "one")
    assert picture.shown % picture.width == 0
    assert picture.shown <= 760

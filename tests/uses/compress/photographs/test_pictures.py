"""Which files are photographs, and what of them is kept."""

import numpy as np
from PIL import Image

from diabolo.uses.compress.photographs.pictures import Picture, grey, picture_in, png
from photographed import scene


def saved(folder, name, pixels, **options):
    Image.fromarray(pixels).save(folder / name, **options)
    return folder / name


def test_colours_greys_and_their_profile(tmp_path):
    pixels = scene(20, 30)
    found = picture_in(saved(tmp_path, "a.png", pixels, icc_profile=b"colours"))
    assert isinstance(found, Picture)
    assert (found.pixels == pixels).all()
    assert found.profile == b"colours"
    found = picture_in(saved(tmp_path, "b.png", pixels[..., 0]))
    assert (found.pixels[..., 0] == pixels[..., 0]).all()
    assert found.colours.shape == (20, 30, 3)
    for name in ("c.jpg", "c.webp", "c.bmp"):
        assert picture_in(saved(tmp_path, name, pixels)).pixels.shape == (20, 30, 3)


def test_upright_as_the_camera_says(tmp_path):
    pixels = scene(20, 30)
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    found = picture_in(saved(tmp_path, "a.png", pixels, exif=turned))
    assert (found.pixels == np.rot90(pixels, -1)).all()


def test_what_would_lose_more_than_is_seen(tmp_path):
    pixels = scene(20, 30)
    clear = np.dstack([pixels, pixels[..., 0]])
    assert "has transparency, which would be lost" in picture_in(saved(tmp_path, "a.png", clear))
    deep = (pixels[..., 0].astype(np.uint16)) * 256
    assert "has 16 bits a pixel" in picture_in(saved(tmp_path, "b.png", deep))
    Image.fromarray(pixels).convert("P").save(tmp_path / "c.png")
    assert "has the mode P" in picture_in(tmp_path / "c.png")
    (tmp_path / "d.jpg").write_text("no picture")
    assert "is not an image" in picture_in(tmp_path / "d.jpg")
    (tmp_path / "e.txt").write_text("no picture")
    assert picture_in(tmp_path / "e.txt") is None


def test_grey_is_a_weighted_mean():
    colours = scene(5, 7)
    red, green, blue = (colours[..., c].astype(float) for c in range(3))
    expected = np.floor((red + 2 * green + blue) / 4 + 0.5)
    assert (grey(colours)[..., 0] == expected).all()
    same = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, 2)
    assert (grey(same)[..., 0] == same[..., 0]).all()


def test_png(tmp_path):
    for pixels in (scene(9, 4), scene(9, 4)[..., :1]):
        (tmp_path / "x.png").write_bytes(png(pixels, b"colours"))
        with Image.open(tmp_path / "x.png") as image:
            assert image.info["icc_profile"] == b"colours"
            assert (np.asarray(image).reshape(pixels.shape) == pixels).all()

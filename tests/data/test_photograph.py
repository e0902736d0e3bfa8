"""Every mode that is taken comes back as it was; the others are one sentence."""

import io

import numpy as np
import pytest
from PIL import Image

from diabolo.data.photograph import is_picture, open_photograph


def image(mode, seed=0):
    random = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(random.integers(65_536, size=(9, 7)).astype(np.uint16))
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = random.integers(256, size=(9, 7, channels)).astype(np.uint8)
    return Image.fromarray(values[:, :, 0] if channels == 1 else values, mode)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_a_picture_comes_back(mode, tmp_path):
    given = image(mode)
    given.save(tmp_path / "a.png")
    photograph = open_photograph(tmp_path / "a.png")
    assert photograph.pixels.dtype == np.float32
    assert photograph.pixels.shape == (9, 7, 3 if "RGB" in mode else 1)
    assert 0 <= photograph.pixels.min() < photograph.pixels.max() <= 1
    with Image.open(io.BytesIO(photograph.png(photograph.pixels))) as again:
        assert again.mode == mode
        assert np.array_equal(np.asarray(again), np.asarray(given))


def test_transparency_is_kept_and_values_beyond_are_cut_off(tmp_path):
    image("RGBA").save(tmp_path / "a.png")
    photograph = open_photograph(tmp_path / "a.png")
    with Image.open(io.BytesIO(photograph.png(photograph.pixels + 2))) as again:
        assert (np.asarray(again)[:, :, :3] == 255).all()
        assert np.array_equal(np.asarray(again)[:, :, 3], np.asarray(image("RGBA"))[:, :, 3])


def test_sideways_pictures_are_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image("RGB").save(tmp_path / "a.jpg", exif=exif)
    assert open_photograph(tmp_path / "a.jpg").pixels.shape == (7, 9, 3)


@pytest.mark.parametrize(("mode", "suffix"), [("P", "png"), ("1", "png"), ("CMYK", "jpg")])
def test_other_modes_are_one_sentence(mode, suffix, tmp_path):
    image("RGB").convert(mode).save(tmp_path / f"a.{suffix}")
    with pytest.raises(ValueError, match=f"a.{suffix} has the mode {mode}, which could not be gi"):
        open_photograph(tmp_path / f"a.{suffix}")


def test_several_frames_are_one_sentence(tmp_path):
    image("L").save(tmp_path / "a.gif", save_all=True, append_images=[image("L", 1)])
    with pytest.raises(ValueError, match="a.gif has 2 frames. Save the one you want by itself."):
        open_photograph(tmp_path / "a.gif")


def test_sixteen_bits_a_colour_are_one_sentence(tmp_path):
    import struct
    import zlib

    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(3))  # 4 × 3 pixels of 6 bytes
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 4, 3, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks
    )
    (tmp_path / "deep.png").write_bytes(content)
    with pytest.raises(ValueError, match="deep.png has 16 bits a colour"):
        open_photograph(tmp_path / "deep.png")


def test_what_is_no_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="a.png is not an image"):
        open_photograph(tmp_path / "a.png")
    assert is_picture("b/C.JPG")
    assert not is_picture("b.npy")

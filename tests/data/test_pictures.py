"""Folders of images: labels, colours, sizes, and files meant to do harm."""

import numpy as np
import pytest
from PIL import Image

from diabolo.data import spill
from diabolo.data.pictures import open_folder

RANDOM = np.random.default_rng(0)


def pixels(*shape):
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)


def opened(folder, size=None, split="train"):
    dataset = open_folder(folder, size, split)
    return dataset, dataset.rows.take(np.arange(len(dataset)))


@pytest.mark.parametrize("large", [0, 2**30])
def test_subfolders_are_labels_and_pixels_are_exact(tmp_path, monkeypatch, large):
    monkeypatch.setattr(spill, "LARGE", large)
    images = pixels(6, 5, 7, 3)
    for i, image in enumerate(images):
        save(tmp_path / ("cat" if i < 2 else "dog") / f"{i}.png", image)
    dataset, found = opened(tmp_path)
    assert dataset.shape == (5, 7, 3)
    assert dataset.labels.tolist() == ["cat"] * 2 + ["dog"] * 4
    np.testing.assert_array_equal(found, images)


def test_grey_files_stay_grey_and_one_in_colour_makes_all_rgb(tmp_path):
    grey = pixels(2, 4, 4)
    save(tmp_path / "a.png", grey[0])
    save(tmp_path / "b.png", grey[1])
    np.testing.assert_array_equal(opened(tmp_path)[1], grey)
    save(tmp_path / "c.png", pixels(4, 4, 3))
    found = opened(tmp_path)[1]
    assert found.shape == (3, 4, 4, 3)
    np.testing.assert_array_equal(found[0], np.repeat(grey[0][..., None], 3, axis=2))


def test_mixed_sizes_come_to_the_median_and_given_sizes_win(tmp_path):
    for name, shape in {"a": (10, 20), "b": (12, 24), "c": (40, 30)}.items():
        save(tmp_path / f"{name}.png", pixels(*shape))
    assert opened(tmp_path)[0].shape == (12, 24)
    assert opened(tmp_path, (8, 6))[0].shape == (8, 6)


def test_resizing_covers_the_size_and_cuts_around_the_middle(tmp_path):
    # 8 x 24: left third black, middle 128, right third white. Cut to 8 x 8, the middle is left.
    save(tmp_path / "wide.png", np.repeat(np.array([0, 128, 255], np.uint8), 8)[None].repeat(8, 0))
    _, found = opened(tmp_path, (4, 4))
    assert (np.abs(found[0, :, 1:3].astype(int) - 128) <= 2).all()
    # A plain resize to a square would have kept black and white at the ends.
    assert found.min() > 60
    assert found.max() < 200


def test_what_is_transparent_lies_on_white(tmp_path):
    array = np.zeros((2, 2, 4), np.uint8)
    array[0, 0] = [10, 20, 30, 255]
    save(tmp_path / "a.png", array)
    _, found = opened(tmp_path)
    assert found[0, 0, 0].tolist() == [10, 20, 30]
    assert (found[0, 1] == 255).all()


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    deep = np.array([[0, 256, 65535], [300, 32768, 255]], np.uint16)
    save(tmp_path / "a.png", deep)
    np.testing.assert_array_equal(opened(tmp_path)[1][0], deep >> 8)


def test_photographs_are_turned_as_their_camera_says(tmp_path):
    upright = pixels(6, 4)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to see it upright
    save(tmp_path / "a.png", np.rot90(upright).copy(), exif=exif)
    dataset, found = opened(tmp_path)
    assert dataset.shape == (6, 4)
    np.testing.assert_array_equal(found[0], upright)


def test_train_and_test_folders_are_the_two_parts(tmp_path):
    train, test = pixels(4, 4), pixels(4, 4)
    save(tmp_path / "train" / "x" / "a.png", train)
    save(tmp_path / "test" / "x" / "a.png", test)
    np.testing.assert_array_equal(opened(tmp_path)[1][0], train)
    np.testing.assert_array_equal(opened(tmp_path, split="test")[1][0], test)


def test_other_and_hidden_files_are_left_out(tmp_path):
    save(tmp_path / "a.png", pixels(4, 4))
    save(tmp_path / ".thumbs" / "b.png", pixels(4, 4))
    (tmp_path / "notes.txt").write_text("hello")
    dataset, _ = opened(tmp_path)
    assert len(dataset) == 1
    assert dataset.labels is None


def test_a_decompression_bomb_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for side in (12, 20):  # Pillow only warns of the smaller
        save(tmp_path / "a.png", pixels(side, side))
        with pytest.raises(ValueError, match="a.png has more than 100 pixels"):
            opened(tmp_path)


def test_a_truncated_image_is_refused_or_whole(tmp_path):
    save(tmp_path / "a.png", pixels(9, 9))
    whole = (tmp_path / "a.png").read_bytes()
    expected, refused = opened(tmp_path)[1], 0
    for length in range(0, len(whole), 3):
        (tmp_path / "a.png").write_bytes(whole[:length])
        try:
            np.testing.assert_array_equal(opened(tmp_path)[1], expected)
        except ValueError as error:
            assert "a.png is not an image" in str(error) or "cannot be read" in str(error)  # noqa: PT017
            refused += 1
    assert refused >= (len(whole) - 24) // 3  # only checksums and the end mark may be missing


def test_a_file_that_is_no_image_whatever_its_name(tmp_path):
    # Pillow would start Ghostscript for this one.
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="a.png is not an image"):
        opened(tmp_path)


def test_floating_point_pixels_are_refused(tmp_path):
    save(tmp_path / "a.tif", np.ones((3, 3), np.float32))
    with pytest.raises(ValueError, match="save them as .npy"):
        opened(tmp_path)


def test_real_folder(data_directory):
    dataset, found = opened(data_directory / "image-folder")
    assert dataset.shape == (32, 32, 3)
    assert len(found) == 200
    names, counts = np.unique(dataset.labels, return_counts=True)
    assert names[0] == "airplane"
    assert counts.tolist() == [20] * 10


def test_real_photographs_of_two_orientations(data_directory):
    dataset, _ = opened(data_directory / "kodak")
    assert dataset.shape == (512, 768, 3)

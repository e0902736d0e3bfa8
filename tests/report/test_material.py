from dataclasses import replace

import numpy as np
import pytest

from diabolo.data.sources import open_dataset
from diabolo.report import material
from diabolo.report.material import at_hand, gather


@pytest.fixture(scope="module")
def digits():
    return gather("digits", None, seed=0)


def test_digits_are_split_apart_and_named(digits):
    assert digits.name == "scikit-learn’s digits"
    assert (len(digits.train), len(digits.test)) == (1438, 359)
    together = np.concatenate([digits.train, digits.test]).reshape(1797, -1)
    everything = open_dataset("digits").rows.array.reshape(1797, -1)
    assert np.array_equal(np.sort(together, axis=0), np.sort(everything, axis=0))
    assert digits.classes == tuple("0123456789")
    assert digits.ink


def test_labels_belong_to_their_images(digits):
    whole = open_dataset("digits")
    number = {image.tobytes(): label for image, label in zip(whole.rows.array, whole.labels)}  # noqa: B905
    for images, labels in ((digits.train, digits.train_labels), (digits.test, digits.test_labels)):
        assert [number[image.tobytes()] for image in images] == labels.tolist()


def test_unit_scale_is_from_black_to_white(digits):
    grey = digits.unit(digits.train)
    assert (grey.min(), grey.max()) == (0, 1)
    assert np.array_equal(grey * 16, digits.train)


def test_one_of_each_class_in_order(digits):
    assert digits.test_labels[digits.one_of_each()].tolist() == list(range(10))
    assert digits.test_labels[digits.one_of_each(20)].tolist() == [
        c for c in range(10) for _ in "ab"
    ]
    assert len(set(digits.one_of_each(20))) == 20


def test_fewer_classes_come_several_times():
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    data = replace(open_dataset(images), labels=np.array(["b", "a", "a"] * 20))
    got = gather(data, None, 0)
    assert got.classes == ("a", "b")
    assert np.bincount(got.test_labels[got.one_of_each(4)]).tolist() == [2, 2]


def test_the_same_seed_draws_the_same_rows():
    first, second, other = (gather("digits", 100, seed).train for seed in (1, 1, 2))
    assert len(first) == 100
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_flat_rows_are_folded():
    assert gather(np.random.default_rng(0).random((50, 100)), None, 0).shape == (10, 10)


def test_colour_images_are_no_ink():
    images = np.zeros((50, 9, 8, 3), dtype=np.uint8)
    images[:, 4] = 200
    got = gather(images, None, 0)
    assert got.shape == (9, 8, 3)
    assert not got.ink
    assert got.classes == ()


@pytest.mark.parametrize("shape", [(50, 7), (50, 6, 20), (50, 8, 8, 2)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"a gallery shows images, but rows of shape .* digits"):
        gather(np.zeros(shape), None, 0)


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="at least 40 images to train on and to show, got 10"):
        gather(np.zeros((10, 8, 8)), None, 0)


def test_mnist_is_taken_where_it_is_and_never_downloaded(monkeypatch):
    monkeypatch.setattr(material.catalogue, "is_at_hand", lambda name: name == "mnist")
    assert at_hand() == "mnist"
    monkeypatch.setattr(material.catalogue, "is_at_hand", lambda name: False)
    assert at_hand() == "digits"


@pytest.mark.data
def test_mnist_has_a_test_part_of_its_own(data_directory):
    got = gather("mnist", 500, 0)
    assert (got.name, len(got.train), len(got.test), got.ink) == ("MNIST", 500, 10_000, True)
    assert got.test[0].sum() == 18454  # the seven that the test part begins with

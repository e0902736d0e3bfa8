"""Directions are found in one half and measured on the other, with an encoder and without."""

import numpy as np
import pytest

from diabolo import open_dataset
from diabolo.data.dataset import Dataset
from diabolo.data.rows import ArrayRows
from diabolo.uses.edit.ground import ground, measured, towards, unsupervised
from diabolo.uses.latent import decode_scaled


@pytest.fixture(scope="module")
def data(digits):
    return Dataset(ArrayRows(digits.test), (64,), labels=digits.y_test)


def test_halves_do_not_overlap(digits, data):
    place = ground(digits.vae, data)
    codes = digits.vae.transform(digits.test)
    assert np.array_equal(place.codes, codes[::2])
    assert np.array_equal(place.others, codes[1::2])
    assert np.array_equal(place.labels, digits.y_test[::2].astype(str))
    assert 0.8 < place.accuracy < 1


def test_draws_of_a_generator_get_the_probes_labels(digits, data):
    place = ground(digits.gan, data, random_state=3)
    assert place.codes.shape[1] == 4
    seen = place.probe.verdict(decode_scaled(digits.gan, place.codes))
    assert np.array_equal(place.labels, seen)
    again = ground(digits.gan, data, random_state=3)
    assert np.array_equal(place.codes, again.codes)


@pytest.mark.parametrize("by", ["means", "probe"])
def test_an_edit_is_measured_on_rows_that_it_was_not_made_of(digits, data, by):
    place = ground(digits.vae, data)
    direction = towards(place, 0, 1, by=by)
    found, shares, count = measured(digits.vae, place, direction, [0, 1, 2], label=0, away=1)
    assert count == (place.other_labels == "1").sum()
    assert shares[0] < 0.1
    assert shares[2] > 0.9
    assert found.slope("0") > 2
    assert found.slope("1") < -2
    assert (found.target, found.source) == ("0", "1")


def test_directions_without_labels(digits):
    place = ground(digits.vae, open_dataset(digits.test))
    assert place.labels is place.probe is None
    first = unsupervised(digits.vae, place, "principal", 1)
    found, shares, count = measured(digits.vae, place, first, [-1, 1])
    assert (found.attributes, shares, count) == ({}, None, 298)
    assert unsupervised(digits.vae, place, "factor", 8).name == "factor 8"
    with pytest.raises(ValueError, match="no labels to find a direction by"):
        towards(place, 0)


def test_labels_that_are_no_classes_are_left_out(digits):
    ages = np.arange(len(digits.test))
    place = ground(digits.vae, Dataset(ArrayRows(digits.test), (64,), labels=ages))
    assert place.labels is None


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda m, p: towards(p, 0, by="magic"), "by='magic' is unknown: known are means, probe."),
        (lambda m, p: towards(p, 11), "no row has the label '11'"),
        (lambda m, p: unsupervised(m.vae, p, "factor", 9), "factor 9 is not among the 8"),
        (lambda m, p: unsupervised(m.vae, p, "principal", 0), "principal 0 is not among the 8"),
        (lambda m, p: unsupervised(m.gan, p, "principal", 1), "so none is principal: take a"),
    ],
)
def test_what_gives_no_direction_is_one_sentence(digits, data, make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(digits, ground(digits.vae, data))

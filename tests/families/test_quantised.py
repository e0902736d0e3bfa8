"""Families with whole numbers for a code: the numbers, what they stand for, how good they are."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import diabolo
from diabolo.families import family

NAMES = ["VQVAE", "FSQAutoencoder"]


@pytest.fixture(scope="module", params=NAMES)
def fitted(request, digits):
    model = family(request.param)(n_components=8, max_epochs=20, random_state=0, n_threads=1)
    return model.fit(digits[0])


def test_indices_are_the_code(fitted, digits):
    X = digits[1]
    indices = fitted.indices(X)
    assert indices.dtype == np.int64
    assert indices.shape == (len(X), fitted.module_.code.places)
    assert (indices >= 0).all()
    assert (indices < fitted.module_.code.sizes).all()
    np.testing.assert_array_equal(fitted.from_indices(indices), fitted.reconstruct(X))
    same_numbers = len(np.unique(indices, axis=0))
    assert len(np.unique(fitted.transform(X), axis=0)) == same_numbers > 100


def test_they_beat_a_linear_code_of_far_more_bits(fitted, digits):
    """8 numbers of float32 are 256 bits; these are 16 and 24."""
    train, held_out = digits
    bits = np.log2(np.array(fitted.module_.code.sizes, float)).sum()
    pca = PCA(8, random_state=0).fit(train)
    linear = np.square(pca.inverse_transform(pca.transform(held_out)) - held_out).mean()
    ratio = np.square(fitted.reconstruct(held_out) - held_out).mean() / linear
    print(f"{type(fitted).__name__}: {ratio:.3f} of PCA's error at {bits:.0f} bits")
    assert bits <= 24
    assert ratio < 0.95


def test_most_entries_are_in_use(fitted):
    record = fitted.history_.records[-1]["train"]
    assert record["perplexity"] > 0.5 * max(fitted.module_.code.sizes)


def test_they_come_back_from_a_file(fitted, digits, tmp_path):
    fitted.save(tmp_path / "m")
    again = diabolo.load(tmp_path / "m")
    np.testing.assert_array_equal(again.indices(digits[1]), fitted.indices(digits[1]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda i: i[:, :1], r"whole numbers of shape \(n, \d\), one for each place; got int64"),
        (lambda i: i + 0.5, "whole numbers of shape"),
        (lambda i: i - 1000, "indices has -.* in row 0, place 0, which has values 0 …"),
        (lambda i: i + 1000, "indices has .* in row 0, place 0, which has values 0 …"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(fitted, digits, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        fitted.from_indices(change(fitted.indices(digits[1][:3])))


@pytest.mark.parametrize(
    ("name", "parameters", "sentence"),
    [
        ("VQVAE", {"n_components": 3, "vector_size": 2}, "pass n_components=4, for example"),
        ("FSQAutoencoder", {"levels": 1}, "levels=1 must be whole numbers of at least 2"),
        ("FSQAutoencoder", {"n_components": 3, "levels": (5, 5)}, "one for each of the 3"),
        ("FSQAutoencoder", {"levels": (2.5,)}, "levels=.* holds 2.5, expected whole numbers"),
    ],
)
def test_sizes_that_do_not_fit(rows, name, parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        family(name)(**parameters).fit(rows)


def test_a_codebook_by_gradient(digits):
    model = family("VQVAE")(codebook="gradient", n_components=8, max_epochs=20, random_state=0)
    history = model.fit(digits[0]).history_
    assert history.curve("codebook")[-1] < history.curve("codebook")[0]
    assert "commitment" in history.records[0]["train"]

"""A map on which new rows lie beside their neighbours, and that can be read backwards."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from diabolo import load
from diabolo.families.parametric_tsne import ParametricTSNE


@pytest.fixture(scope="module")
def fitted(digits):
    train, _ = digits
    return ParametricTSNE(max_epochs=60, random_state=0, n_threads=1).fit(train)


def test_new_digits_lie_beside_their_neighbours(fitted, digits):
    train, test = digits
    labels = load_digits().target[np.random.default_rng(0).permutation(1797)]
    codes = fitted.transform(train), fitted.transform(test)
    right = KNeighborsClassifier(5).fit(codes[0], labels[:1400]).score(codes[1], labels[1400:])
    trust = trustworthiness(test, codes[1], n_neighbors=5)
    error = np.square((fitted.reconstruct(test) - test) / 16).mean()
    print(right, trust, error)
    assert right > 0.95  # PCA: 0.6, ParametricUMAP: 0.87
    assert trust > 0.96  # 0.83 and 0.89
    assert error < 0.053  # as PCA; the mean: 0.075


def test_encoder_and_decoder_learn_one_after_the_other(fitted):
    records = fitted.history_.records
    assert [record["phase"] for record in records] == ["places"] * 60 + ["decoder"] * 60
    assert records[59]["train"]["loss"] < 0.7 * records[0]["train"]["loss"]
    assert "reconstruction" in records[-1]["train"]


def test_a_soft_choice_puts_rows_between(digits):
    train, test = digits
    words = {"max_epochs": 5, "random_state": 0, "n_threads": 1}
    soft, hard = (
        ParametricTSNE(sharpness=s, **words).fit(train).transform(test) for s in (0.3, 50.0)
    )
    assert trustworthiness(test, hard, n_neighbors=5) > trustworthiness(test, soft, n_neighbors=5)


def test_a_mixed_table_has_a_map():
    frame = pd.DataFrame({"size": np.arange(40.0), "kind": ["a", "b", None, "c"] * 10})
    model = ParametricTSNE(max_epochs=2, random_state=0, n_threads=1).fit(frame)
    assert model.transform(frame).shape == (len(frame), 2)
    assert list(model.reconstruct(frame).columns) == list(frame.columns)


def test_its_places_are_in_the_file(fitted, digits, tmp_path):
    fitted.save(tmp_path / "map.safetensors")
    again = load(tmp_path / "map.safetensors")
    np.testing.assert_array_equal(again.transform(digits[1]), fitted.transform(digits[1]))


@pytest.mark.parametrize("rows", [1, 2, 3, 12])
def test_few_rows(rows):
    X = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    codes = ParametricTSNE(max_epochs=2, random_state=0, n_threads=1).fit_transform(X)
    assert codes.shape == (rows, 2)
    assert np.isfinite(codes).all()


@pytest.mark.parametrize("dim", [1, 3])
def test_other_dimensions(rows, dim):
    model = ParametricTSNE(n_components=dim, max_epochs=2, random_state=0, n_threads=1).fit(rows)
    assert model.transform(rows).std(0).min() > 0.1


def test_another_penalty_on_neighbours_is_refused(rows):
    with pytest.raises(ValueError, match="keeps neighbours by itself: pass neighbour_weight=0"):
        ParametricTSNE(neighbour_weight=1.0).fit(rows)

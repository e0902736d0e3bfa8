"""The nested autoencoder: units in the order of what they say."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from diabolo.families import family


@pytest.fixture(scope="module")
def linear():
    random = np.random.default_rng(0)
    basis, _ = np.linalg.qr(random.normal(size=(6, 6)))
    X = random.normal(size=(1000, 6)) * [3, 2, 1.3, 0.8, 0.4, 0.3] @ basis
    model = family("NestedAutoencoder")(
        n_components=4,
        hidden_layer_sizes=(),
        scaling="none",
        weight_decay=0.0,
        early_stopping=False,
        lr=2e-2,
        batch_size=100,
        max_epochs=150,
        random_state=0,
        n_threads=1,
    )
    return model.fit(X), X, PCA().fit(X)


def test_linear_units_are_the_principal_components_one_by_one(linear):
    model, _, pca = linear
    directions = model.module_.decoder.layers[0].weight.detach().numpy().T.copy()
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    cosines = np.abs(directions @ pca.components_.T)
    print(cosines.round(4))
    np.testing.assert_allclose(cosines[:, :4], np.eye(4), atol=0.05)
    assert cosines.diagonal().min() > 0.998


def test_every_prefix_rebuilds_as_well_as_pca(linear):
    model, X, _ = linear
    for m in range(1, 5):
        pca = PCA(m).fit(X)
        best = np.square(pca.inverse_transform(pca.transform(X)) - X).mean()
        assert np.square(model.reconstruct_from(X, m) - X).mean() < 1.02 * best


def test_a_plain_autoencoder_finds_the_subspace_alone(linear):
    """The control: the same settings without the order."""
    model, X, pca = linear
    plain = family("Autoencoder")(**model.get_params()).fit(X)
    weight = plain.module_.decoder.layers[0].weight.detach().numpy()
    cosines = np.abs(weight.T @ pca.components_.T) / np.linalg.norm(weight, axis=0)[:, None]
    assert np.square(cosines[:, :4]).sum(1).min() > 0.99
    assert cosines[:, :4].max(1).min() < 0.95


def test_all_units_are_reconstruct(linear):
    model, X, _ = linear
    np.testing.assert_array_equal(model.reconstruct_from(X, 4), model.reconstruct(X))


@pytest.mark.parametrize("n_units", [0, 5, 2.5, "all"])
def test_a_number_of_units_that_there_is_not(linear, n_units):
    with pytest.raises(ValueError, match=r"n_units=.* must be a whole number from 1 to 4"):
        linear[0].reconstruct_from(linear[1], n_units)

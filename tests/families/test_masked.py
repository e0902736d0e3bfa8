"""The masked autoencoder predicts one part of a row from any other."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from diabolo.families import family


def gaussian(rows, seed, d=5):
    """Rows of a Gaussian whose columns hang together, and its covariance."""
    mixing = np.random.default_rng(7).normal(size=(2, d))
    covariance = mixing.T @ mixing + 0.1 * np.eye(d)
    return np.random.default_rng(seed).multivariate_normal(
        np.zeros(d), covariance, rows
    ), covariance


def conditional_mean(X, covariance, mask):
    """E[x_hidden | x_visible] of a Gaussian with mean 0."""
    seen = ~mask
    weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, mask)])
    return X[:, seen] @ weights


@pytest.fixture(scope="module")
def fitted():
    X, _ = gaussian(2000, seed=0)
    return family("MaskedAutoencoder")(random_state=0, n_threads=1, max_epochs=200).fit(X)


@pytest.mark.parametrize("hidden", [[0], [3], [1, 4], [0, 1, 2]], ids=str)
def test_predictions_are_near_the_exact_conditional_means(fitted, hidden):
    """The excess over the noise that no prediction can avoid, as a share of the variance."""
    X, covariance = gaussian(1000, seed=1)
    mask = np.isin(np.arange(5), hidden)
    found = fitted.predict_hidden(X, mask)
    exact = conditional_mean(X, covariance, mask)
    excess = np.square(found[:, mask] - exact).mean(0) / X[:, mask].var(0)
    print(hidden, excess.round(4))
    assert excess.max() < 0.03
    np.testing.assert_allclose(found[:, ~mask], X[:, ~mask], rtol=1e-5, atol=1e-5)


def test_one_model_is_nearly_as_good_as_a_regression_for_each_column(fitted):
    train, _ = gaussian(2000, seed=0)
    X, _ = gaussian(1000, seed=1)
    for j in range(5):
        others = np.arange(5) != j
        line = LinearRegression().fit(train[:, others], train[:, j]).predict(X[:, others])
        ours = fitted.predict_hidden(X, ~others)[:, j]
        errors = [np.square(guess - X[:, j]).mean() for guess in (ours, line)]
        assert errors[0] < 1.15 * errors[1]


def test_a_mask_for_every_row(fitted):
    X, _ = gaussian(50, seed=2)
    mask = np.random.default_rng(0).random(X.shape) < 0.4
    found = fitted.predict_hidden(X, mask)
    changed = X.copy()
    changed[mask] = 99.0  # whatever stands there
    np.testing.assert_array_equal(fitted.predict_hidden(changed, mask), found)
    for row in (0, 17):
        alone = fitted.predict_hidden(X[row : row + 1], mask[row])
        np.testing.assert_array_equal(alone[0], found[row])


def test_of_everything_hidden_the_mean_is_left(fitted):
    X, _ = gaussian(300, seed=3)
    found = fitted.predict_hidden(X, np.ones(5, bool))
    assert len(np.unique(found, axis=0)) == 1
    assert (np.abs(found[0]) < 0.4 * X.std(0)).all()


def test_rows_of_which_nothing_is_hidden_are_encoded(fitted):
    X, _ = gaussian(300, seed=3)
    assert fitted.transform(X).shape == (300, 32)
    assert fitted.score(X) > -0.1


@pytest.mark.parametrize(
    "mask", [np.ones(5), np.ones(4, bool), np.ones((49, 5), bool), np.bool_(True)], ids=str
)
def test_what_is_no_mask_is_refused(fitted, mask):
    with pytest.raises(ValueError, match=r"mask must hold True and False in the shape of X"):
        fitted.predict_hidden(gaussian(50, seed=2)[0], mask)


class TestImages:
    def fit(self, X, **parameters):
        return family("MaskedAutoencoder")(random_state=0, max_epochs=1, **parameters).fit(X)

    @pytest.mark.parametrize("network", ["dense", "convolutional"])
    def test_patches_are_hidden_whole(self, network):
        X = np.random.default_rng(0).integers(0, 256, (40, 9, 8, 3)).astype(np.uint8)
        model = self.fit(X, patch=4, network=network, channels=(4,), hidden_share=0.75)
        mask = np.zeros(X.shape, bool)
        mask[:, 4:8, :4] = True
        found = model.predict_hidden(X, mask)
        assert found.shape == X.shape
        np.testing.assert_allclose(found[~mask], X[~mask], atol=1e-4)
        x = model.columns_.scaled(torch.from_numpy(X))
        noise = torch.Generator().manual_seed(0)
        seen = model.module_.corruption(x, noise)[0].isnan().numpy().reshape(X.shape)
        for rows in (slice(0, 4), slice(4, 8), slice(8, 9)):
            for columns in (slice(0, 4), slice(4, 8)):
                square = seen[:, rows, columns].reshape(40, -1)
                assert (square.all(1) | ~square.any(1)).all()

    def test_a_table_has_none(self, rows):
        with pytest.raises(ValueError, match="patch is for images, and these rows are none"):
            self.fit(rows, patch=2)

    def test_shares_in_the_wrong_order(self, rows):
        with pytest.raises(ValueError, match=r"lowest=0.9 is more than hidden_share=0.5"):
            self.fit(rows, lowest=0.9, hidden_share=0.5)


def test_an_encoder_of_ones_own_sees_zeros(rows):
    encoder = torch.nn.utils.skip_init(torch.nn.Linear, 6, 2)
    torch.nn.init.ones_(encoder.weight)
    torch.nn.init.zeros_(encoder.bias)
    settings = {"n_components": 2, "max_epochs": 2, "random_state": 0}
    model = family("MaskedAutoencoder")(encoder=encoder, **settings).fit(rows)
    found = model.predict_hidden(rows, np.arange(6) == 2)
    x = model.columns_.scaled(torch.from_numpy(rows))
    x[:, 2] = 0
    wanted = model.columns_.original(model.module_.reconstruct(x))
    np.testing.assert_allclose(found[:, 2], wanted[:, 2], rtol=1e-4, atol=1e-5)

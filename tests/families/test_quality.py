"""What passes every check of form may still have learned nothing: a family must keep up with PCA.

Measure: mean squared error per pixel of held-out digits (397 of 1,797), code size 8 (of a map 2),
default settings otherwise, against PCA with as many components, the best that a linear map can do.
"""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA

from diabolo.families import family

CODE, MAP = 8, 2
ERRORS = {CODE: 6.277, MAP: 13.678}  # PCA's of this split
MARGIN = 1.02
OWN = {
    "ParametricTSNE": {"n_components": MAP},
    "SparseDictionary": {"n_components": 256, "k": CODE},  # as many numbers a row
}


def error(model, X):
    return float(np.square(model.reconstruct(X) - X).mean())


def keeps_up_with_pca(model, digits, code=CODE):
    """Fit the model on the training digits; its error on the others beside PCA's."""
    train, held_out = digits
    pca = PCA(code, random_state=0).fit(train)
    best_linear = np.square(pca.inverse_transform(pca.transform(held_out)) - held_out).mean()
    assert best_linear == pytest.approx(ERRORS[code], abs=1e-3)  # by the definition above
    ratio = error(model.fit(train), held_out) / best_linear
    print(f"{type(model).__name__}: {ratio:.3f} of PCA's error")
    return ratio <= MARGIN


def test_a_family_keeps_up_with_pca(name, digits):
    settings = {"n_components": CODE, **OWN.get(name, {})}
    code = min(CODE, settings["n_components"])
    assert keeps_up_with_pca(family(name)(**settings, random_state=0), digits, code)


class Null(BaseEstimator):
    """Always zero; passes scikit-learn's whole battery."""

    def fit(self, X):
        return self

    def reconstruct(self, X):
        return np.zeros_like(X)


class Copy(BaseEstimator):
    """Looks like the identity: keeps the pixels that vary most, the mean of the others."""

    def fit(self, X):
        self.mean_, self.kept_ = X.mean(0), np.argsort(X.var(0))[-CODE:]
        return self

    def reconstruct(self, X):
        out = np.tile(self.mean_, (len(X), 1))
        out[:, self.kept_] = X[:, self.kept_]
        return out


class Shuffled(BaseEstimator):
    """Learns from pixels that were each shuffled among the images: no structure is left."""

    def fit(self, X):
        X = np.random.default_rng(0).permuted(X, axis=0)
        self.model_ = family("Autoencoder")(n_components=CODE, random_state=0).fit(X)
        return self

    def reconstruct(self, X):
        return self.model_.reconstruct(X)


@pytest.mark.parametrize("control", [Null, Copy, Shuffled])
def test_a_model_that_learned_nothing_does_not(control, digits):
    assert not keeps_up_with_pca(control(), digits)

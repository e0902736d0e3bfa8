"""Models whose edits have closed forms, and a small one of real digits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from diabolo import Autoencoder, GenerativeAdversarialNetwork, VariationalAutoencoder
from diabolo.uses.edit.effects import Probe
from diabolo.uses.latent import scaled_rows

QUICK = {"random_state": 0, "n_threads": 1, "early_stopping": False}


@pytest.fixture(scope="session")
def linear():
    """A linear autoencoder of standardised columns: x̂ = Wz + b, z = Vx."""
    rows = np.random.default_rng(0).normal(size=(200, 3)) @ np.random.default_rng(1).normal(
        size=(3, 6)
    )
    settings = {"hidden_layer_sizes": (), "activation": "identity", "max_epochs": 20}
    return Autoencoder(n_components=3, scaling="standard", **settings, **QUICK).fit(rows), rows


class OntoSphere(torch.nn.Module):
    """Longitude and latitude → a point of the unit sphere."""

    def forward(self, z):
        longitude, latitude = z.unbind(1)
        flat = torch.cos(latitude)
        return torch.stack(
            [flat * torch.cos(longitude), flat * torch.sin(longitude), torch.sin(latitude)], 1
        )


@pytest.fixture(scope="session")
def sphere():
    """An autoencoder whose decoder maps to the unit sphere."""
    model = Autoencoder(n_components=2, scaling="none", max_epochs=1, **QUICK)
    model.fit(np.random.default_rng(0).normal(size=(40, 3)))
    model.module_.decoder = OntoSphere()
    return model


class Digits:
    """Models of 1,200 digits; the others, and a probe that knows nothing of the models."""

    def __init__(self):
        X, y = load_digits(return_X_y=True)
        self.train, self.y = X[:1200], y[:1200]
        self.test, self.y_test = X[1200:], y[1200:]
        self.vae = VariationalAutoencoder(n_components=8, max_epochs=40, **QUICK).fit(self.train)
        self.gan = GenerativeAdversarialNetwork(n_components=4, max_epochs=3, **QUICK)
        self.gan.fit(self.train)
        self.probe = Probe(scaled_rows(self.vae, self.train), self.y)


@pytest.fixture(scope="session")
def digits():
    return Digits()

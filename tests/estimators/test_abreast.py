"""Sizes trained as one stack learn what each would learn alone."""

import numpy as np
import pytest
import torch

import diabolo
from diabolo import open_dataset
from diabolo.estimators.abreast import can_be_stacked, fit_abreast

SHARED = {"max_epochs": 4, "early_stopping": False, "random_state": 0, "n_threads": 1}


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return open_dataset(random.normal(size=(120, 3)) @ random.normal(size=(3, 8)))


def sizes(kind, **words):
    pairs = [(1, (4,)), (3, (12,)), (2, (7,))]
    return [
        kind(n_components=k, hidden_layer_sizes=hidden, **SHARED, **words) for k, hidden in pairs
    ]


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_each_is_what_it_would_be_alone(rows, activation):
    models = sizes(diabolo.Autoencoder, activation=activation)
    fit_abreast(models, rows)
    for model in models:
        alone = type(model)(**model.get_params()).fit(rows)
        x = alone.columns_.scaled(torch.from_numpy(rows.rows.take(np.arange(120))))
        with torch.no_grad():
            ours, theirs = (m.module_.reconstruct(x) for m in (model, alone))
        assert torch.allclose(ours, theirs, atol=2e-4)


def test_units_that_are_not_wanted_stay_at_zero(rows):
    models = sizes(diabolo.Autoencoder)
    fit_abreast(models, rows)
    narrow = models[0].module_.encoder.layers
    assert narrow[0].weight.shape == (12, 8)
    assert not narrow[0].weight[4:].any()
    assert not narrow[1].weight[1:].any()
    assert narrow[0].weight[:4].all()


def test_noise_is_each_ones_own(rows):
    models = sizes(diabolo.DenoisingAutoencoder, level=0.2)
    fit_abreast(models, rows)
    assert all(np.isfinite(model.history_.curve()).all() for model in models)
    assert all(model.n_iter_ == 4 for model in models)


def test_what_cannot_be_stacked(rows):
    assert can_be_stacked(diabolo.Autoencoder())
    assert not can_be_stacked(diabolo.Autoencoder(activation="sigmoid"))
    assert not can_be_stacked(diabolo.ConvolutionalAutoencoder())
    deep = [diabolo.Autoencoder(hidden_layer_sizes=h, **SHARED) for h in ((4,), (4, 3))]
    with pytest.raises(ValueError, match="cannot be stacked: pass equally many"):
        fit_abreast(deep, rows)
    holding = [diabolo.Autoencoder(hidden_layer_sizes=(4,), n_components=2, max_epochs=1)] * 2
    with pytest.raises(ValueError, match="hold out no rows"):
        fit_abreast(holding, rows)

"""From hyper-parameters and facts of the data to sizes, likelihoods and streams of chance."""

import numpy as np
import pytest
import torch

import diabolo
from diabolo.data.sources import open_dataset
from diabolo.estimators.composition import (
    Facts,
    code_size,
    hidden_sizes,
    image_shape,
    likelihood_for,
    whole_numbers,
)
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits, batch_size, epochs
from diabolo.estimators.seeds import Seeds
from diabolo.families import AUTOENCODERS, family


def facts(d, shape=None, kind="real", levels=None):
    return Facts(d, shape or (d,), kind, levels, 100, 0)


@pytest.mark.parametrize(
    ("shape", "folded"),
    [
        ((28, 28), (28, 28, 1)),
        ((9, 7, 3), (9, 7, 3)),
        ((784,), (28, 28, 1)),
        ((64,), (8, 8, 1)),
        ((49,), (1, 49, 1)),  # 7×7, but below 8×8 a table is likelier
        ((65,), (1, 65, 1)),
        ((1,), (1, 1, 1)),
    ],
)
def test_rows_are_folded_to_images(shape, folded):
    assert image_shape(facts(int(np.prod(shape)), shape)) == folded


def test_default_sizes():
    assert [hidden_sizes(facts(d)) for d in (1, 20, 255, 256, 784)] == [
        (32,), (40,), (510,), (512, 256), (512, 256)
    ]  # fmt: skip
    assert [code_size(facts(d)) for d in (1, 3, 8, 64, 784)] == [1, 1, 2, 16, 32]


def test_whole_numbers():
    assert whole_numbers("sizes", [np.int64(3), 2]) == (3, 2)
    with pytest.raises(ValueError, match=r"sizes=\[3, 0\] holds 0, expected whole numbers"):
        whole_numbers("sizes", [3, 0])


@pytest.mark.parametrize(
    ("kind", "name", "part"),
    [("binary", "auto", "Bernoulli"), ("unit", "auto", "Gaussian"), ("real", "auto", "Gaussian")],
)
def test_the_kind_of_data_decides_the_likelihood(kind, name, part):
    by_kind = Estimator.LIKELIHOOD_BY_KIND
    assert type(likelihood_for(name, facts(4, kind=kind), by_kind)).__name__ == part


@pytest.mark.parametrize(
    ("name", "kind", "remedy"),
    [
        ("bernoulli", "real", "scaling='minmax'"),
        ("categorical", "real", "likelihood='gaussian'"),
        ("logistic", "unit", "likelihood='gaussian'"),
    ],
)
def test_likelihoods_that_do_not_suit_say_what_does(name, kind, remedy):
    with pytest.raises(ValueError, match=f"likelihood='{name}' needs .*{remedy}"):
        likelihood_for(name, facts(4, kind=kind), {})


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"network": "convolutional", "tied": True}, "tied weights are for dense networks"),
        ({"likelihood": "gaussian-entry", "tied": True}, "pass tied=False"),
        ({"network": "convolutional", "channels": ()}, "channels=.. leaves nothing"),
    ],
)
def test_compositions_that_make_no_sense(rows, parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        family("Autoencoder")(**parameters).fit(rows)


def test_families_by_name():
    for name in AUTOENCODERS:
        assert family(name) is getattr(diabolo, name)
        assert family(name).__name__ == name
    with pytest.raises(ValueError, match="unknown family 'Perceptron'; this version knows Auto"):
        family("Perceptron")


def test_streams_of_one_seed_are_unrelated_and_repeat():
    seeds = Seeds.of(3)
    assert seeds == Seeds.of(np.int64(3))
    assert seeds.number("weights") == Seeds.of(3).number("weights")
    assert len({seeds.number(purpose) for purpose in ("weights", "noise", "split", "order")}) == 4
    a = torch.rand(5, generator=seeds.generator("weights"))
    b = torch.rand(5, generator=seeds.generator("weights"))
    assert torch.equal(a, b)
    assert Seeds.of(None) != Seeds.of(None)


class TestFits:
    def fits(self, rows, **parameters):
        X = np.random.default_rng(0).normal(size=(rows, 3))
        model = family("DenoisingAutoencoder")(max_epochs=1, random_state=0, **parameters).fit(X)
        return Fits(model, open_dataset(X))

    @pytest.mark.parametrize("rows", [30, 31, 1000])
    def test_rows_are_split_once(self, rows):
        fits = self.fits(rows)
        assert len(fits.held_out) == round(rows * 0.1)
        together = np.concatenate([fits.train, fits.held_out])
        np.testing.assert_array_equal(np.sort(together), np.arange(rows))
        np.testing.assert_array_equal(fits.held_out, self.fits(rows).held_out)

    def test_few_rows_are_not_split(self):
        assert self.fits(29).held_out is None
        assert self.fits(100, early_stopping=False).held_out is None
        assert len(self.fits(100, early_stopping=False).train) == 100

    def test_held_out_terms_do_not_depend_on_when_they_are_asked_for(self):
        fits = self.fits(100)
        phase = fits.phase("joint", (fits.player("joint", fits.estimator.module_),))
        with torch.no_grad():
            assert phase.evaluate() == phase.evaluate()

    def test_budget(self):
        assert [batch_size(n) for n in (1, 1024, 2000, 10**6)] == [16, 16, 32, 128]
        assert [epochs(n) for n in (1, 60, 10**4)] == [200, 100, 20]
        assert self.fits(100, batch_size=7).batch_size == 7


class TestFeatures:
    def test_of_every_level(self, make, rows):
        model = make(hidden_layer_sizes=(9, 5)).fit(rows)
        levels = len(model.module_.encoder.layers) - (model.network == "dense")
        for layer in range(1, levels + 1):
            features = model.features(rows, layer)
            assert features.shape[0] == 40
            assert np.isfinite(features).all()
        for layer in (0, levels + 1):
            with pytest.raises(ValueError, match=f"layer={layer} is not among"):
                model.features(rows, layer)

    def test_are_the_levels_in_front_of_the_code(self, rows):
        model = family("Autoencoder")(hidden_layer_sizes=(9, 5), max_epochs=1).fit(rows)
        last = model.module_.encoder.layers[-1]
        codes = model.features(rows, 2) @ last.weight.detach().numpy().T
        codes += last.bias.detach().numpy()
        np.testing.assert_allclose(model.transform(rows), codes, rtol=1e-4, atol=1e-5)

"""New rows: the model's own samples, warmer or cooler, in the types of the training data."""

import numpy as np
import pandas as pd
import pytest

from diabolo import Autoencoder, GenerativeAdversarialNetwork, VariationalAutoencoder, open_dataset
from diabolo.data.columns import Columns
from diabolo.uses import generate as module
from diabolo.uses.generate import generate, in_types

QUICK = {"max_epochs": 2, "random_state": 0, "n_threads": 1, "hidden_layer_sizes": (8,)}


def all_rows(*args, **options):
    return np.concatenate(list(generate(*args, **options)))


@pytest.fixture(scope="module")
def table():
    """Numbers of different kinds: whole ones among others."""
    random = np.random.default_rng(0)
    size = random.normal(size=200)
    return pd.DataFrame(
        {"age": (40 + 9 * size).round(), "height": 1.7 + 0.1 * size, "sleep": random.random(200)}
    )


@pytest.fixture(scope="module")
def vae(table):
    return VariationalAutoencoder(n_components=2, **QUICK).fit(table)


@pytest.fixture(scope="module")
def gan(table):
    return GenerativeAdversarialNetwork(n_components=2, **QUICK).fit(table)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)


def test_few_rows_are_the_models_sample(vae, gan):
    given = vae.sample(5, random_state=3, mean=True)
    assert np.array_equal(all_rows(vae, 5, seed=3, mean=True), given)
    assert np.array_equal(all_rows(gan, 5, seed=3), gan.sample(5, random_state=3))


def test_tables_are_drawn_and_images_are_means(vae, images):
    assert np.array_equal(all_rows(vae, 5), vae.sample(5, random_state=0, mean=False))
    of_images = VariationalAutoencoder(n_components=2, **QUICK).fit(images)
    assert np.array_equal(all_rows(of_images, 5), of_images.sample(5, random_state=0, mean=True))


def test_many_rows_come_in_pieces_that_differ(gan, monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 1)
    pieces = list(generate(gan, 2500, seed=0))
    assert [len(piece) for piece in pieces] == [1024, 1024, 452]
    assert np.mean(pieces[0] == pieces[1]) < 0.1
    again = list(generate(gan, 2500, seed=0))
    assert all(np.array_equal(a, b) for a, b in zip(pieces, again, strict=True))
    assert not np.array_equal(pieces[0], next(generate(gan, 2500, seed=1)))


@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
def test_a_temperature_multiplies_the_noise(table, noise):
    """With a linear generator, rows spread T times as wide around the same mean, as far as the
    columns' ranges go."""
    linear = {**QUICK, "hidden_layer_sizes": (), "activation": "identity"}
    model = GenerativeAdversarialNetwork(n_components=2, noise=noise, **linear).fit(table)
    plain, wide = (all_rows(model, 4000, temperature=t) for t in (1.0, 2.5))
    still = all_rows(model, 3, temperature=0.0)
    low, high = np.min(np.asarray(table), 0), np.max(np.asarray(table), 0)
    inside = ((low < plain) & (plain < high)).all(1)  # others are cut off already
    wanted = (still[0] + 2.5 * (plain - still[0])).clip(low, high)
    np.testing.assert_allclose(wide[inside], wanted[inside], atol=1e-3, rtol=1e-3)
    assert inside.mean() > 0.2
    assert np.ptp(still, axis=0).max() == 0


def test_a_context_is_shared_by_all_rows(table):
    side = np.eye(2)[np.arange(200) % 2]
    model = VariationalAutoencoder(n_components=1, **QUICK).fit(table, context=side)
    rows = all_rows(model, 4, context=[0, 1], mean=True)
    given = model.sample(4, random_state=0, context=np.tile([0.0, 1.0], (4, 1)))
    assert np.array_equal(rows, given)
    with pytest.raises(ValueError, match="context"):
        all_rows(model, 4)


TYPES = {
    "whole columns among others": (
        {"age": [20.0, 41.0, 33.0], "height": [1.5, 1.8, 1.9]},
        [[20.4, 1.61], [-0.2, 1.7]],
        [[20, 1.61], [0, 1.7]],
        "float64",
    ),
    "integers within their dtype": (
        np.array([[-100, 3], [100, 4]], np.int8),
        [[127.9, 3.2], [-1e4, 5.6]],
        [[127, 3], [-128, 6]],
        "int8",
    ),
    "the largest integers": (
        np.array([[0, 2**62], [5, -(2**62)]], np.int64),
        [[0.6, 1e30], [0.2, -1e30]],
        [[1, 2**63 - 1024], [0, -(2**63)]],
        "int64",
    ),
    "bytes": (np.array([[0, 255]], np.uint8), [[-3.0, 300.0]], [[0, 255]], "uint8"),
    "greys on a scale of their own": (
        np.array([[1.0, 17.0], [17.0, 1.0]]),
        [[0.3, 17.6], [5.5, 5.4]],
        [[1, 17], [6, 5]],
        "float64",
    ),
    "true or false": (np.array([[True, False]]), [[0.7, 0.2]], [[True, False]], "bool"),
    "fractions": (np.array([[0.5, 700.25]]), [[0.7, 2.25]], [[0.7, 2.25]], "float64"),
}


@pytest.mark.parametrize("name", TYPES)
def test_rows_come_in_the_types_of_the_training_data(name):
    learned, rows, expected, dtype = TYPES[name]
    learned = pd.DataFrame(learned) if isinstance(learned, dict) else learned
    typed = in_types(np.array(rows), Columns.learn(open_dataset(learned)))
    assert typed.dtype == dtype
    np.testing.assert_array_equal(typed, np.array(expected, typed.dtype))
    assert not np.signbit(typed[typed == 0]).any()


def test_images_keep_their_shape_and_bytes(images):
    model = VariationalAutoencoder(n_components=2, **QUICK).fit(images)
    typed = in_types(all_rows(model, 3), model.columns_)
    assert (typed.shape, typed.dtype) == ((3, 8, 8), np.uint8)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"n": 0}, "n=0 must be a whole number of at least 1."),
        ({"n": 2.5}, "n=2.5 must be a whole number"),
        ({"n": True}, "n=True must be a whole number"),
        ({"temperature": -1.0}, "temperature=-1.0 must be a number of at least 0."),
        ({"temperature": np.nan}, "temperature=nan must be"),
        ({"labels": ["3"]}, "does not know classes"),
        ({"context": [1.0]}, "was fitted with no context columns, got 1"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(vae, words, sentence):
    with pytest.raises(ValueError, match=sentence):
        all_rows(vae, **{"n": 3, **words})


def test_a_model_without_a_likelihood_has_nothing_to_draw_from(gan):
    with pytest.raises(ValueError, match="has no likelihood to draw from"):
        generate(gan, 3, mean=False)


def test_a_model_without_a_prior_names_the_remedy(table):
    model = Autoencoder(n_components=1, **QUICK).fit(table)
    with pytest.raises(ValueError, match="no prior to draw codes from: fit one"):
        generate(model, 3)

"""Names of models, and what three of them promise about sizes."""

import pytest

from diabolo.cli.recipes import ALIASES, RECIPES, deep, overcomplete, recipe, undercomplete
from diabolo.cli.usage import UsageError
from diabolo.estimators.composition import Facts, code_size


@pytest.mark.parametrize("name", [*RECIPES, *ALIASES])
def test_a_name_is_known(name):
    assert recipe(name) in RECIPES.values()


@pytest.mark.parametrize(
    ("typed", "guess"),
    [("variatonal", "variational"), ("Denoising", "denoising"), ("vaee", "vae")],
)
def test_a_near_miss_gets_a_guess(typed, guess):
    with pytest.raises(UsageError, match=f"unknown model '{typed}'; did you mean '{guess}'?"):
        recipe(typed)


def test_a_far_miss_gets_the_list():
    with pytest.raises(UsageError, match="unknown model 'xyz'. Known are autoencoder, under"):
        recipe("xyz")


@pytest.mark.parametrize("n_features", [2, 3, 64, 784, 5000])
def test_defaults_keep_the_promise_of_the_name(n_features):
    facts = Facts(n_features, (n_features,), "real", None, 100, 0)
    assert undercomplete({}, n_features) == {}
    assert code_size(facts) < n_features
    assert overcomplete({}, n_features)["n_components"] > n_features
    assert len(deep({}, n_features)["hidden_layer_sizes"]) >= 2


def test_sizes_that_agree_are_kept():
    assert undercomplete({"n_components": 63}, 64) == {"n_components": 63}
    assert overcomplete({"n_components": 65}, 64) == {"n_components": 65}
    given = {"hidden_layer_sizes": (9, 8), "lr": 0.1}
    assert deep(given, 64) == given


@pytest.mark.parametrize(
    ("promise", "given", "sentence"),
    [
        (undercomplete, {"n_components": 64}, "smaller than its 64 features, but --code is 64"),
        (undercomplete, {"n_components": 99}, "pass --code 16, or --model overcomplete."),
        (overcomplete, {"n_components": 64}, "wider than its 64 features, but --code is 64"),
        (overcomplete, {"n_components": 3}, "pass --code 128, or --model undercomplete."),
        (deep, {"hidden_layer_sizes": (32,)}, "two hidden levels or more, but --hidden names 1"),
        (deep, {"hidden_layer_sizes": ()}, "pass --hidden 128,64, or --model autoencoder."),
    ],
)
def test_sizes_that_contradict_the_name_are_refused(promise, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        promise(given, 64)


def test_one_feature_has_no_smaller_code():
    with pytest.raises(ValueError, match="needs at least 2 features"):
        undercomplete({}, 1)

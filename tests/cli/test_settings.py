"""Flags ↔ hyper-parameters: what the estimators have, spelled one way."""

import dataclasses
from collections.abc import Sequence
from typing import get_type_hints

import pytest

from diabolo.cli.recipes import RECIPES
from diabolo.cli.settings import NOT_FLAGS, Settings, flag_of, hints_of, parsed, settings_for
from diabolo.cli.usage import UsageError
from diabolo.families import FAMILIES, family
from diabolo.families.denoising import DenoisingAutoencoder
from diabolo.families.sparse import SparseAutoencoder
from diabolo.families.stacked import StackedAutoencoder


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_a_declared_flag_is_a_hyper_parameter_of_some_family(field):
    owners = [
        name
        for name in FAMILIES
        if field.name in {known.name for known in dataclasses.fields(family(name))}
    ]
    assert owners
    (parameter,) = get_type_hints(Settings, include_extras=True)[field.name].__metadata__
    assert parameter.name == (flag_of(field.name),)
    assert parameter.help


@pytest.mark.parametrize("name", FAMILIES)
def test_every_hyper_parameter_has_a_flag_that_reads_its_default(name):
    cls = family(name)
    hints = hints_of(cls)
    assert set(hints) == {field.name for field in dataclasses.fields(cls)} - NOT_FLAGS
    for field in dataclasses.fields(cls):
        if field.name not in hints or field.default is None:
            continue
        text = field.default
        if isinstance(text, tuple):
            text = ",".join(map(str, text))
        assert parsed("--x", str(text), hints[field.name]) == field.default


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("3", int, 3),
        ("none", int | None, None),
        ("1e-3", float, 1e-3),
        ("none", float | None, None),
        ("true", bool, True),
        ("No", bool, False),
        ("relu", str, "relu"),
        ("512,256", Sequence[int] | None, (512, 256)),
        ("512, 256", Sequence[int], (512, 256)),
        ("none", Sequence[int] | None, ()),
        ("sparse", str | Sequence[str], "sparse"),
        ("sparse,plain", str | Sequence[str], ("sparse", "plain")),
        ("none", str | None, None),
        ("8", int | Sequence[int], 8),
        ("8,4", int | Sequence[int], (8, 4)),
    ],
)
def test_what_a_text_means(text, hint, value):
    result = parsed("--x", text, hint)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "hint", "sentence"),
    [
        ("3.5", int, "--x '3.5' is not a whole number."),
        ("much", float | None, "--x 'much' is not a number."),
        ("perhaps", bool, "--x 'perhaps' is not true or false."),
        ("3,x", Sequence[int], "--x 'x' is not a whole number."),
    ],
)
def test_a_text_that_means_nothing(text, hint, sentence):
    with pytest.raises(UsageError) as caught:
        parsed("--x", text, hint)
    assert str(caught.value) == sentence


def test_declared_and_other_flags_come_together():
    common = Settings(n_components=8, hidden_layer_sizes="32,16", lr=0.1)
    others = {"sparsity-weight": "2", "early-stopping": "false"}
    assert settings_for(SparseAutoencoder, common, others) == {
        "n_components": 8,
        "hidden_layer_sizes": (32, 16),
        "lr": 0.1,
        "sparsity_weight": 2.0,
        "early_stopping": False,
        "random_state": 0,
    }


def test_a_list_of_layers():
    given = settings_for(StackedAutoencoder, Settings(layers="sparse,plain"), {})
    assert given["layers"] == ("sparse", "plain")


@pytest.mark.parametrize(
    ("common", "others", "sentence"),
    [
        (
            {"beta": 2.0},
            {},
            "it belongs to --model variational, beta-vae, beta-tc or ",
        ),
        ({}, {"k": "3"}, "has no setting --k; it belongs to --model sparse or importance"),
        ({}, {"target-activation": "0.1"}, "belongs to --model sparse or stacked."),
        ({}, {"epoch": "3"}, "unknown setting --epoch; did you mean --epochs?"),
        ({}, {"emphasys": "1"}, "unknown setting --emphasys; did you mean --emphasis?"),
        ({}, {"zzz": "1"}, "unknown setting --zzz. DenoisingAutoencoder has activation, "),
        ({}, {"encoder": "x"}, "unknown setting --encoder"),
        ({}, {"verbose": "1"}, "unknown setting --verbose"),
        ({"noise": "maskng"}, {}, "--noise 'maskng' is unknown; did you mean 'masking'? Known"),
        ({"activation": "zz"}, {}, "--activation 'zz' is unknown. Known are elu, "),
    ],
)
def test_what_a_family_does_not_have(common, others, sentence):
    with pytest.raises(UsageError) as caught:
        settings_for(DenoisingAutoencoder, Settings(**common), others)
    assert sentence in str(caught.value)


def test_every_family_has_a_name_of_its_own():
    assert {recipe.family for recipe in RECIPES.values()} == set(FAMILIES)

"""Hyper-parameters as flags: the common ones declared here, every other one by its own name.

The fields of `Settings` are called as the estimators call them. What is not declared is looked up
in the family's dataclass fields, so that a new family needs nothing here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter

from diabolo.cli.usage import UsageError, guess

if TYPE_CHECKING:
    from diabolo.estimators.estimator import Estimator

NETWORK = Group("Network", sort_key=10)
TRAINING = Group("Training", sort_key=11)
FAMILY = Group("Of single families", sort_key=12)

# said in another way on the command line, or not at all
NOT_FLAGS = {"schema", "encoder", "decoder", "random_state", "checkpoint", "verbose"}


def _flag(name: str, group: Group, text: str) -> Any:
    return Parameter(f"--{name}", group=group, help=text)


@Parameter(name="*")
@dataclass(kw_only=True)
class Settings:
    """The common hyper-parameters; None leaves the choice to the family."""

    n_components: Annotated[
        int | None, _flag("code", NETWORK, "Code size. Default: a quarter of the features, ≤ 32.")
    ] = None
    hidden_layer_sizes: Annotated[
        str | None,
        _flag("hidden", NETWORK, "Levels between input and code, such as 512,256, or none."),
    ] = None
    activation: Annotated[
        str | None, _flag("activation", NETWORK, "relu, tanh, sigmoid, gelu, …")
    ] = None
    network: Annotated[str | None, _flag("network", NETWORK, "dense or convolutional.")] = None
    likelihood: Annotated[
        str | None,
        _flag("likelihood", NETWORK, "gaussian, bernoulli, categorical, … Default: by the data."),
    ] = None
    scaling: Annotated[
        str | None,
        _flag("scaling", NETWORK, "standard, minmax, unit, shared or none. Default: by the data."),
    ] = None
    max_epochs: Annotated[
        int | None, _flag("epochs", TRAINING, "At most. Default: about 6,000 steps.")
    ] = None
    batch_size: Annotated[
        int | None, _flag("batch-size", TRAINING, "Rows a step. Default: 16 … 128, by the rows.")
    ] = None
    lr: Annotated[float | None, _flag("lr", TRAINING, "Highest learning rate.")] = None
    random_state: Annotated[
        int, _flag("seed", TRAINING, "Same seed, threads and machine: same model.")
    ] = 0
    n_threads: Annotated[
        int | None, _flag("threads", TRAINING, "Default: what is fastest, by timing.")
    ] = None
    device: Annotated[str | None, _flag("device", TRAINING, "cpu or cuda.")] = None
    noise: Annotated[
        str | None,
        _flag("noise", FAMILY, "denoising: masking, salt-and-pepper, gaussian or swap."),
    ] = None
    level: Annotated[
        float | None, _flag("level", FAMILY, "denoising, stacked: share of corrupted entries.")
    ] = None
    sparsity: Annotated[str | None, _flag("sparsity", FAMILY, "sparse: kl, l1 or top-k.")] = None
    target_activation: Annotated[
        float | None,
        _flag("target-activation", FAMILY, "sparse, stacked: share of the rows a unit is on for."),
    ] = None
    contraction: Annotated[
        float | None,
        _flag("contraction", FAMILY, "contractive, stacked: weight of the Jacobian's norm."),
    ] = None
    layers: Annotated[
        str | None,
        _flag("layers", FAMILY, "stacked: plain, denoising, sparse, contractive; one, or a list."),
    ] = None
    beta: Annotated[float | None, _flag("beta", FAMILY, "variational: weight of the KL.")] = None

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


def settings_for(
    family: type[Estimator], common: Settings, others: dict[str, str]
) -> dict[str, Any]:
    """Keyword arguments of the family from declared flags and from those called as they please.

    raises UsageError for a setting that the family does not have, or a value that is none.
    """
    hints = hints_of(family)
    values: dict[str, Any] = dict(common.given())
    values |= {flag.replace("-", "_"): text for flag, text in others.items()}
    seed = values.pop("random_state", 0) if "random_state" not in others else 0
    for name in values:
        if name not in hints:
            raise UsageError(_unknown(name, family, hints))
    typed = {
        name: parsed(flag_of(name), value, hints[name]) if isinstance(value, str) else value
        for name, value in values.items()
    }
    for name, value in typed.items():
        _check_choice(name, value, family)
    return {**typed, "random_state": seed}


def _check_choice(name: str, value: Any, family: type[Estimator]) -> None:
    """UsageError, with a guess, where a word is none of those that the family knows."""
    for constraint in family._parameter_constraints[name]:
        words = sorted(getattr(constraint, "options", ()))
        if words and isinstance(value, str) and value not in words:
            raise UsageError(
                f"{flag_of(name)} {value!r} is unknown{guess(value, words) or '.'} "
                f"Known are {', '.join(words)}."
            )


def hints_of(family: type[Estimator]) -> dict[str, Any]:
    """Name → type of every hyper-parameter that has a flag."""
    hints = get_type_hints(family)
    names = (field.name for field in dataclasses.fields(family))
    return {name: hints[name] for name in names if name not in NOT_FLAGS}


def parsed(flag: str, text: str, hint: Any) -> Any:
    """The value that the text means for a type such as ``float | None`` or ``Sequence[int]``.

    >>> parsed("--k", "none", int | None), parsed("--hidden", "512,256", Sequence[int] | None)
    (None, (512, 256))
    >>> parsed("--hidden", "none", Sequence[int] | None)
    ()
    """
    kinds = get_args(hint) if get_origin(hint) is not Sequence and get_args(hint) else (hint,)
    lists = [kind for kind in kinds if get_origin(kind) is Sequence]
    if lists and ("," in text or not {bool, int, float, str} & set(kinds)):
        parts = [] if text.lower() in {"", "none"} else text.split(",")
        return tuple(parsed(flag, part.strip(), get_args(lists[0])[0]) for part in parts)
    if NoneType in kinds and text.lower() == "none":
        return None
    for kind in (bool, int, float, str):
        if kind in kinds:
            return _converted(flag, text, kind)
    raise UsageError(f"{flag} cannot be given on the command line.")


def _converted(flag: str, text: str, kind: type) -> Any:
    words = {"true": True, "yes": True, "false": False, "no": False}
    expected = {bool: "true or false", int: "a whole number", float: "a number"}
    try:
        return words[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise UsageError(f"{flag} {text!r} is not {expected[kind]}.") from None


def flag_of(name: str) -> str:
    """How a hyper-parameter is spelled on the command line."""
    return f"--{_SPELLED.get(name, name.replace('_', '-'))}"


_SPELLED = {
    "n_components": "code",
    "hidden_layer_sizes": "hidden",
    "max_epochs": "epochs",
    "n_threads": "threads",
    "random_state": "seed",
}


def _unknown(name: str, family: type[Estimator], hints: dict[str, Any]) -> str:
    """The sentence for a setting that the family does not have."""
    flags = [flag_of(known).removeprefix("--") for known in hints]
    if owners := _families_with(name):
        others = f" or {len(owners) - 3} others" if len(owners) > 3 else ""
        models = " or ".join(owners[:3]) if not others else ", ".join(owners[:3]) + others
        return f"{family.__name__} has no setting {flag_of(name)}; it belongs to --model {models}."
    close = get_close_matches(flag_of(name).removeprefix("--"), flags, n=1)
    if close:
        return f"unknown setting {flag_of(name)}; did you mean --{close[0]}?"
    return f"unknown setting {flag_of(name)}. {family.__name__} has {', '.join(sorted(flags))}."


def _families_with(name: str) -> list[str]:
    """Names for --model of the families that have this setting."""
    from diabolo.cli.recipes import RECIPES
    from diabolo.families import family

    return [
        model
        for model, recipe in RECIPES.items()
        if recipe.adapt is None and name in hints_of(family(recipe.family))
    ]

"""An estimator as one file, and back: hyper-parameters, columns, history beside the module.

Reading executes and imports nothing that the file names; see `diabolo.models.trained`.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from diabolo.data.columns import Columns
from diabolo.engine.events import History
from diabolo.families import family
from diabolo.families.devices import device_or_cpu
from diabolo.families.priors import KINDS
from diabolo.families.seeds import Seeds
from diabolo.models import trained
from diabolo.models.model import Model

if TYPE_CHECKING:
    from diabolo.families.learner import Learner

PRIOR = "prior_"
YOURS = {"part": "yours"}  # stands for a module of the user's own


def save(estimator: Learner, path: str | os.PathLike) -> None:
    """Write a fitted estimator, whole or not at all."""
    header = {
        "family": type(estimator).__name__,
        "params": plain_params(estimator) | {"checkpoint": None},  # a file names no paths
        "seed": estimator._seeds.root,
        "columns": estimator.columns_.to_json(),
        "named": hasattr(estimator, "feature_names_in_"),
        "context": estimator._context_width,
        "history": estimator.history_.to_json(),
        "fitted": {"n_iter_": estimator.n_iter_, **estimator._fitted_values()},
    }
    prior = getattr(estimator, PRIOR, None)
    beside = {} if prior is None else {PRIOR: prior}
    trained.save(Path(path), estimator.module_, header, beside)


def load(
    path: str | os.PathLike, *, encoder: nn.Module | None = None, decoder: nn.Module | None = None
) -> Learner:
    """The estimator that `save` wrote; nothing in the file is executed or imported.

    Sequences among its hyper-parameters come back as tuples, a `RandomState` as None. The
    optimiser's moments are not kept: `partial_fit` goes on without them.

    encoder, decoder : your own modules, where the model was made with such.
    raises DamagedFileError for a file that is not whole, OSError where there is none.
    """
    candidates = {"encoder": encoder, "decoder": decoder}
    yours = {name: module for name, module in candidates.items() if module is not None}
    path = Path(path)
    module, header = trained.load(path, yours)
    with trained.damaged_if_wrong(path):
        estimator = _described(header)
        estimator.set_params(**_own_modules(estimator, module, yours))
        estimator._validate_params()
        estimator.module_ = module.to(estimator.device_)
        _take_prior(estimator, header[trained.BESIDE])
    return estimator


def _take_prior(estimator: Learner, beside: dict[str, Any]) -> None:
    """The prior that was fitted after training, where there is one."""
    for name, prior in beside.items():
        kinds = tuple(kind.density for kind in KINDS.values())
        if name != PRIOR or not isinstance(prior, kinds):
            raise ValueError(f"{name!r} is no prior that is fitted to codes")
        if prior.dim != estimator.module_.code.dim:
            raise ValueError(f"a prior of {prior.dim} units does not fit its code")
        setattr(estimator, PRIOR, prior)


def _own_modules(
    estimator: Learner, module: Model, yours: dict[str, nn.Module]
) -> dict[str, nn.Module]:
    """What stands for modules that were handed in; parts of ours come from the file itself."""
    return {
        name: yours[name] if name in yours else copy.deepcopy(getattr(module, name))
        for name, value in estimator.get_params(deep=False).items()
        if value == YOURS
    }


def _described(header: dict[str, Any]) -> Learner:
    """Everything of an estimator but its modules."""
    estimator = family(header["family"])()
    params = {name: _restored(value) for name, value in header["params"].items()}
    estimator.set_params(**params)
    estimator.columns_ = Columns.from_json(header["columns"])
    estimator.n_features_in_ = estimator.columns_.n_features
    if header["named"]:
        estimator.feature_names_in_ = np.asarray(estimator.columns_.names, dtype=object)
    estimator.history_ = History.from_json(header["history"])
    estimator.device_ = device_or_cpu(estimator.device)
    estimator._context_width = int(header["context"])
    estimator._seeds = Seeds(int(header["seed"]))
    for name, value in header["fitted"].items():
        setattr(estimator, _checked(name), np.asarray(value) if isinstance(value, list) else value)
    return estimator


def _checked(name: str) -> str:
    """A name that only what was learned may have, by scikit-learn's convention."""
    if name.startswith("_") or not name.endswith("_"):
        raise ValueError(f"{name!r} is not what a fit learns")
    return name


def plain_params(estimator: Learner) -> dict[str, Any]:
    """Hyper-parameters as plain data; what has no plain form is left out of the file."""
    return {name: _plain(value) for name, value in estimator.get_params(deep=False).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, nn.Module):
        return YOURS
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else None


def _restored(value: Any) -> Any:
    return tuple(map(_restored, value)) if isinstance(value, list) else value

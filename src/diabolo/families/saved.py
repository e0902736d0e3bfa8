"""The estimator in a file; what `diabolo.estimators.writing` wrote.

Reading executes and imports nothing that the file names; see `diabolo.models.trained`.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import nn

from diabolo.data.columns import Columns
from diabolo.doctor import findings
from diabolo.engine.events import History
from diabolo.estimators.devices import device_or_cpu
from diabolo.estimators.priors import KINDS
from diabolo.estimators.seeds import Seeds
from diabolo.estimators.writing import DIAGNOSIS, PRIOR, USE, YOURS, learned_name, restored
from diabolo.families import family
from diabolo.models import trained
from diabolo.models.model import Model
from diabolo.parts.spec import Part

if TYPE_CHECKING:
    from diabolo.estimators.learner import Learner


class Opened(NamedTuple):
    """What a model file holds: an estimator, and what a use keeps beside it."""

    estimator: Learner
    use: dict[str, Any] | None
    beside: dict[str, Part]


def opened(path: str | os.PathLike, yours: dict[str, nn.Module] | None = None) -> Opened:
    """The estimator of a file, and the use that it was saved for, where there is one.

    yours : your own encoder and decoder, where the model was made with such.
    raises DamagedFileError for a file that is not whole, OSError where there is none.
    """
    path, yours = Path(path), yours or {}
    module, header = trained.load(path, yours)
    with trained.damaged_if_wrong(path):
        estimator = _described(header)
        estimator.set_params(**_own_modules(estimator, module, yours))
        estimator._validate_params()
        estimator.module_ = module.to(estimator.device_)
        beside = dict(header[trained.BESIDE])
        prior = beside.pop(PRIOR, None)
        if prior is not None:
            _take_prior(estimator, prior)
        if USE not in header and beside:
            raise ValueError(f"{next(iter(beside))!r} is no prior that is fitted to codes")
    return Opened(estimator, header.get(USE), beside)


def load(path: str | os.PathLike) -> Learner:
    """The fitted family in a file, whatever use it was saved for."""
    return opened(path).estimator


def _take_prior(estimator: Learner, prior: Part) -> None:
    """The prior that was fitted after training."""
    kinds = tuple(kind.density for kind in KINDS.values())
    if not isinstance(prior, kinds):
        raise ValueError(f"{PRIOR!r} is no prior that is fitted to codes")
    if prior.dim != estimator.module_.code.dim:
        raise ValueError(f"a prior of {prior.dim} units does not fit its code")
    estimator.prior_ = prior


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
    params = {name: restored(value) for name, value in header["params"].items()}
    estimator.set_params(**params)
    estimator.columns_ = Columns.from_json(header["columns"])
    estimator.n_features_in_ = estimator.columns_.n_features
    if header["named"]:
        estimator.feature_names_in_ = np.asarray(estimator.columns_.names, dtype=object)
    estimator.history_ = History.from_json(header["history"])
    estimator.device_ = device_or_cpu(estimator.device)
    estimator._context_width = int(header["context"])
    estimator._seeds = Seeds(int(header["seed"]))
    # files of 0.1.0's first days have none
    estimator._findings = findings.from_json(header.get(DIAGNOSIS, ()))
    for name, value in header["fitted"].items():
        setattr(
            estimator, learned_name(name), np.asarray(value) if isinstance(value, list) else value
        )
    return estimator

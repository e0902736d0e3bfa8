"""An estimator as one file: hyper-parameters, columns, history beside the module.

`diabolo.families.saved` reads it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from diabolo.doctor import findings
from diabolo.models import trained
from diabolo.parts.spec import Part

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from diabolo.estimators.learner import Learner

PRIOR = "prior_"
USE = "use"  # what the model is for, in the header
DIAGNOSIS = "diagnosis"
YOURS = {"part": "yours"}  # stands for a module of the user's own


def save(
    estimator: Learner,
    path: str | os.PathLike,
    use: dict[str, Any] | None = None,
    beside: Mapping[str, Part] | None = None,
) -> None:
    """Write a fitted estimator, whole or not at all.

    use, beside : what an estimator for a use adds, as plain data and as parts by name.
    """
    header = {
        "family": type(estimator).__name__,
        "params": plain_params(estimator) | {"checkpoint": None},  # a file names no paths
        "seed": estimator._seeds.root,
        "columns": estimator.columns_.to_json(),
        "named": hasattr(estimator, "feature_names_in_"),
        "context": estimator._context_width,
        "history": estimator.history_.to_json(),
        "fitted": {"n_iter_": estimator.n_iter_, **estimator._fitted_values()},
        # none where a use trains the module by itself
        DIAGNOSIS: findings.to_json(getattr(estimator, "diagnosis_", ())),
    }
    if use is not None:
        header[USE] = use
    prior = getattr(estimator, PRIOR, None)
    parts = dict(beside or {}) | ({} if prior is None else {PRIOR: prior})
    trained.save(Path(path), estimator.module_, header, parts)


def plain_params(estimator: BaseEstimator) -> dict[str, Any]:
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


def restored(value: Any) -> Any:
    """A hyper-parameter out of JSON: sequences are tuples."""
    return tuple(map(restored, value)) if isinstance(value, list) else value


def learned_name(name: str) -> str:
    """A name that only what was learned may have, by scikit-learn's convention.

    raises ValueError for any other.
    """
    if name.startswith("_") or not name.endswith("_"):
        raise ValueError(f"{name!r} is not what a fit learns")
    return name

"""Estimators as keyword-only dataclasses: explicit, typed, inherited, no repeated constructors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

from sklearn.base import BaseEstimator


@dataclass_transform(kw_only_default=True, eq_default=False)
@dataclass(kw_only=True, eq=False, repr=False)
class Options(BaseEstimator):
    """Hyper-parameters as scikit-learn knows them; a subclass adds fields and constraints."""

    _parameter_constraints: ClassVar[dict[str, list]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        merged: dict[str, list] = {}
        for base in reversed(cls.__mro__):  # of several parents, too
            merged |= base.__dict__.get("_parameter_constraints", {})
        cls._parameter_constraints = merged
        super().__init_subclass__(**kwargs)
        dataclass(kw_only=True, eq=False, repr=False)(cls)

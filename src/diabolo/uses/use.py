"""What estimators for a use have in common: a family inside, and one file for both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from diabolo.doctor.findings import Finding
from diabolo.estimators import writing
from diabolo.estimators.learner import Learner
from diabolo.estimators.options import Options
from diabolo.parts.spec import Part


class Use(Options):
    """An estimator that trains a family for one purpose.

    estimator : the family, not fitted, with its settings; None: the one that suits the data.

    After a fit `estimator_` is the fitted family; what else was learned ends in an underscore.
    """

    estimator: Learner | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {"estimator": [Learner, None]}

    NOT_KEPT: ClassVar[tuple[str, ...]] = ()  # parameters that a model file does not name

    @property
    def diagnosis_(self) -> tuple[Finding, ...]:
        """What the doctor finds in the fitted family; see `diabolo.uses.check` for the use."""
        estimator: Learner = self.estimator_
        return estimator.diagnosis_

    def save(self, path: str | os.PathLike) -> None:
        """One file, that of the family with what the use learned beside it; see `diabolo.load`."""
        check_is_fitted(self)
        left_out = {"estimator", *self.NOT_KEPT}
        plain = writing.plain_params(self)
        params = {name: value for name, value in plain.items() if name not in left_out}
        described = {
            "class": type(self).__name__,
            "params": params,
            "given": self.estimator is not None,
            "fitted": self._fitted_values(),
        }
        writing.save(self.estimator_, path, described, self._learned_parts())

    # what a use writes

    def _fitted_values(self) -> dict[str, Any]:
        """What a fit learned besides the family, as plain data: attribute → value."""
        return {}

    def _learned_parts(self) -> dict[str, Part]:
        """What it learned that holds tensors: attribute → part."""
        return {}

    def _take(self, fitted: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        """Put back what `_fitted_values` and `_learned_parts` gave, checked.

        raises ValueError where it makes no sense.
        """
        for name, value in {**fitted, **parts}.items():
            setattr(self, writing.learned_name(name), value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True  # what every family takes
        tags.input_tags.three_d_array = True
        return tags

    @classmethod
    def restored(cls, estimator: Learner, use: Mapping[str, Any], parts: Mapping[str, Part]) -> Use:
        """The fitted estimator out of what a file holds.

        raises ValueError where it makes no sense.
        """
        params = {name: writing.restored(value) for name, value in use["params"].items()}
        made = cls(**params, estimator=clone(estimator) if use["given"] else None)
        made._validate_params()
        made.estimator_ = estimator
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(made, name, getattr(estimator, name))
        made._take(use["fitted"], parts)
        return made

"""Families whose last phase trains everything together, for reconstruction or for labels."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import nn

from diabolo.engine.schedule import Phase
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.estimators.tables import class_labels
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.stack import Classification
from diabolo.parts.neighbours import Neighbours
from diabolo.parts.networks import Dense, Identity


def _learns_from_labels(estimator: FineTuned) -> bool:
    return estimator.fine_tune == "labels"


class FineTuned(Estimator):
    """Estimator that is built in pieces and then tuned as a whole.

    fine_tune : "reconstruction"; "labels": cross-entropy of a softmax layer on the code, then
        there is `predict`; or None: as it was built.
    dropout, input_dropout : shares of the units of every level, and of the entries of a row, that
        are silenced at every step of a fine-tuning with labels (Srivastava et al. 2014).
    """

    fine_tune: str | None = "reconstruction"
    dropout: float = 0.0
    input_dropout: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "fine_tune": [StrOptions({"reconstruction", "labels"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def head_on(self, dim: int) -> nn.Module:
        """What labels are read from, on a code of `dim` units."""
        return Dense((dim, len(self.classes_))) if _learns_from_labels(self) else Identity()

    def fine_tuning(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        """The last phase, if there is one."""
        if self.fine_tune is None:
            return []
        objective: nn.Module = module
        if _learns_from_labels(self):
            objective = Classification(module, self.dropout, self.input_dropout)
        elif self.dropout or self.input_dropout:
            raise ValueError(
                f"dropout is for a fine-tuning with labels, but fine_tune={self.fine_tune!r}: pass "
                "fine_tune='labels', or leave dropout out."
            )
        name = "fine-tuning"
        return [fits.phase(name, (fits.player(name, objective),))]

    def joining(self, weight: float) -> Neighbours:
        if self.fine_tune != "reconstruction":
            raise ValueError(
                f"neighbour_weight is part of the fine-tuning for reconstruction, but fine_tune is "
                f"{self.fine_tune!r}: pass fine_tune='reconstruction', or neighbour_weight=0."
            )
        return super().joining(weight)

    def labels_from(self, y: Any, rows: int) -> np.ndarray | None:
        if not _learns_from_labels(self):
            return None
        if y is None:
            raise ValueError("fine_tune='labels' needs labels: call fit(X, y).")
        y = class_labels(y, rows)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return numbers

    @available_if(lambda estimator: not _learns_from_labels(estimator))
    def partial_fit(self, X: Any, y: Any = None, *, context: Any = None) -> Estimator:
        """One pass of everything together over some more rows; there is none for labels."""
        return super().partial_fit(X, y, context=context)

    @available_if(_learns_from_labels)
    def predict_proba(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Class probabilities of the softmax layer on the code, (n, classes)."""
        check_is_fitted(self)

        def probabilities(x: torch.Tensor, side: torch.Tensor | None) -> torch.Tensor:
            return torch.softmax(self.module_.head(self.module_.encode(x, side)), dim=1)

        return self._rows_through(probabilities, X, context, len(self.classes_))

    @available_if(_learns_from_labels)
    def predict(self, X: Any, *, context: Any = None) -> np.ndarray:
        """The likeliest class of every row, (n,)."""
        return np.asarray(self.classes_)[self.predict_proba(X, context=context).argmax(1)]

    def _fitted_values(self) -> dict[str, Any]:
        return {"classes_": self.classes_.tolist()} if _learns_from_labels(self) else {}

"""Families that can be told which class a row is of: labels become part of the context.

Inside, a label is a one-hot in front of the context's own columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.estimators.learner import Learner
from diabolo.estimators.tables import class_labels, side_columns

LEARNED = ("classes_", "class_shares_")


class Conditional(Learner):
    """Learner for which `fit(X, y)` makes the labels y part of what the networks see.

    After such a fit there are `classes_`, and `class_shares_`: the share of each among the rows.
    """

    def sides_from(self, y: Any, context: Any, rows: int, known: bool) -> np.ndarray | None:
        if not known:
            self._learn_classes(y, rows)
        return self._beside(y, side_columns(context, rows), rows)

    # inside

    @property
    def _is_conditional(self) -> bool:
        return "classes_" in self.__dict__

    def _learn_classes(self, y: Any, rows: int) -> None:
        labels = None if y is None else class_labels(y, rows)
        for name in LEARNED:
            self.__dict__.pop(name, None)
        if labels is not None:
            self.classes_, counts = np.unique(labels, return_counts=True)
            self.class_shares_ = counts / rows

    def _conditions(
        self, labels: Any, context: Any, rows: int, generator: torch.Generator | None = None
    ) -> Tensor | None:
        """Labels and context as the networks see them, (n, c).

        labels : one for each row, or one for all; None: drawn with the shares of the training.
        """
        if labels is None and self._is_conditional:
            shares = torch.tensor(np.asarray(self.class_shares_))
            drawn = torch.multinomial(shares, rows, replacement=True, generator=generator)
            labels = np.asarray(self.classes_)[drawn.numpy()]
        return self._sides(self._beside(labels, side_columns(context, rows), rows), rows)

    def _beside(self, labels: Any, context: np.ndarray | None, rows: int) -> np.ndarray | None:
        if labels is None and not self._is_conditional:
            return context
        classes = np.eye(len(self._known_classes(labels)), dtype=np.float32)
        classes = classes[self._numbers(labels, rows)]
        return classes if context is None else np.concatenate([classes, context], 1)

    def _known_classes(self, labels: Any) -> np.ndarray:
        if not self._is_conditional:
            raise ValueError(
                f"this {type(self).__name__} was fitted without labels: leave them out, or fit it "
                "anew with fit(X, y)."
            )
        if labels is None:
            raise ValueError(
                f"this {type(self).__name__} was fitted with labels: pass one for every row."
            )
        return np.asarray(self.classes_)

    def _numbers(self, labels: Any, rows: int) -> np.ndarray:
        """Places of labels in `classes_`; one label speaks for all rows."""
        values, classes = np.asarray(labels), self._known_classes(labels)
        values = np.full(rows, labels) if values.ndim == 0 else class_labels(values, rows)
        unseen = [label for label in np.unique(values).tolist() if label not in classes.tolist()]
        if unseen:
            known = ", ".join(map(repr, classes.tolist()[:10])) + ", …" * (len(classes) > 10)
            raise ValueError(f"label {unseen[0]!r} was not among those fitted: {known}.")
        return np.searchsorted(classes, values)

    def _fitted_values(self) -> dict[str, Any]:
        if not self._is_conditional:
            return {}
        return {name: np.asarray(getattr(self, name)).tolist() for name in LEARNED}

"""Predictions for a part of a row from the rest, for families that are trained for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.data.batches import Batches
from diabolo.estimators import rowwise
from diabolo.estimators.learner import Learner
from diabolo.estimators.rowwise import PIECE


class Predicting(Learner):
    """A family whose model predicts entries that are hidden."""

    def predicted(self, x: Tensor, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Scaled rows (n, d) with a prediction in place of what is hidden."""
        raise NotImplementedError

    def outputs(self, x: Tensor, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Parameters of `module_.likelihood` for scaled rows, (K, n, outputs(d)), of K models."""
        raise NotImplementedError

    def predict_hidden(self, X: Any, mask: Any, *, context: Any = None) -> Any:
        """Rows X with a prediction in place of what the mask hides, in the units and shape of X.

        mask : True where an entry is hidden; (n, …) as X, or (…) for one row, the same for all.
            What stands there in X (a number all the same) has no influence on the answer. Cells
            of a mixed table that are missing are predicted, too.
        """
        check_is_fitted(self)
        columns = self.columns_
        flat = self._rows_hidden(
            self.predicted, X, mask, context, columns.n_features, columns.original
        )
        return columns.as_given(flat.reshape(len(flat), *columns.shape))

    def _rows_hidden(
        self, function: Any, X: Any, mask: Any, context: Any, width: int, back: Any = None
    ) -> np.ndarray:
        """function(x, hidden, context) of scaled rows for all rows of X, (n, width)."""
        dataset = self._open(X)
        sides = self._sides(context, len(dataset))
        flags = torch.from_numpy(self._flags(mask, len(dataset)))
        own = 0 if sides is None else sides.shape[1]
        beside = flags if sides is None else torch.cat([sides.cpu(), flags], 1)

        def filled(x: Tensor, side: Tensor | None) -> Tensor:
            assert side is not None  # the flags are always there
            return function(x, (side[:, own:] > 0) | x.isnan(), side[:, :own] if own else None)

        batches = Batches(
            dataset, self.columns_, batch_size=PIECE, seed=0, device=self.device_, context=beside
        )
        return rowwise.collect(filled, batches, width, back)

    def _flags(self, mask: Any, rows: int) -> np.ndarray:
        """The mask as (rows, d) float32; one sentence where it is none."""
        given, d = np.asarray(mask), self.columns_.n_features
        whole = {(rows, *self.columns_.shape), (rows, d)}
        if given.dtype != bool or given.shape not in whole | {self.columns_.shape, (d,)}:
            raise ValueError(
                f"mask must hold True and False in the shape of X, ({rows}, {d}), or of one row; "
                f"got {given.dtype} of shape {given.shape}."
            )
        flat = given.reshape(-1, d) if given.shape in whole else given.reshape(1, d)
        return np.repeat(flat, rows // len(flat), 0).astype(np.float32)

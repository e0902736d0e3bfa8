"""What families with a code of whole numbers can do besides: give these numbers, and read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import call
from diabolo.parts.quantisers import Quantiser


class Quantised(Estimator):
    """Estimator whose code is a few whole numbers a row, each standing for values of z."""

    def indices(self, X: Any, *, context: Any = None) -> np.ndarray:
        """The whole numbers of rows X, (n, places) int64; `transform` gives what they stand for."""
        check_is_fitted(self)
        code: Quantiser = self.module_.code

        def chosen(x: Tensor, side: Tensor | None) -> Tensor:
            return code.indices(call(self.module_.encoder, x, side)).float()  # below 2²⁴: exact

        return self._rows_through(chosen, X, context, code.places).astype(np.int64)

    def from_indices(self, indices: Any, *, context: Any = None) -> np.ndarray:
        """Rows, in the units and shape of the training data, of whole numbers (n, places)."""
        check_is_fitted(self)
        code: Quantiser = self.module_.code
        numbers = np.asarray(indices)
        if numbers.ndim != 2 or numbers.shape[1] != code.places or numbers.dtype.kind not in "iu":
            raise ValueError(
                f"indices must be whole numbers of shape (n, {code.places}), one for each place; "
                f"got {numbers.dtype} of shape {numbers.shape}."
            )
        beyond = (numbers < 0) | (numbers >= np.asarray(code.sizes))
        if beyond.any():
            row, place = np.argwhere(beyond)[0]
            raise ValueError(
                f"indices has {numbers[row, place]} in row {row}, place {place}, which has values "
                f"0 … {code.sizes[place] - 1}."
            )
        chosen = torch.from_numpy(numbers.astype(np.int64)).to(self.device_)
        with torch.inference_mode():
            z = code.lookup(chosen).cpu().numpy()
        return self.inverse_transform(z, context=context)

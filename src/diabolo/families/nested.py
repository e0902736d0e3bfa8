"""The nested autoencoder: a code whose first units alone are a good code."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.ordered import Nested, first_units


class NestedAutoencoder(Estimator):
    """Autoencoder whose code may be cut off anywhere.

        minimise E_m[−log p(x | z_1, …, z_m, 0)],  m drawn anew for every row and step

    So units are ordered by what they say: `transform` gives all of them, and
    ``transform(X)[:, :m]`` is a code of m units, without a new fit. With linear networks these are
    the principal components, one by one.

    When: how long a code should be is not known yet, or differs: short ones to search by, long
    ones to rebuild from (`reconstruct_from`).

    Watch: all units together rebuild a little worse than if only they had been asked for. Unit m
    takes part in a share 1 − (m − 1)/d of the draws, so the last of d units learn most slowly.

    Rippel, Gelbart & Adams 2014, "Learning ordered representations with nested dropout"; Kusupati
    et al. 2022, "Matryoshka representation learning".
    """

    def compose(self, facts: Facts) -> AutoencoderModule:
        return self.around(facts, Nested(self.code_size(facts)))

    def reconstruct_from(self, X: Any, n_units: Any, *, context: Any = None) -> np.ndarray:
        """Rows X as the first `n_units` units alone rebuild them, in the units and shape of X."""
        check_is_fitted(self)
        most = self._n_features_out
        if not isinstance(n_units, Integral) or not 1 <= int(n_units) <= most:
            raise ValueError(f"n_units={n_units!r} must be a whole number from 1 to {most}.")
        module, count = self.module_, int(n_units)

        def rebuilt(x: Tensor, side: Tensor | None) -> Tensor:
            return module.decode(first_units(module.encode(x, side), count), side)

        columns = self.columns_
        flat = self._rows_through(rebuilt, X, context, columns.n_features, columns.original)
        return flat.reshape(len(flat), *columns.shape)

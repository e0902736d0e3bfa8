"""The contractive autoencoder: codes that stay put when the input moves a little."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Deterministic
from diabolo.parts.networks import hourglass
from diabolo.parts.penalties import Contractive, cheapest_probes


class ContractiveAutoencoder(Estimator):
    """Autoencoder with a penalty on the encoder's Jacobian.

        minimise −log p(x | z) + λ ‖∂z/∂x‖²_F

    Rebuilding asks the code to tell neighbours apart, the penalty asks it not to: what is left are
    the directions in which the data vary, the tangents of their manifold.

    When: a code should not move when its row does a little; or the directions themselves are
    wanted, row by row (`tangent_directions`, `diabolo.Manifold.spectrum`).

    Watch: the penalty reaches only as far as the row's own neighbourhood, and can be had for less
    by small codes with a large decoder: compare Jacobians only between models with tied weights.

    contraction : λ, relative to the loss in nats.

    One layer has a closed form; deep encoders get the exact value through the chain of layers, or
    an unbiased estimate from orthogonal probes where that is cheaper.

    Rifai et al. 2011, "Contractive auto-encoders: explicit invariance during feature extraction".
    """

    contraction: float = 0.1

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "contraction": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        code = Deterministic(self.code_size(facts), "sigmoid")
        sizes = hourglass(facts.n_features, self.hidden(facts), code.inputs)
        penalty = Contractive(self.contraction, probes=cheapest_probes(sizes))
        return self.around(facts, code, penalties=(penalty,))

    def tangent_directions(
        self, X: Any, n_directions: int | None = None, *, context: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Directions in input space to which the code is most sensitive at each row.

        returns directions (n, n_directions, d), unit vectors in scaled units, and the Jacobian's
        singular values (n, n_directions), largest first.

        Rifai et al. 2011, "The manifold tangent classifier", sec. 3.
        """
        check_is_fitted(self)
        if self.columns_.schema is not None:
            raise ValueError(
                "tangents are directions in a space of numbers, but this model was fitted on a "
                "mixed table. Fit it on columns of numbers without gaps."
            )
        count = min(n_directions or self._n_features_out, self._n_features_out)
        width = count * (self.columns_.n_features + 1)

        def spectrum(x: torch.Tensor, side: torch.Tensor | None) -> torch.Tensor:
            _, s, directions = torch.linalg.svd(self.module_.jacobian(x, side), full_matrices=False)
            return torch.cat([s[:, :count], directions[:, :count].flatten(1)], dim=1)

        flat = self._rows_through(spectrum, X, context, width)
        return flat[:, count:].reshape(len(flat), count, -1), flat[:, :count]

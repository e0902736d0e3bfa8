"""The autoencoder that learns to denoise from noisy rows alone."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators.composition import Facts, refuse_mixed
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Deterministic
from diabolo.parts.likelihoods import Gaussian
from diabolo.parts.stein import Divergence


class SUREAutoencoder(Estimator):
    """Autoencoder that removes Gaussian noise and has never seen a clean row.

        minimise ½‖x̂ − x‖² + σ² Σ_j ∂x̂_j/∂x_j  over noisy rows x

    This is Stein's unbiased estimate of the squared error to the clean rows: copying the noise
    lowers the first term and raises the second. Where it is linear, it becomes the Wiener filter.

    When: all rows are noisy, and how noisy is known; for single photographs see
    `diabolo.uses.denoise`.

    Watch: the noise has to be Gaussian, independent from entry to entry, and equally strong in
    all of them. With too small a `sigma` noise stays, with too large a one detail goes.

    sigma : standard deviation of the noise, in units of the scaled input.

    By default all columns keep one scale, so that the noise is as strong in each.

    Stein 1981, "Estimation of the mean of a multivariate normal distribution"; Soltanayev & Chun
    2018, "Training deep learning based denoisers without ground truth data".
    """

    sigma: float = 0.1
    activation: str = "gelu"
    batch_size: int | None = 256
    lr: float = 3e-3

    AUTO_SCALING: ClassVar[str] = "shared"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "sigma": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        refuse_mixed(facts, "Gaussian noise is of numbers alone", "Leave out the other columns.")
        if self.likelihood not in ("auto", "gaussian"):
            raise ValueError(
                f"likelihood={self.likelihood!r}, but Stein's estimate is of the squared error: "
                "pass 'gaussian'."
            )
        code, penalty = Deterministic(self.code_size(facts)), Divergence(float(self.sigma) ** 2)
        # not the sigmoid that [0, 1] would get: noise leads beyond
        return self.around(facts, code, likelihood=Gaussian(), penalties=(penalty,))

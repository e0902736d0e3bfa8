"""The Wasserstein autoencoder: codes that follow a prior all together, each of them exact."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Matched
from diabolo.parts.discrepancies import for_normal
from diabolo.parts.penalties import Discrepancy


class WassersteinAutoencoder(Estimator):
    """Deterministic autoencoder whose codes together follow N(0, I): WAE-MMD.

        minimise −log p(x|z(x)) + λ MMD²(q(z), N(0, I)),  inverse multiquadratic kernels

    Unlike a variational code, a single one is a point and may lie anywhere, so reconstructions
    stay sharp.

    When: rows are to be rebuilt as well as by a plain autoencoder, and sampled from, too.

    Watch: there is no bound on log p(x). Batches have to be large enough to show q(z), 100 or
    more; an MMD sees less and less in many units, so keep the code small.

    divergence_weight : λ.

    Tolstikhin et al. 2018, "Wasserstein auto-encoders", algorithm 2.
    """

    divergence_weight: float = 10.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "divergence_weight": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        penalty = Discrepancy(self.divergence_weight, for_normal(dim))
        return self.around(facts, Matched(dim), penalties=(penalty,))

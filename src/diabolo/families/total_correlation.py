"""The β-TC-VAE: only what makes units depend on each other costs more."""

from __future__ import annotations

from typing import ClassVar

from sklearn.utils._param_validation import StrOptions

from diabolo.estimators.composition import Facts
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.aggregated import SAMPLINGS
from diabolo.parts.codes import Gaussian
from diabolo.parts.penalties import TotalCorrelation


class BetaTCVAE(VariationalAutoencoder):
    """Variational autoencoder in which the total correlation of the units counts `beta` times.

        E_x KL(q(z|x) ‖ p(z)) = I(x; z) + KL(q(z) ‖ Π_j q(z_j)) + Σ_j KL(q(z_j) ‖ p(z_j))

    The KL is made of what the code says about the row, the units' total correlation, and each
    unit's distance from its prior; a β-VAE weighs all three, this one the second alone, so that it
    pays for independent units with less of the reconstruction. The history has the total
    correlation and the mutual information, in nats.

    When: units should be independent of each other, and reconstructions better than those of a
    `BetaVAE` that gets as far.

    Watch: q(z) is estimated from a batch, roughly in many units with small batches: take batches of
    some hundred rows.

    sampling : how q(z) is estimated from a batch, "stratified" or "weighted".

    Chen et al. 2018, "Isolating sources of disentanglement in variational autoencoders", eq. 4
    with α = γ = 1.
    """

    beta: float = 4.0
    sampling: str = "stratified"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "sampling": [StrOptions(set(SAMPLINGS))],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        # the KL holds the total correlation once already
        penalty = TotalCorrelation(self.beta - 1, facts.rows, self.sampling)
        code = Gaussian(self.code_size(facts))
        return self.drawn(facts, code, beta=1.0, penalties=(penalty,))

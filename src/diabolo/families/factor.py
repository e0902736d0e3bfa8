"""FactorVAE: units of the code that do not depend on each other."""

from __future__ import annotations

from diabolo.estimators.composition import Facts
from diabolo.estimators.criticised import Criticised
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian
from diabolo.parts.critics import TotalCorrelation


class FactorVAE(Criticised, VariationalAutoencoder):
    """Variational autoencoder with a price on the total correlation of its code.

        minimise −ELBO + γ KL(q(z) ‖ Π_j q(z_j))

    A critic estimates the term: it learns to tell codes from such with units of different rows.
    Unlike a larger β it leaves alone what each unit says of x.

    When: as for `BetaTCVAE`, where batches are too small to estimate the term from.

    Watch: the estimate is as good as the critic, and it lags behind; where the critic has won or
    lost, the term says nothing.

    critic_weight : γ.

    Kim & Mnih 2018, "Disentangling by factorising".
    """

    critic_weight: float = 6.0

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        penalty = TotalCorrelation(self.critic_weight, self.critic(dim, facts))
        return self.drawn(facts, Gaussian(dim), penalties=(penalty,))

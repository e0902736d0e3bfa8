"""VAE and GAN in one: a critic sees to it that samples look like rows."""

from __future__ import annotations

from diabolo.estimators.composition import Facts, refuse_mixed
from diabolo.estimators.criticised import Criticised
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian
from diabolo.parts.critics import RowCritic


class VAEGAN(Criticised, VariationalAutoencoder):
    """Variational autoencoder whose decoder also plays against a critic of rows.

        minimise −ELBO + λ (−E[log D(decode(z))] + ½ ‖D_l(x) − D_l(x̂)‖²),  z ~ N(0, I)

    Draws of the prior have to pass for rows, and reconstructions to be alike in the critic's own
    features D_l.

    When: samples of a `VariationalAutoencoder` are too smooth, and an encoder is needed, which a
    `GenerativeAdversarialNetwork` lacks.

    Watch: pixels are rebuilt less exactly, since the critic asks for rows that look right. Too
    large a weight undoes the bound.

    critic_weight : λ.

    Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric".
    """

    def compose(self, facts: Facts) -> AutoencoderModule:
        refuse_mixed(
            facts,
            "a critic of rows reads numbers alone",
            "Use VariationalAutoencoder, for example.",
        )
        penalty = RowCritic(self.critic_weight, self.critic(facts.n_features, facts))
        return self.drawn(facts, Gaussian(self.code_size(facts)), penalties=(penalty,))

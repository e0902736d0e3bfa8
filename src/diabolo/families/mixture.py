"""The variational autoencoder with a mixture as prior: a latent space with several centres."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators.composition import Facts
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian
from diabolo.parts.priors import Mixture


class MixtureVAE(VariationalAutoencoder):
    """Variational autoencoder whose prior is a learned mixture, p(z) = Σ_c π_c N(μ_c, σ_c²).

    For data that come in kinds. The KL has no closed form; log q(z|x) − log p(z) of the draw
    stands for it.

    n_clusters : components of the mixture.

    Jiang et al. 2017, "Variational deep embedding"; Dilokthanakul et al. 2016.
    """

    n_clusters: int = 10

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        return self.drawn(facts, Gaussian(dim, prior=Mixture(dim, self.n_clusters)))

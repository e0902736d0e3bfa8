"""The InfoVAE: a code that may say much about a row, while all codes together follow the prior."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators.composition import Facts
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian
from diabolo.parts.discrepancies import for_normal
from diabolo.parts.penalties import Discrepancy


class InfoVAE(VariationalAutoencoder):
    """Variational autoencoder with less of the KL of each row and more of that of all rows.

        minimise −E_q[log p(x|z)] + (1 − α) KL(q(z|x) ‖ p(z)) + (α + λ − 1) MMD²(q(z), p(z))

    When: a strong decoder ignores the code of a `VariationalAutoencoder`: here a row's code may say
    as much as it likes, while all codes follow the prior.

    Watch: with β below 1 the loss is no bound on log p(x). As for any MMD, batches of 100 rows and
    more, and few units.

    divergence_weight : α + λ − 1. An MMD² is a small number beside nats: 1000 makes them alike
        (Zhao et al., appendix C).

    `beta` is 1 − α: 1 and λ = 0 is the plain variational autoencoder, 0 the MMD-VAE.

    Zhao, Song & Ermon 2019, "InfoVAE: balancing learning and inference in variational
    autoencoders", eq. 6.
    """

    beta: float = 0.5
    divergence_weight: float = 100.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "beta": [Interval(Real, 0, 1, closed="both")],
        "divergence_weight": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        penalty = Discrepancy(self.divergence_weight, for_normal(dim))
        return self.drawn(facts, Gaussian(dim), penalties=(penalty,))

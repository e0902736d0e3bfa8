"""The β-VAE: a dearer code, for units that stand for one thing each."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators.composition import Facts
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian


class BetaVAE(VariationalAutoencoder):
    """Variational autoencoder whose KL counts `beta` times: fewer nats, for what matters most.

    capacity : nats C that the code is given, if not 0: the loss then holds β |KL − C|, and C grows
        from 0 over `warmup` epochs, so that units are taken into use one after the other (Burgess
        et al. 2018, "Understanding disentangling in β-VAE", eq. 8; there β = 1000, C = 25).

    Higgins et al. 2017, "beta-VAE".
    """

    beta: float = 4.0
    capacity: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "capacity": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        return self.drawn(facts, Gaussian(self.code_size(facts)), capacity=self.capacity)

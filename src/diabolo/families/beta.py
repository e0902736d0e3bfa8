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

        minimise −E_q[log p(x|z)] + β KL(q(z|x) ‖ p(z)),  or with a capacity  … + β |KL − C|

    When: a few units should each stand for one thing that varies, and detail may be lost; or a
    code of a given number of nats is wanted (`capacity`).

    Watch: it pays with the reconstruction, and with too large a β no unit is left in use. That
    units come out aligned with what varies is likely where these things are independent, but not
    promised.

    capacity : nats C that the code is given, if not 0; C grows from 0 over `warmup` epochs, so that
        units are taken into use one after the other (Burgess et al. 2018, "Understanding
        disentangling in β-VAE", eq. 8; there β = 1000, C = 25).

    Higgins et al. 2017, "beta-VAE: learning basic visual concepts with a constrained variational
    framework", eq. 4.
    """

    beta: float = 4.0
    capacity: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "capacity": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        return self.drawn(facts, Gaussian(self.code_size(facts)), capacity=self.capacity)

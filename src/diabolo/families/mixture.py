"""The variational autoencoder with a mixture as prior: a latent space with several centres."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.fits import Fits
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.undrawn import Undrawn
from diabolo.parts.codes import Gaussian
from diabolo.parts.priors import Mixture


class MixtureVAE(VariationalAutoencoder):
    """Variational autoencoder whose prior is a learned mixture.

        p(z) = Σ_c π_c N(μ_c, σ_c²),  KL by log q(z|x) − log p(z) of the draw

    When: data come in kinds. Draws of one component are rows of one kind, and a row's most likely
    component is a cluster; for clustering as such see `DeepClusterer(method="vade")`.

    Watch: from a random start components may share a kind, or die; ``start="mixture"`` begins from
    one fitted to codes. The KL has no closed form, so its estimate is noisier.

    n_clusters : components of the mixture.
    start : "random"; or "mixture": for half of the epochs a plain autoencoder, to whose codes the
        mixture is fitted, and from there the bound, as VaDE does to find clusters.

    Jiang et al. 2017, "Variational deep embedding"; Dilokthanakul et al. 2016.
    """

    n_clusters: int = 10
    start: str = "random"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "start": [StrOptions({"random", "mixture"})],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        return self.drawn(facts, Gaussian(dim, prior=Mixture(dim, self.n_clusters)))

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        joint = fits.phase("joint", self.players(module, fits))
        if self.start == "random" or joint.max_epochs < 2 or len(fits.dataset) < self.n_clusters:
            return [joint]
        half = joint.max_epochs // 2

        def settle() -> bool:
            codes = torch.cat(
                [module.encode(batch.x, batch.context).cpu() for batch in fits.all_rows()]
            )
            prior: Any = module.code.prior
            settled(prior, codes.numpy(), self._seeds.number("mixture") >> 32)
            return True

        return [
            fits.phase("plain", (fits.player("plain", Undrawn(module)),), half),
            replace(joint, name="mixture", evaluate=None, renew=settle),  # no epoch: settles alone
            replace(joint, max_epochs=joint.max_epochs - half),
        ]


@torch.no_grad()
def settled(prior: Mixture, codes: np.ndarray, seed: int) -> None:
    """Put a prior where expectation-maximisation finds components of codes (n, dim)."""
    from sklearn.mixture import GaussianMixture  # takes half a second

    fitted = GaussianMixture(
        prior.count, covariance_type="diag", reg_covar=1e-4, n_init=3, random_state=seed
    )
    with warnings.catch_warnings():  # the best of so many rounds will do
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(codes.astype(np.float64))
    logvars = np.log(fitted.covariances_) / prior.bound
    for parameter, values in (
        (prior.means, fitted.means_),
        (prior.logvars, prior.bound * np.arctanh(np.clip(logvars, -0.99, 0.99))),
        (prior.logits, np.log(np.maximum(fitted.weights_, 1e-6))),
    ):
        parameter.copy_(torch.from_numpy(values))

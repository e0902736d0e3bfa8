"""The variational autoencoder with a VampPrior: the prior is what the encoder says of examples."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.fits import Fits
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian
from diabolo.parts.priors import VampPrior


class VampPriorVAE(VariationalAutoencoder):
    """Variational autoencoder whose prior is what the encoder says of learned examples.

        p(z) = 1/K Σ_k q(z|u_k)  for learned pseudo-inputs u_k

    The prior that makes the bound largest is the mean posterior over all training rows; this is
    the same over a few rows that are learned, so it does not over-fit and stays cheap.

    When: a standard normal is too simple a shape for the codes, and what it should be is not known.

    Watch: a step costs K encoder passes besides. With too few pseudo-inputs it is a poor prior,
    with as many as rows it over-fits.

    n_pseudo_inputs : K; 500 in the paper. They start from training rows, drawn at random, where
        these are numbers alone.

    Tomczak & Welling 2018, "VAE with a VampPrior", eq. 9.
    """

    n_pseudo_inputs: int = 100

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_pseudo_inputs": [Interval(Integral, 1, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        link = "identity" if facts.kind == "real" else "sigmoid"
        prior = VampPrior(dim, facts.n_features, self.n_pseudo_inputs, facts.context, link)
        return self.drawn(facts, Gaussian(dim, prior=prior))

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        if self.columns_.schema is None:
            prior: Any = module.code.prior
            some = np.random.default_rng(self._seeds.number("pseudo-inputs"))
            chosen = np.sort(some.permutation(fits.train)[: self.n_pseudo_inputs])
            prior.start_from(*fits.rows(chosen))
        return super().plan(module, fits)

"""The variational autoencoder: a Gaussian latent space that can be sampled."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from diabolo.data.batches import Batches
from diabolo.families.composition import Facts
from diabolo.families.estimator import Estimator
from diabolo.families.rowwise import PIECE
from diabolo.families.seeds import Seeds
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.bounds import LogLikelihood, log_likelihood, summary
from diabolo.parts.augmentations import Binarise, Unchanged
from diabolo.parts.codes import Gaussian


class VariationalAutoencoder(Estimator):
    """Autoencoder with q(z|x) = N(μ(x), σ²(x)), p(z) = N(0, I) and a likelihood p(x|z).

    Maximises the evidence lower bound E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z)), so that codes of the
    data fill the prior, and draws from the prior decode to new data.

    beta : weight of the KL; 1 is the bound (Higgins et al. 2017 for others).
    warmup : epochs over which β grows from 0 (Sønderby et al. 2016).
    binarise : greys are probabilities, binarised anew at every step (Burda et al. 2016); for
        likelihood "bernoulli".

    Data that are not binary get a Gaussian likelihood with one learned variance (Rybkin et al.
    2021), so that reconstruction and KL are in balance without a weight.

    Kingma & Welling 2014, "Auto-encoding variational Bayes".
    """

    beta: float = 1.0
    warmup: float = 0.0
    binarise: bool = False

    LIKELIHOOD_BY_KIND: ClassVar[dict[str, str]] = {
        "binary": "bernoulli",
        "unit": "gaussian-shared",
        "real": "gaussian-shared",
    }
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "beta": [Interval(Real, 0, None, closed="left")],
        "warmup": [Interval(Real, 0, None, closed="left")],
        "binarise": ["boolean"],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        if self.binarise and facts.kind == "real":
            raise ValueError("binarise=True needs values in [0, 1]: pass scaling='unit'.")
        return self.around(
            facts,
            Gaussian(self.code_size(facts)),
            augmentation=Binarise() if self.binarise else Unchanged(),
            beta=self.beta,
            warmup=self.warmup,
        )

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: Any = None,
        mean: bool = True,
        context: Any = None,
    ) -> np.ndarray:
        """New rows, in the units and shape of the training data.

        mean : the likelihood's mean for each drawn code (what is usually shown); False draws
            from the likelihood, too.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} must be a whole number of at least 1.")
        generator = Seeds.of(random_state).generator("sample")
        sides = self._sides(context, n_samples)
        pieces = []
        for start in range(0, n_samples, PIECE):
            z = self.module_.code.prior.sample(min(PIECE, n_samples - start), generator)
            side = None if sides is None else sides[start : start + PIECE]
            pieces.append(self._emitted(z, side, None if mean else generator))
        return np.concatenate(pieces)

    def _emitted(
        self, z: torch.Tensor, side: torch.Tensor | None, generator: torch.Generator | None
    ) -> np.ndarray:
        if generator is None:
            return self._decoded(z, side)
        with torch.inference_mode():
            out = self.module_.decoder(z) if side is None else self.module_.decoder(z, side)
            return self.columns_.original(self.module_.likelihood.sample(out, generator))

    def log_likelihood(
        self, X: Any, n_samples: int = 100, *, random_state: Any = None, context: Any = None
    ) -> LogLikelihood:
        """Importance-sampled log p(x) in nats of scaled rows: mean, standard error, count, rows.

        A lower bound that rises with `n_samples` (Burda et al. 2016, eq. 8). With `binarise`, rows
        are binarised once first.
        """
        check_is_fitted(self)
        dataset = self._open(X)
        sides = self._sides(context, len(dataset))
        generator = Seeds.of(random_state).generator("likelihood")
        batches = Batches(dataset, self.columns_, batch_size=PIECE, seed=0, context=sides)
        rows = [
            log_likelihood(
                self.module_,
                self.module_.augmentation(batch.x, generator),
                n_samples,
                generator,
                batch.context,
            )
            for batch in batches.in_order(100)
        ]
        return summary(torch.cat(rows), n_samples)

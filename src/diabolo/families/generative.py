"""What families with a prior on the code can do besides: draw new rows, weigh given ones."""

from __future__ import annotations

from numbers import Integral
from typing import Any, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from diabolo.data.batches import Batches
from diabolo.families.estimator import Estimator
from diabolo.families.rowwise import PIECE
from diabolo.families.seeds import Seeds
from diabolo.models.bounds import LogLikelihood, log_likelihood, summary
from diabolo.parts.codes import Gaussian


class Generative(Estimator):
    """Estimator whose code has a posterior q(z|x) and a prior p(z)."""

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
        n_samples = _count(n_samples)
        prior = cast(Gaussian, self.module_.code).prior
        generator = Seeds.of(random_state).generator("sample")
        sides = self._sides(context, n_samples)
        pieces = []
        for start in range(0, n_samples, PIECE):
            z = prior.sample(min(PIECE, n_samples - start), generator)
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
        self._check_support(dataset)
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


def _count(n_samples: Any) -> int:
    if not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r} must be a whole number of at least 1.")
    return int(n_samples)

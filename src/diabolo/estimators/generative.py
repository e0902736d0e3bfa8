"""What families with a posterior on the code can do besides: say how likely rows are."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted

from diabolo.data.batches import Batches
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.models.bounds import LogLikelihood, log_likelihood, summary


class Generative(Estimator):
    """Estimator whose code has a posterior q(z|x) and a prior p(z), from which `sample` draws."""

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

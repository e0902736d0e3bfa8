"""The importance-weighted autoencoder: the same parts, a tighter bound."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.engine.players import Player
from diabolo.estimators.fits import Fits
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.bounds import ImportanceWeighted
from diabolo.parts.neighbours import Neighbours


class ImportanceWeightedAutoencoder(VariationalAutoencoder):
    """Variational autoencoder trained on a tighter bound, from k draws.

        maximise L_k = E[log 1/k Σ_i p(x, z_i) / q(z_i|x)],  z_i ~ q(z|x)

    L_1 is the evidence lower bound, and L_k rises with k to log p(x), so the posterior may be
    other than Gaussian by as much as k draws can mend.

    When: what counts is log p(x), or more units should stay in use.

    Watch: a step costs k decoder passes. The larger k, the less the encoder learns from each step
    (Rainforth et al. 2018); 5 to 50 is usual.

    k : draws a row.

    Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", eq. 8.
    """

    k: int = 5

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "k": [Interval(Integral, 1, None, closed="left")],
    }

    def joining(self, weight: float) -> Neighbours:
        raise ValueError(
            "this bound has no place for penalties: pass neighbour_weight=0, or take a "
            "VariationalAutoencoder."
        )

    def players(self, module: Any, fits: Fits) -> tuple[Player, ...]:
        return (fits.player("joint", ImportanceWeighted(module, self.k)),)

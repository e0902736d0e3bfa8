"""The generative adversarial network: new rows, and no code."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from diabolo.engine.players import Player
from diabolo.families.composition import Facts
from diabolo.families.fits import Fits
from diabolo.families.learner import Learner
from diabolo.families.rowwise import PIECE
from diabolo.families.seeds import Seeds
from diabolo.models.adversarial import AdversarialModule, DiscriminatorSide, GeneratorSide
from diabolo.parts import games, networks, priors

GAMES = {
    "relativistic": games.Relativistic,
    "non-saturating": games.NonSaturating,
    "original": games.MinMax,
}
NOISES = {"gaussian": priors.StandardNormal, "uniform": priors.Uniform}


class GenerativeAdversarialNetwork(Learner):
    """Generator against discriminator: min_G max_D E[log D(x)] + E[log(1 − D(G(z)))].

    game : "relativistic" with R1 and R2 penalties (R3GAN), "non-saturating", or "original".
    penalty : γ of R1 and R2; 0 leaves them out.
    noise : "gaussian" or "uniform", of `n_components` units.
    averaging : decay of the moving average of the generator that samples are drawn from.

    There is no encoder, so no `transform`; `score_samples` is the discriminator's verdict.

    Goodfellow et al. 2014, "Generative adversarial nets"; Huang et al. 2024, "The GAN is dead;
    long live the GAN!".
    """

    game: str = "relativistic"
    penalty: float = 1.0
    noise: str = "gaussian"
    averaging: float = 0.999
    lr: float = 2e-4
    weight_decay: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "game": [StrOptions(set(GAMES))],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "noise": [StrOptions(set(NOISES))],
        "averaging": [Interval(Real, 0, 1, closed="left")],
    }

    def compose(self, facts: Facts) -> AdversarialModule:
        prior, hidden = NOISES[self.noise](self.code_size(facts)), self.hidden(facts)
        generator = networks.Dense(
            (prior.dim, *hidden[::-1], facts.n_features), self.activation, facts.context
        )
        discriminator = networks.Dense(
            (facts.n_features, *hidden, 1), self.activation, facts.context
        )
        link = "identity" if facts.kind == "real" else "sigmoid"
        return AdversarialModule(
            prior, generator, discriminator, GAMES[self.game](), link, self.penalty
        )

    def players(self, module: AdversarialModule, fits: Fits) -> tuple[Player, ...]:
        return (
            fits.player(
                "generator",
                GeneratorSide(module),
                _of("generator", module),
                betas=(0.0, 0.99),
                averaging=self.averaging,
            ),
            fits.player(
                "discriminator",
                DiscriminatorSide(module),
                _of("discriminator", module),
                betas=(0.0, 0.99),
            ),
        )

    def sample(
        self, n_samples: int = 1, *, random_state: Any = None, context: Any = None
    ) -> np.ndarray:
        """New rows, in the units and shape of the training data."""
        check_is_fitted(self)
        sides = self._sides(context, n_samples)
        generator = Seeds.of(random_state).generator("sample")
        pieces = []
        for start in range(0, n_samples, PIECE):
            z = self.module_.prior.sample(min(PIECE, n_samples - start), generator)
            pieces.append(self._decoded(z, None if sides is None else sides[start : start + PIECE]))
        return np.concatenate(pieces)

    def score_samples(self, X: Any, *, context: Any = None) -> np.ndarray:
        """The discriminator's verdict on each row in logits, (n,); higher is more like the data."""
        check_is_fitted(self)

        def verdict(x: torch.Tensor, side: torch.Tensor | None) -> torch.Tensor:
            return self.module_.verdict(x, side)[:, None]

        return self._rows_through(verdict, X, context, 1)[:, 0]

    def score(self, X: Any, y: Any = None, *, context: Any = None) -> float:
        """Mean of `score_samples`; higher is better."""
        return float(self.score_samples(X, context=context).mean(dtype=np.float64))


def _of(player: str, module: AdversarialModule) -> tuple[str, ...]:
    """Names, as the player's objective has them, of the parameters that are the player's."""
    return tuple(f"module.{n}" for n, _ in module.named_parameters() if n.startswith(f"{player}."))

"""The generative adversarial network: new rows, and no code."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.estimators import composition
from diabolo.estimators.composition import Facts
from diabolo.estimators.conditional import Conditional
from diabolo.estimators.fits import Fits, epochs
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.sampling import checked_temperature, count
from diabolo.estimators.seeds import Seeds
from diabolo.estimators.tables import side_columns
from diabolo.models.adversarial import (
    AdversarialModule,
    DiscriminatorSide,
    GeneratorSide,
    SampleDistance,
)
from diabolo.models.autoencoder import Example
from diabolo.models.model import parameters_under
from diabolo.parts import games, networks, priors

GAMES = {
    "relativistic": games.Relativistic,
    "non-saturating": games.NonSaturating,
    "original": games.MinMax,
}
SURE = 2.0  # standard deviations within which samples may be as good as real rows
# numbers of an image up to which dense networks are used: on 28×28 they came, in equal time, twice
# as far as convolutional ones, whose steps take two to three times as long (bench/generate.py)
DENSE = 1024
NOISES = {"gaussian": priors.StandardNormal, "uniform": priors.Uniform}


class GenerativeAdversarialNetwork(Conditional):
    """Generator against discriminator: new rows, and no code.

        min_G max_D E[log D(x)] + E[log(1 − D(G(z)))]

    With labels, fit(X, y), both sides see each row's class, and `sample(n, labels=…)` draws from
    it. Training stops by the energy distance of samples to held-out rows: the losses of the game
    do not tell how good the samples are.

    When: new rows should look real, and nothing has to be encoded.

    Watch: kinds of rows that are never drawn (mode collapse); `diagnosis_` compares coverage with
    that of real rows, and `diabolo.measures.samples` measures it. There is no encoder, so no
    `transform`; codes of given rows are found by a search (`diabolo.uses.edit.inversion`). Levels
    much wider than the default ones need a smaller `lr`: with two of 1,200 units on MNIST coverage
    was 0 at 5e-3 and .80 at 2e-3 (`diabolo reproduce goodfellow2014 --choose`).

    game : "relativistic" with R1 and R2 penalties (R3GAN), "non-saturating", or "original".
    penalty : γ of R1 and R2; 0 leaves them out.
    noise : "gaussian" or "uniform", of `n_components` units.
    averaging : decay of the moving average of the generator that samples are drawn from.
    network : "auto": convolutional for images of more than 1,024 numbers, else dense.

    `score_samples` is the discriminator's verdict.

    Goodfellow et al. 2014, "Generative adversarial nets"; Mirza & Osindero 2014, "Conditional
    generative adversarial nets"; Huang et al. 2024, "The GAN is dead; long live the GAN!".
    """

    game: str = "relativistic"
    penalty: float = 0.1
    noise: str = "gaussian"
    averaging: float = 0.99
    activation: str = "leaky_relu"
    network: str = "auto"
    lr: float = 5e-3
    n_iter_no_change: int = 20
    weight_decay: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "game": [StrOptions(set(GAMES))],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "noise": [StrOptions(set(NOISES))],
        "averaging": [Interval(Real, 0, 1, closed="left")],
        "network": [StrOptions({"auto", "dense", "convolutional"})],
    }

    def compose(self, facts: Facts) -> AdversarialModule:
        composition.refuse_mixed(
            facts,
            f"{type(self).__name__} draws rows of numbers alone",
            "Use VariationalAutoencoder, which draws rows of mixed tables.",
        )
        prior = NOISES[self.noise](self.code_size(facts))
        build = self._convolutional if self._folds(facts) else self._dense
        link = "identity" if facts.kind == "real" else "sigmoid"
        return AdversarialModule(
            prior, *build(facts, prior.dim), GAMES[self.game](), link, self.penalty
        )

    def _dense(self, facts: Facts, noise: int) -> tuple[nn.Module, nn.Module]:
        hidden, d = self.hidden(facts), facts.n_features
        return (
            networks.Dense((noise, *hidden[::-1], d), self.activation, facts.context),
            networks.Dense((d, *hidden, 1), self.activation, facts.context),
        )

    def _convolutional(self, facts: Facts, noise: int) -> tuple[nn.Module, nn.Module]:
        shape = composition.image_shape(facts)
        channels = composition.whole_numbers("channels", self.channels)
        return (
            networks.ConvolutionalDecoder(
                shape, noise, 1, channels, self.activation, facts.context
            ),
            networks.ConvolutionalEncoder(
                shape, 1, channels, self.activation, facts.context, early=facts.context > 0
            ),
        )

    def _folds(self, facts: Facts) -> bool:
        """Whether rows are folded to images."""
        if self.network != "auto":
            return self.network == "convolutional"
        return len(facts.shape) > 1 and facts.n_features > DENSE

    def code_size(self, facts: Facts) -> int:
        """Of the noise: as many units as there are features, within 2 … 64."""
        return int(self.n_components or max(2, min(64, facts.n_features)))

    def default_hidden(self, facts: Facts) -> tuple[int, ...]:
        """Wider and deeper than an autoencoder's: folding noise around holes takes many corners."""
        width = min(512, max(128, 2 * facts.n_features))
        return (width, width // 2) if facts.n_features >= 256 else (width,) * 3

    def players(self, module: AdversarialModule, fits: Fits) -> tuple[Player, ...]:
        moments = {"betas": (0.0, 0.99)}
        maker, judge = (parameters_under(name, module) for name in ("generator", "discriminator"))
        return (
            fits.player(
                "generator", GeneratorSide(module), maker, averaging=self.averaging, **moments
            ),
            fits.player("discriminator", DiscriminatorSide(module), judge, **moments),
        )

    def plan(self, module: AdversarialModule, fits: Fits) -> list[Phase]:
        judge = SampleDistance(module)
        spreads = [
            judge.chance(Example(batch.x, batch.context)) for batch in fits.held_out_batches()
        ]
        floor = SURE * float(np.mean(spreads)) / len(spreads) ** 0.5 if spreads else -math.inf
        # twice as long as an autoencoder: how sharp samples are is settled late, at a small rate
        most = self.max_epochs or 2 * epochs(math.ceil(len(fits.train) / fits.batch_size))
        return [fits.phase("joint", self.players(module, fits), most, judge, floor)]

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: Any = None,
        labels: Any = None,
        context: Any = None,
        temperature: float = 1.0,
    ) -> np.ndarray:
        """New rows, in the units and shape of the training data.

        temperature : by which the noise is multiplied; below 1 rows differ less.
        labels : classes of the rows, one for each or one for all, of a model fitted with labels;
            None: drawn with the shares they had in the training.
        """
        check_is_fitted(self)
        n = count(n_samples, self.columns_.n_features)
        heat = checked_temperature(temperature)
        generator = Seeds.of(random_state).generator("sample")
        sides, pieces = self._conditions(labels, context, n, generator), []
        for start in range(0, n, PIECE):
            z = self.module_.prior.sample(min(PIECE, n - start), generator, heat)
            side = None if sides is None else sides[start : start + PIECE]
            pieces.append(self._decoded(z, side, start, drawn=True))
        return np.concatenate(pieces)

    def score_samples(self, X: Any, *, labels: Any = None, context: Any = None) -> np.ndarray:
        """The discriminator's verdict on each row in logits, (n,); higher is more like the data.

        labels : classes of the rows, of a model fitted with labels; None: the log of the mean of
            exp(verdict) over all classes, with the shares they had in the training.
        """
        check_is_fitted(self)
        rows = len(self._open(X))
        own = side_columns(context, rows)

        def verdict(x: Tensor, side: Tensor | None) -> Tensor:
            return self.module_.verdict(x, side)[:, None]

        def verdicts(label: Any) -> np.ndarray:
            return self._rows_through(verdict, X, self._beside(label, own, rows), 1)[:, 0]

        if labels is not None or not self._is_conditional:
            return verdicts(labels)
        each = np.stack([verdicts(label) for label in np.asarray(self.classes_)])
        weights = np.log(np.asarray(self.class_shares_))[:, None]
        return np.logaddexp.reduce(each + weights).astype(np.float32)

    def score(self, X: Any, y: Any = None, *, context: Any = None) -> float:
        """Mean of `score_samples`; higher is better. y : labels, of a model fitted with such."""
        labels = y if self._is_conditional else None
        verdicts = self.score_samples(X, labels=labels, context=context)
        return float(verdicts.mean(dtype=np.float64))

"""The denoising autoencoder: repairs its input."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.estimators import composition
from diabolo.estimators.composition import SMALLEST, Facts
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts import corruptions
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.codes import Deterministic


def _salt_and_pepper(facts: Facts, level: float, emphasis: float) -> corruptions.Corruption:
    composition.refuse_mixed(facts, "salt and pepper is for numbers alone", REMEDY)
    # standardised columns have no black and white: three standard deviations to either side
    low, high = (-3.0, 3.0) if facts.kind == "real" else (0.0, 1.0)
    return corruptions.SaltAndPepper(level, emphasis, low, high)


def _gaussian(facts: Facts, level: float, emphasis: float) -> corruptions.Corruption:
    composition.refuse_mixed(facts, "Gaussian noise is for numbers alone", REMEDY)
    return corruptions.GaussianNoise(level, emphasis)


def _moves(facts: Facts, level: float, emphasis: float) -> corruptions.Corruption:
    composition.refuse_mixed(facts, "moves are for images", REMEDY)
    shape = composition.image_shape(facts)
    if min(shape[:2]) < SMALLEST:
        raise ValueError(
            f"noise='moves' is for images of at least {SMALLEST}x{SMALLEST} pixels, but rows are "
            f"{'x'.join(map(str, facts.shape))}: pass noise='masking' or noise='swap'."
        )
    return corruptions.Moves(level, emphasis, shape=shape)


REMEDY = "Pass noise='masking' or noise='swap'."

NOISES = {
    "masking": composition.masking,
    "salt-and-pepper": _salt_and_pepper,
    "gaussian": _gaussian,
    "moves": _moves,
    "swap": lambda facts, level, emphasis: corruptions.ColumnSwap(level, emphasis),
}


class DenoisingAutoencoder(Estimator):
    """Autoencoder that repairs its input.

        minimise E[−log p(x | z(x̃))],  x̃ ~ q(x̃ | x) drawn anew at every step

    The encoder sees a corrupted x̃, the loss compares with the clean x, so the code has to hold
    what survives corruption. Because copying does not help, the code may be wider than the input.

    When: noise is to be removed, and clean rows are there to learn from; or codes are features for
    something else: what cannot be guessed from the rest of a row is mostly noise, and is left out.

    Watch: it removes the noise that it was shown, in kind and in strength. With too high a level
    it rebuilds averages; with too low a one it copies. Noisy rows alone are for `SUREAutoencoder`.

    noise : "masking" (entries set to 0; cells of a mixed table go missing), "salt-and-pepper",
        "gaussian", "moves" (images shifted, turned and stretched: its codes tell what an image
        shows), "swap" (the same column of another row: the natural noise for tables), or several
        in turn, as ("moves", "masking").
    level : share of the entries that are corrupted; standard deviation for "gaussian", in units
        of the scaled input; for "moves", how far they go, in halves of a side. Of several, one
        for each.
    emphasis : α in [0, 1]: errors on corrupted entries count 2α, the others 2(1 − α); ½ is even.
    code_activation : of the code's units; "sigmoid" keeps them in (0, 1).

    Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders",
    sec. 2.3; noise kinds and emphasis: Vincent et al. 2010, sec. 3.3 and 4.1.
    """

    noise: str | Sequence[str] = "masking"
    level: float | Sequence[float] = 0.2
    emphasis: float = 0.5
    code_activation: str = "identity"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "noise": [StrOptions(set(NOISES)), tuple, list],
        "level": [Interval(Real, 0, None, closed="left"), tuple, list],
        "emphasis": [Interval(Real, 0, 1, closed="both")],
        "code_activation": [StrOptions(set(ACTIVATIONS))],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        corruption = self._corruption(facts)
        code = Deterministic(self.code_size(facts), self.code_activation)
        return self.around(facts, code, corruption=corruption)

    def _corruption(self, facts: Facts) -> corruptions.Corruption:
        noises, levels = (
            list(given) if isinstance(given, tuple | list) else [given]
            for given in (self.noise, self.level)
        )
        if not noises or len(noises) != len(levels):
            raise ValueError(
                f"noise={self.noise!r} has {len(noises)} kinds and level={self.level!r} "
                f"{len(levels)} numbers: give one level for each kind."
            )
        steps = [self._step(*pair, facts) for pair in zip(noises, levels, strict=True)]
        if len(steps) == 1:
            return steps[0]
        return corruptions.InTurn(emphasis=self.emphasis, steps=steps)

    def _step(self, noise: Any, level: Any, facts: Facts) -> corruptions.Corruption:
        if noise not in NOISES:
            raise ValueError(f"noise {noise!r} is none of {', '.join(map(repr, NOISES))}.")
        if isinstance(level, bool) or not isinstance(level, Real) or not float(level) >= 0:
            raise ValueError(f"level {level!r} of {noise!r} noise is no number of at least 0.")
        if noise != "gaussian" and float(level) > 1:
            raise ValueError(
                f"level={level} is a share of the entries for {noise!r} noise: "
                "pass a number between 0 and 1."
            )
        return NOISES[noise](facts, float(level), self.emphasis)

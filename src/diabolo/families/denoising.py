"""The denoising autoencoder: repairs its input."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.estimators import composition
from diabolo.estimators.composition import Facts
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


REMEDY = "Pass noise='masking' or noise='swap'."

NOISES = {
    "masking": composition.masking,
    "salt-and-pepper": _salt_and_pepper,
    "gaussian": _gaussian,
    "swap": lambda facts, level, emphasis: corruptions.ColumnSwap(level, emphasis),
}


class DenoisingAutoencoder(Estimator):
    """Autoencoder that repairs its input.

    The encoder sees a corrupted x̃, the loss compares with the clean x, so the code has to hold
    what survives corruption: minimise E[−log p(x | z(x̃))], x̃ ~ q(x̃ | x), drawn anew every step.
    Because copying does not help, the code may be wider than the input.

    noise : "masking" (entries set to 0; cells of a mixed table go missing), "salt-and-pepper",
        "gaussian", or "swap" (the same column of another row: the natural noise for tables).
    level : share of the entries that are corrupted; standard deviation for "gaussian", in units
        of the scaled input.
    emphasis : α in [0, 1]: errors on corrupted entries count 2α, the others 2(1 − α); ½ is even.
    code_activation : of the code's units; "sigmoid" keeps them in (0, 1).

    Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders",
    sec. 2.3; noise kinds and emphasis: Vincent et al. 2010, sec. 3.3 and 4.1.
    """

    noise: str = "masking"
    level: float = 0.2
    emphasis: float = 0.5
    code_activation: str = "identity"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "noise": [StrOptions(set(NOISES))],
        "level": [Interval(Real, 0, None, closed="left")],
        "emphasis": [Interval(Real, 0, 1, closed="both")],
        "code_activation": [StrOptions(set(ACTIVATIONS))],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        if self.noise != "gaussian" and self.level > 1:
            raise ValueError(
                f"level={self.level} is a share of the entries for {self.noise!r} noise: "
                "pass a number between 0 and 1."
            )
        corruption = NOISES[self.noise](facts, self.level, self.emphasis)
        code = Deterministic(self.code_size(facts), self.code_activation)
        return self.around(facts, code, corruption=corruption)

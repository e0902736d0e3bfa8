"""The finite-scalar-quantised autoencoder: every unit is rounded to a few levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from diabolo.estimators.composition import Facts, whole_numbers
from diabolo.families.quantised import Quantised
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.quantisers import ScalarQuantiser


class FSQAutoencoder(Quantised):
    """Autoencoder whose units are bounded and rounded.

        minimise −log p(x | round(f(h))),  f(h) within the L levels of each unit

    All combinations of levels are the codebook, so there is none to learn, and no entry can die.
    `indices` are the levels, 0 … L − 1, `transform` their values between −1 and 1.

    When: whole numbers are wanted as a code: for compression, or as tokens.

    Watch: a row takes Σ_j log₂ L_j bits, used or not. The paper takes 5 to 8 levels.

    levels : of every unit, 2 or more: one number for all, or one for each of `n_components`.

    Mentzer et al. 2024, "Finite scalar quantization: VQ-VAE made simple", sec. 3.1.
    """

    levels: int | Sequence[int] = 8

    _parameter_constraints: ClassVar[dict[str, list]] = {"levels": [int, "array-like"]}

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        given = (self.levels,) * dim if isinstance(self.levels, int) else self.levels
        levels = whole_numbers("levels", given)
        if len(levels) != dim or min(levels) < 2:
            raise ValueError(
                f"levels={self.levels!r} must be whole numbers of at least 2, one for all units or "
                f"one for each of the {dim}."
            )
        return self.around(facts, ScalarQuantiser(dim, levels))

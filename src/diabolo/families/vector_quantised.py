"""The vector-quantised autoencoder: a code of whole numbers, each standing for a learned vector."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.estimators.composition import Facts
from diabolo.families.quantised import Quantised
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.quantisers import GradientVectorQuantiser, VectorQuantiser

CODEBOOKS = {"average": VectorQuantiser, "gradient": GradientVectorQuantiser}


class VQVAE(Quantised):
    """Autoencoder whose code is a few entries of learned codebooks.

        minimise −log p(x | e) + β ‖h − sg[e]‖²,  e the entry nearest to h,  sg: no gradient

    The encoder's `n_components` numbers are cut into vectors, and each is replaced by the nearest
    entry of its codebook. `indices` are the entries' numbers, `transform` the entries themselves.

    When: a code of whole numbers is wanted: tokens for a sequence model, or a code of so many bits.

    Watch: entries that nobody chooses are lost capacity; the history has "perplexity", as how many
    of the entries are in use. `FSQAutoencoder` has no codebook that could die.

    codebook_size : entries of each codebook.
    vector_size : numbers an entry; None: the largest of 4, 3, 2 and 1 that divides n_components.
        The larger, the fewer bits a row: each vector costs log₂ `codebook_size`.
    commitment : β, how strongly the encoder is held to the entries.
    codebook : entries follow what chose them by "average" (a moving one, with unused entries put
        back on the data) or by "gradient" (the first paper's; unused entries stay unused).

    van den Oord, Vinyals & Kavukcuoglu 2017, "Neural discrete representation learning"; Razavi,
    van den Oord & Vinyals 2019, "Generating diverse high-fidelity images with VQ-VAE-2".
    """

    codebook_size: int = 256
    vector_size: int | None = None
    commitment: float = 0.25
    codebook: str = "average"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "codebook_size": [Interval(Integral, 1, 2**16, closed="both")],
        "vector_size": [Interval(Integral, 1, None, closed="left"), None],
        "commitment": [Interval(Real, 0, None, closed="left")],
        "codebook": [StrOptions(set(CODEBOOKS))],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        size = int(self.vector_size or next(s for s in (4, 3, 2, 1) if dim % s == 0))
        if dim % size:
            raise ValueError(
                f"n_components={dim} units do not make whole vectors of vector_size={size}: pass "
                f"n_components={size * -(-dim // size)}, for example."
            )
        kind = CODEBOOKS[self.codebook]
        return self.around(facts, kind(dim, size, int(self.codebook_size), float(self.commitment)))

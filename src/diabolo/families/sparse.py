"""The sparse autoencoder: few units active at a time."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import batch_size
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Code, Deterministic, TopK
from diabolo.parts.penalties import L1, KLSparsity, Penalty, WeightDecay

Words = tuple[Code, tuple[Penalty, ...]]

ENOUGH = 100  # rows: smaller batches estimate mean activations too noisily on their own


class SparseAutoencoder(Estimator):
    """Autoencoder whose units are each active for few rows only; the code may be wide.

        "kl"      minimise J + β Σ_j KL(ρ ‖ ρ̂_j),  ρ̂_j the mean activation of unit j, in (0, 1)
        "l1"      minimise J + weight · Σ_j |z_j|
        "top-k"   minimise J, with all but the k largest units of a row set to 0

    J is −log p(x | z). ρ̂_j is a mean over the batch (and a running one, where batches are small),
    ρ is `target_activation` and β `sparsity_weight`.

    When: units should stand for something that can be looked at, one by one: strokes, parts,
    topics. With ``hidden_layer_sizes=()`` each unit is a feature of the input itself.

    Watch: too large a weight leaves units that are never on (dead) or that are on at ρ for every
    row; `diagnosis_` counts both. An L1 penalty also shrinks the units that are in use. For very
    wide codes see `SparseDictionary`.

    l2 : λ of a further term λ/2 Σ W², which makes features smooth and codes worth more to a
        classifier (docs/results.md).

    Ng 2011, "Sparse autoencoder" (CS294A lecture notes), sec. 3; Olshausen & Field 1996; Makhzani
    & Frey 2013, "k-sparse autoencoders".
    """

    sparsity: str = "kl"
    target_activation: float = 0.05
    sparsity_weight: float = 3.0
    l2: float = 0.0
    k: int | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "sparsity": [StrOptions({"kl", "l1", "top-k"})],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "k": [Interval(Integral, 1, None, closed="left"), None],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        code, penalties = {"kl": self._kl, "l1": self._l1, "top-k": self._top_k}[self.sparsity](
            facts
        )
        decay = (WeightDecay(self.l2),) if self.l2 else ()
        return self.around(facts, code, penalties=(*penalties, *decay))

    def _kl(self, facts: Facts) -> Words:
        dim = self.code_size(facts)
        rows = self.batch_size or batch_size(facts.rows)
        penalty = KLSparsity(
            self.sparsity_weight, dim, self.target_activation, memory=0.9 if rows < ENOUGH else 0.0
        )
        return Deterministic(dim, "sigmoid"), (penalty,)

    def _l1(self, facts: Facts) -> Words:
        return Deterministic(self.code_size(facts), "relu"), (L1(self.sparsity_weight),)

    def _top_k(self, facts: Facts) -> Words:
        dim = self.code_size(facts)
        k = self.k or max(1, round(self.target_activation * dim))
        if k > dim:
            raise ValueError(f"k={k} units cannot be kept of {dim}: pass a smaller k.")
        return TopK(dim, k), ()

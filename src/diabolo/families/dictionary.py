"""The sparse dictionary: many atoms, of which each row is the sum of a few."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from diabolo.estimators.composition import Facts, refuse_mixed
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.dictionaries import BatchTopK, Dictionary, JumpReLU, Revival, RowTopK, Selection
from diabolo.parts.likelihoods import Gaussian

SELECTIONS = {"top-k": RowTopK, "batch-top-k": BatchTopK, "jump-relu": JumpReLU}
TYPICAL = {"real": 1.5}  # sizes of units in use at first, by kind of data: where thresholds start
ELSE = 0.3
PRICE = 20.0  # of L0 off its target, relative to the square of that size, as errors are squares


class SparseDictionary(Estimator):
    """Autoencoder with an overcomplete code of few active units, read by a linear decoder.

        x ≈ Σ_j z_j a_j + b,  ‖a_j‖ = 1,  z ≥ 0 with k units in use

    The atoms a_j are what the data are made of, if they are made that way, and can be looked at
    one by one (`atoms_`).

    When: rows are sums of parts out of a large stock: image patches, spectra, activations of
    another network.

    Watch: units without use; the history has "L0" (units in use), "dead" (share of the units) and
    "explained_variance". With too large a k atoms stand for nothing in particular. Atoms differ
    between seeds.

    n_components : atoms; None: 4 for each feature, at most 1024.
    k : units in use a row; None: one for eight features, within 1 … 32.
    selection : "top-k", the k largest of every row; "batch-top-k", k a row on average: rows then
        take what they need, and `transform` compares with a threshold learned in training; or
        "jump-relu", about k on average, with a learned threshold for every unit.
    revival : weight of a loss that brings back units without use.

    The decoder is linear for data of every kind, unless a likelihood is asked for; the encoder's
    bias does what the papers' pre-bias does, W (x − b) + c = W x + (c − W b). `hidden_layer_sizes`
    deepens the encoder alone.

    Gao et al. 2024, "Scaling and evaluating sparse autoencoders"; Bussmann, Leask & Nanda 2024,
    "BatchTopK sparse autoencoders"; Rajamanoharan et al. 2024, "Jumping ahead: improving
    reconstruction fidelity with JumpReLU sparse autoencoders".
    """

    k: int | None = None
    selection: str = "top-k"
    revival: float = 1 / 32
    weight_decay: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "k": [Interval(Integral, 1, None, closed="left"), None],
        "selection": [StrOptions(set(SELECTIONS))],
        "revival": [Interval(Real, 0, None, closed="left")],
    }

    def default_hidden(self, facts: Facts) -> tuple[int, ...]:
        return ()

    def compose(self, facts: Facts) -> AutoencoderModule:
        refuse_mixed(
            facts, "a dictionary's atoms add up to rows of numbers", "Use SparseAutoencoder."
        )
        dim = int(self.n_components or min(1024, 4 * facts.n_features))
        k = int(self.k or max(1, min(32, dim, facts.n_features // 8)))
        if k > dim:
            raise ValueError(f"k={k} units cannot be kept of {dim}: pass a smaller k.")
        return self.around(
            facts,
            self._selected(facts, dim, k),
            likelihood=Gaussian() if self.likelihood == "auto" else None,
            own_decoder=Dictionary(dim, facts.n_features, facts.context),
            penalties=(Revival(float(self.revival), dim, min(dim, 2 * k), max(1000, facts.rows)),),
        )

    def _selected(self, facts: Facts, dim: int, k: int) -> Selection:
        if self.selection != "jump-relu":
            return SELECTIONS[self.selection](dim, k)
        size = TYPICAL.get(facts.kind, ELSE)
        return JumpReLU(dim, k, PRICE * size**2, width=size, start=size)

    @property
    def atoms_(self) -> np.ndarray:
        """(n_components, d), each of length 1 in scaled units."""
        check_is_fitted(self)
        return self.module_.decoder.atoms.detach().T.cpu().numpy()

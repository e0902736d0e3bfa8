"""The autoencoder: x → code z → x̂."""

from __future__ import annotations

import warnings
from typing import ClassVar

from sklearn.utils._param_validation import StrOptions

from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.codes import Deterministic


class OvercompleteWarning(UserWarning):
    """The code is as wide as the input and nothing keeps the network from copying."""


class Autoencoder(Estimator):
    """Learns a code from which the input can be rebuilt.

        minimise −log p(x | decode(encode(x)))

    With a code smaller than the input (*undercomplete*) the network has to find structure; with
    linear activations and squared error it finds the subspace of PCA (Baldi & Hornik 1989). A
    wider code (*overcomplete*) lets it copy its input: use a family that asks for more.

    When: rows should become shorter, and nothing else is asked of the code. It is the first to
    try, and the one that every other family has to beat.

    Watch: where rows are nearly linear, PCA is as good and takes no training; `diabolo check` says
    so. Nothing orders or spreads the codes, so new rows need a prior that is fitted afterwards
    (`fit_prior`).

    `hidden_layer_sizes` makes it as deep as wished; ``tied=True`` shares the matrices of encoder
    and decoder.

    code_activation : of the code's units; "sigmoid" keeps them in (0, 1).

    Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; Baldi
    & Hornik 1989, "Neural networks and principal component analysis".
    """

    code_activation: str = "identity"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "code_activation": [StrOptions(set(ACTIVATIONS))],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        if self.n_components is not None and dim >= facts.n_features:
            warnings.warn(
                f"the code has {dim} units for {facts.n_features} features and nothing keeps the "
                "network from copying its input: use fewer components, or a denoising, sparse or "
                "contractive autoencoder.",
                OvercompleteWarning,
                stacklevel=5,
            )
        return self.around(facts, Deterministic(dim, self.code_activation))

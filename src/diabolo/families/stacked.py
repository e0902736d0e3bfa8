"""The stacked autoencoder: trained greedily, layer by layer, then fine-tuned as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from diabolo.engine.schedule import Phase
from diabolo.families.composition import Facts
from diabolo.families.estimator import Estimator
from diabolo.families.fits import Fits
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.stack import Above, Classification, layer_of
from diabolo.parts.codes import Deterministic
from diabolo.parts.corruptions import Masking
from diabolo.parts.networks import Dense
from diabolo.parts.penalties import Contractive, KLSparsity

Words = dict[str, Any]

LAYERS: dict[str, Callable[[StackedAutoencoder, int], Words]] = {
    "plain": lambda stack, units: {},
    "denoising": lambda stack, units: {"corruption": Masking(stack.level)},
    "sparse": lambda stack, units: {
        "penalties": (KLSparsity(stack.sparsity_weight, units, stack.target_activation),)
    },
    "contractive": lambda stack, units: {"penalties": (Contractive(stack.contraction),)},
}


def _learns_from_labels(stack: StackedAutoencoder) -> bool:
    return stack.fine_tune == "labels"


class StackedAutoencoder(Estimator):
    """Deep autoencoder trained one layer at a time, each on the features of the one below.

    Layer i is a one-layer autoencoder of its own on the features h_{i−1} of the finished layers,
    which stay as they are, bit for bit. At the end all layers are fine-tuned together.

    layers : "plain", "denoising", "sparse" or "contractive": one kind for all, or one each.
    layer_epochs : most epochs of a layer; None: as `max_epochs`. Each layer stops on its own.
    fine_tune : "reconstruction", "labels" (cross-entropy of a softmax layer on the code; then
        there is `predict`), or None: the stack as it was built.
    level : share of masked entries of denoising layers.
    target_activation, sparsity_weight : ρ and β of sparse layers (they need activation="sigmoid").
    contraction : λ of contractive layers.

    `features(X, layer)` gives what layer 1, 2, … makes of rows; `history_` tells the phases apart
    and notes what each gained.

    Hinton & Salakhutdinov 2006; Bengio et al. 2007, "Greedy layer-wise training of deep
    networks"; Vincent et al. 2010, "Stacked denoising autoencoders".
    """

    layers: str | Sequence[str] = "denoising"
    layer_epochs: int | None = None
    fine_tune: str | None = "reconstruction"
    level: float = 0.2
    target_activation: float = 0.05
    sparsity_weight: float = 3.0
    contraction: float = 0.1

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "layers": [StrOptions(set(LAYERS)), "array-like"],
        "layer_epochs": Estimator._parameter_constraints["max_epochs"],
        "fine_tune": [StrOptions({"reconstruction", "labels"}), None],
        "level": [Interval(Real, 0, 1, closed="both")],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "contraction": [Interval(Real, 0, None, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        kinds = self._kinds(len(self.hidden(facts)) + 1)
        words: Words = {}
        if _learns_from_labels(self):
            words["head"] = Dense((dim, len(self.classes_)))
        code = Deterministic(dim, "sigmoid" if kinds[-1] == "sparse" else "identity")
        module = self.around(facts, code, **words)
        if not isinstance(module.encoder, Dense) or not isinstance(module.decoder, Dense):
            raise ValueError(
                "a stack is trained layer by layer, which needs the dense networks made here: "
                "leave out encoder, decoder, network and tied."
            )
        return module

    def _kinds(self, count: int) -> tuple[str, ...]:
        kinds = (self.layers,) * count if isinstance(self.layers, str) else tuple(self.layers)
        if len(kinds) != count or not set(kinds) <= set(LAYERS):
            raise ValueError(
                f"layers={self.layers!r} does not name one of {', '.join(LAYERS)} for each of the "
                f"{count} layers."
            )
        if "sparse" in kinds[:-1] and self.activation != "sigmoid":
            raise ValueError(
                f"sparse layers need units between 0 and 1, but activation={self.activation!r}: "
                "pass activation='sigmoid'."
            )
        return kinds

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        kinds = self._kinds(len(module.encoder.layers))
        phases = [self._layer_phase(module, i, kind, fits) for i, kind in enumerate(kinds)]
        if self.fine_tune == "labels":
            phases.append(fits.phase("fine-tuning", Classification(module)))
        elif self.fine_tune:
            phases.append(fits.phase("fine-tuning", module))
        return phases

    def _layer_phase(self, module: AutoencoderModule, index: int, kind: str, fits: Fits) -> Phase:
        units = module.encoder.sizes[index + 1]
        layer = layer_of(module, index, **LAYERS[kind](self, units))
        objective = Above(module.encoder.part(0, index), layer)
        own = tuple(name for name, _ in objective.named_parameters() if name.startswith("layer."))
        return fits.phase(f"layer {index + 1}", objective, own, self.layer_epochs)

    def labels_from(self, y: Any, rows: int) -> np.ndarray | None:
        if not _learns_from_labels(self):
            return None
        if y is None:
            raise ValueError("fine_tune='labels' needs labels: call fit(X, y).")
        y = column_or_1d(y)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return numbers

    @available_if(lambda stack: not _learns_from_labels(stack))
    def partial_fit(self, X: Any, y: Any = None, *, context: Any = None) -> Estimator:
        """One pass of all layers together over some more rows; there is none for labels."""
        return super().partial_fit(X, y, context=context)

    @available_if(_learns_from_labels)
    def predict_proba(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Class probabilities of the softmax layer on the code, (n, classes)."""
        check_is_fitted(self)

        def probabilities(x: torch.Tensor, side: torch.Tensor | None) -> torch.Tensor:
            return torch.softmax(self.module_.head(self.module_.encode(x, side)), dim=1)

        return self._rows_through(probabilities, X, context, len(self.classes_))

    @available_if(_learns_from_labels)
    def predict(self, X: Any, *, context: Any = None) -> np.ndarray:
        """The likeliest class of every row, (n,)."""
        return np.asarray(self.classes_)[self.predict_proba(X, context=context).argmax(1)]

    def _fitted_values(self) -> dict[str, Any]:
        return {"classes_": self.classes_.tolist()} if _learns_from_labels(self) else {}

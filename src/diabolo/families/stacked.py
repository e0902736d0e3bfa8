"""The stacked autoencoder: trained greedily, layer by layer, then fine-tuned as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fine_tuned import FineTuned
from diabolo.estimators.fits import Fits
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.chain import depth
from diabolo.models.stack import Above, chains, layer_of
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.codes import Deterministic
from diabolo.parts.corruptions import Masking, Missing
from diabolo.parts.networks import Table
from diabolo.parts.penalties import Contractive, KLSparsity

Words = dict[str, Any]

# of (settings, units of the layer, whether what it sees are cells of a mixed table)
LAYERS: dict[str, Callable[[StackedAutoencoder, int, bool], Words]] = {
    "plain": lambda stack, units, cells: {},
    "denoising": lambda stack, units, cells: {
        "corruption": (Missing if cells else Masking)(stack.level)
    },
    "sparse": lambda stack, units, cells: {
        "penalties": (KLSparsity(stack.sparsity_weight, units, stack.target_activation),)
    },
    "contractive": lambda stack, units, cells: {"penalties": (Contractive(stack.contraction),)},
}


class StackedAutoencoder(FineTuned):
    """Deep autoencoder trained one layer at a time, each on the features of the one below.

        layer i:  minimise −log p(h_{i−1} | z_i(h_{i−1})),  h_0 = x,  h_i = z_i(h_{i−1})
        then, all layers together, −log p(x | z)  or  −log softmax(W z + b)_y

    Layer i is a one-layer autoencoder of its own on the features h_{i−1} of the finished layers,
    which stay as they are, bit for bit. At the end all layers are fine-tuned together.

    When: labels are few and rows many: layers learn from rows, the end from labels
    (``fine_tune="labels"``). Also for deep networks of saturating units, which do not find their
    way from a random start.

    Watch: with today's activations and optimiser a deep network can be trained at once, and the
    layers must show that they help: ``layers=None`` is the control, with the same network. Sigmoid
    units learn slowly from small weights: give them a higher `layer_lr`.

    layers : "plain", "denoising", "sparse" or "contractive": one kind for all, or one each; None:
        no layer is trained on its own, which is the control.
    layer_epochs : most epochs of a layer; None: as `max_epochs`. Each layer stops on its own.
    layer_lr : highest learning rate of the layers; None: `lr`, which is that of the fine-tuning.
    fine_tune : "reconstruction", "labels" (then there is `predict`), or None.
    level : share of masked entries of denoising layers.
    target_activation, sparsity_weight : ρ and β of sparse layers (they need activation="sigmoid").
    contraction : λ of contractive layers.
    code_activation : of the topmost units; None: "sigmoid" in a sparse layer, else "identity".

    An `encoder` and `decoder` of your own are `nn.Sequential`s of mirrored sizes.

    `features(X, layer)` gives what layer 1, 2, … makes of rows; `history_` tells the phases apart
    and notes what each gained.

    Hinton & Salakhutdinov 2006; Bengio et al. 2007, "Greedy layer-wise training of deep
    networks"; Vincent et al. 2010, "Stacked denoising autoencoders".
    """

    layers: str | Sequence[str] | None = "denoising"
    layer_epochs: int | None = None
    layer_lr: float | None = None
    level: float = 0.2
    target_activation: float = 0.05
    sparsity_weight: float = 3.0
    contraction: float = 0.1
    code_activation: str | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "layers": [StrOptions(set(LAYERS)), "array-like", None],
        "layer_epochs": Estimator._parameter_constraints["max_epochs"],
        "layer_lr": [Interval(Real, 0, None, closed="neither"), None],
        "level": [Interval(Real, 0, 1, closed="both")],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "contraction": [Interval(Real, 0, None, closed="left")],
        "code_activation": [StrOptions(set(ACTIVATIONS)), None],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        given = self.encoder
        kinds = self._kinds(len(self.hidden(facts)) + 1 if given is None else depth(given))
        natural = "sigmoid" if kinds[-1:] == ("sparse",) else "identity"
        code = Deterministic(dim, self.code_activation or natural)
        module = self.around(facts, code, head=self.head_on(dim))
        chains(module)  # or one sentence
        return module

    def _kinds(self, count: int) -> tuple[str, ...]:
        if self.layers is None:
            if self.fine_tune is None:
                raise ValueError("layers=None and fine_tune=None leave nothing to train: pass one.")
            return ()
        kinds = (self.layers,) * count if isinstance(self.layers, str) else tuple(self.layers)
        if len(kinds) != count or not set(kinds) <= set(LAYERS):
            raise ValueError(
                f"layers={self.layers!r} does not name one of {', '.join(LAYERS)} for each of the "
                f"{count} layers."
            )
        if kinds[-1] == "sparse" and self.code_activation not in (None, "sigmoid"):
            raise ValueError(
                f"sparse layers need units between 0 and 1, but "
                f"code_activation={self.code_activation!r}: leave it out."
            )
        if "sparse" in kinds[:-1] and self.activation != "sigmoid":
            raise ValueError(
                f"sparse layers need units between 0 and 1, but activation={self.activation!r}: "
                "pass activation='sigmoid'."
            )
        return kinds

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        kinds = self._kinds(depth(module.encoder))
        layers = [self._layer_phase(module, i, kind, fits) for i, kind in enumerate(kinds)]
        return [*layers, *self.fine_tuning(module, fits)]

    def _layer_phase(self, module: AutoencoderModule, index: int, kind: str, fits: Fits) -> Phase:
        encoder, _ = chains(module)
        cells = index == 0 and isinstance(encoder, Table)
        layer = layer_of(module, index, **LAYERS[kind](self, encoder.sizes[index + 1], cells))
        objective = Above(encoder.part(0, index), layer)
        own = tuple(name for name, _ in objective.named_parameters() if name.startswith("layer."))
        name = f"layer {index + 1}"
        player = fits.player(name, objective, own, lr=self.layer_lr or self.lr)
        return fits.phase(name, (player,), self.layer_epochs)

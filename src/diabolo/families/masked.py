"""The masked autoencoder: predicts what it does not see from what it sees."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval
from torch import Tensor

from diabolo.data.batches import number_of_batches
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import NETWORKS, Blueprint, Facts, image_shape, likelihood_for
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits, epochs
from diabolo.estimators.hidden import Predicting
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.masked import outputs, predicted
from diabolo.parts.codes import Deterministic
from diabolo.parts.corruptions import Hiding
from diabolo.parts.lenses import Visible

UNITS = 32  # of the code where none were asked for: fewer or more predict no better
STEPS = 3000  # at least: 1,500 leave a tenth of the error on 30 columns that hang together closely


class MaskedAutoencoder(Predicting, Estimator):
    """Autoencoder of rows of which a random part is hidden: it predicts one part from the other.

        minimise E_mask[−log p(x_hidden | x_visible)]

    The encoder sees the visible entries and which they are; the loss asks for the hidden ones. As
    copying does not help, the code may be wider than the input. `predict_hidden` answers for any
    part that is missing; `transform` encodes rows of which nothing is.

    When: parts of rows are missing, or one part is to be told from another: holes in images, cells
    of tables. For filled tables see `Imputer`, for strange cells `AnomalyDetector`.

    Watch: each hidden entry is predicted by itself: several of one row need not go together. Few
    held-out rows with one mask each would stop a fit far too early: by default none are held out,
    and there are 3,000 steps at least.

    hidden_share, lowest : largest and smallest share of a row that is hidden, drawn anew for every
        row and step; a wide range makes one model good at every number of missing entries.
    emphasis : α in [0, 1]: errors on hidden entries count 2α, on visible ones 2(1 − α).
    patch : for images, pixels to each side of the squares that are hidden whole; 0: entries.

    An encoder of your own sees 0 for hidden entries.

    He et al. 2022, "Masked autoencoders are scalable vision learners"; for tables Du, Melis & Wang
    2024, "ReMasker: imputing tabular data with masked autoencoding".
    """

    hidden_share: float = 0.65
    lowest: float = 0.05
    emphasis: float = 0.8
    patch: int = 0
    batch_size: int | None = 256
    lr: float = 3e-3
    weight_decay: float = 0.1
    early_stopping: bool = False

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "hidden_share": [Interval(Real, 0, 1, closed="right")],
        "lowest": [Interval(Real, 0, 1, closed="both")],
        "emphasis": [Interval(Real, 0, 1, closed="both")],
        "patch": [Interval(Integral, 0, None, closed="left")],
    }

    def default_hidden(self, facts: Facts) -> tuple[int, ...]:
        return tuple(max(64, size) for size in super().default_hidden(facts))

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        steps = number_of_batches(len(fits.train), fits.batch_size)
        most = self.max_epochs or max(epochs(steps), -(-STEPS // steps))
        return [fits.phase("joint", self.players(module, fits), most)]

    def compose(self, facts: Facts) -> AutoencoderModule:
        if self.lowest > self.hidden_share:
            raise ValueError(
                f"lowest={self.lowest} is more than hidden_share={self.hidden_share}: pass the "
                "smallest and the largest share of a row that is hidden."
            )
        code = Deterministic(int(self.n_components or UNITS))
        hiding = Hiding(
            float(self.hidden_share),
            float(self.emphasis),
            float(self.lowest),
            self._image(facts) if self.patch else (),
            max(1, int(self.patch)),
            marked=self.encoder is None,
        )
        # the encoder of a mixed table sees what is missing anyway
        encoder = None if facts.table else self._seeing(facts, code)
        return self.around(facts, code, own_encoder=encoder, corruption=hiding)

    def _image(self, facts: Facts) -> tuple[int, int, int]:
        height, width, channels = image_shape(facts)
        if min(height, width) == 1:
            raise ValueError("patch is for images, and these rows are none: pass patch=0.")
        return height, width, channels

    def _seeing(self, facts: Facts, code: Deterministic) -> Visible:
        """The encoder for rows with a flag beside every entry."""
        height, width, channels = image_shape(facts)
        doubled = facts._replace(
            n_features=2 * facts.n_features, shape=(height, width, 2 * channels)
        )
        likelihood = likelihood_for(self.likelihood, facts, self.LIKELIHOOD_BY_KIND)
        plan = Blueprint(
            doubled,
            self.hidden(facts),
            tuple(self.channels),
            self.activation,
            False,
            code,
            likelihood,
        )
        return Visible(NETWORKS[self.network](plan)[0])

    def predicted(self, x: Tensor, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Scaled rows (n, d) with a prediction in place of what is hidden."""
        return predicted(self.module_, x, hidden, context)

    def outputs(self, x: Tensor, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Parameters of `module_.likelihood` for scaled rows, (1, n, outputs(d))."""
        return outputs(self.module_, x, hidden, context).unsqueeze(0)

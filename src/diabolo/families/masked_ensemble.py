"""Many small masked autoencoders that predict together, trained as one stacked batch."""

from __future__ import annotations

from dataclasses import fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.data.batches import Abreast
from diabolo.engine.crowd import Crowd
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import LIKELIHOODS, Facts
from diabolo.estimators.fits import Fits
from diabolo.estimators.hidden import Predicting
from diabolo.families.masked import MaskedAutoencoder
from diabolo.models.ensemble import MOST, EnsembleModule
from diabolo.parts.augmentations import Within

STEPS = 1500  # where no number of epochs was asked for: 600 … 3,000 predict equally well
BLOCKS = 8  # into which columns are dealt to be hidden in turn


class MaskedEnsemble(Predicting):
    """Small masked autoencoders, each with rows, masks and a start of its own, that predict as one.

        p(x_hidden | x_visible) = 1/K Σ_k p_k(x_hidden | x_visible)

    Where they agree the data decide, where they differ chance does: their mean is a better
    prediction than any of theirs, and their spread says how far it can be trusted. All are
    trained at once, in a fraction of the time that one after the other takes. For one of them see
    `MaskedAutoencoder`.

    When: cells of tables are to be predicted from the others, by few rows and quickly; it is what
    `AnomalyDetector` and `Imputer` are made of.

    Watch: there is no code, so no `transform`. The spread of the members is of what they learned,
    not of the noise in the cells.

    n_members : K.
    max_samples : rows that each member learns from, drawn without replacement; None: all.
    limit : numbers of standardised columns beyond ±limit count as ±limit; None: as they are.
    hidden_share, lowest, emphasis, patch : as of `MaskedAutoencoder`.
    likelihood : as of all families; "laplace" bounds what rows that are far off can do.

    Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty
    estimation using deep ensembles".
    """

    n_members: int = 16
    max_samples: int | None = None
    limit: float | None = 10.0
    hidden_share: float = 0.65
    lowest: float = 0.05
    emphasis: float = 1.0
    patch: int = 0
    likelihood: str = "auto"
    batch_size: int | None = 256
    lr: float = 3e-3
    early_stopping: bool = False

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_members": [Interval(Integral, 1, MOST, closed="both")],
        "max_samples": [Interval(Integral, 1, None, closed="left"), None],
        "limit": [Interval(Real, 0, None, closed="neither"), None],
        "likelihood": [StrOptions({"auto", *LIKELIHOODS})],
        **{
            name: MaskedAutoencoder._parameter_constraints[name]
            for name in ("hidden_share", "lowest", "emphasis", "patch")
        },
    }

    def default_hidden(self, facts: Facts) -> tuple[int, ...]:
        """One level of 64, whatever the width: many small ones predict as well as few wide ones."""
        return (64,)

    def compose(self, facts: Facts) -> EnsembleModule:
        shared = {f.name for f in fields(MaskedAutoencoder)} & {f.name for f in fields(type(self))}
        settings = {name: getattr(self, name) for name in shared}
        settings["hidden_layer_sizes"] = self.hidden(facts)
        member = MaskedAutoencoder(**settings).compose(facts)
        if self.limit is not None and facts.kind in {"real", "mixed"}:
            member.augmentation = Within(float(self.limit), facts.table)
        return EnsembleModule(member, int(self.n_members))

    def players(self, module: EnsembleModule, fits: Fits) -> tuple[Player, ...]:
        return (fits.player("joint", Crowd(module.members)),)

    def plan(self, module: EnsembleModule, fits: Fits) -> list[Phase]:
        batches = self._abreast(fits)
        most = self.max_epochs or -(-STEPS // len(batches))
        phase = fits.phase("joint", self.players(module, fits), most)
        return [replace(phase, batches=batches)]

    def _abreast(self, fits: Fits) -> Abreast:
        """Batches for all members, of rows that each of them was dealt."""
        count = min(self.max_samples or len(fits.train), len(fits.train))
        draws = [
            np.random.default_rng(fits.seeds.number(f"rows of member {k}"))
            for k in range(self.n_members)
        ]
        return Abreast(
            fits.dataset,
            self.columns_,
            batch_size=min(fits.batch_size, count),
            seeds=[fits.seeds.number(f"order of member {k}") for k in range(self.n_members)],
            indices=[np.sort(draw.permutation(fits.train)[:count]) for draw in draws],
            device=self.device_,
            context=fits.context,
        )

    def predicted(self, x: Tensor, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Scaled rows (n, d) with the members' common prediction in place of what is hidden."""
        return self.module_.predicted(x, hidden, context)

    def outputs(self, x: Tensor, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Parameters of `module_.likelihood` for scaled rows, (K, n, outputs(d))."""
        return self.module_.outputs(x, hidden, context)

    def hidden_parameters(self, X: Any, mask: Any, *, context: Any = None) -> np.ndarray:
        """What each member says of rows X, (K, n, outputs): parameters of `module_.likelihood`.

        They are of scaled rows (`columns_`). mask : as of `predict_hidden`.
        """
        check_is_fitted(self)
        outputs = self.module_.likelihood.outputs(self.columns_.n_features)

        def side_by_side(x: Tensor, hidden: Tensor, side: Tensor | None) -> Tensor:
            return self.module_.outputs(x, hidden, side).movedim(0, 1).flatten(1)

        flat = self._rows_hidden(side_by_side, X, mask, context, self.n_members * outputs)
        return np.moveaxis(flat.reshape(len(flat), self.n_members, outputs), 1, 0)

    def score_samples(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Minus the mean squared error of each row's cells as predicted from the others, (n,).

        Every eighth cell is hidden at once. Units are those of `Autoencoder.score_samples`.
        """
        check_is_fitted(self)
        return self._rows_through(self._negative_error, X, context, 1)[:, 0]

    def score(self, X: Any, y: Any = None, *, context: Any = None) -> float:
        """Mean of `score_samples`; higher is better."""
        return float(self.score_samples(X, context=context).mean(dtype=np.float64))

    def _negative_error(self, x: Tensor, side: Tensor | None) -> Tensor:
        block = torch.arange(x.shape[1], device=x.device) % BLOCKS
        rebuilt = x
        for number in range(min(BLOCKS, x.shape[1])):
            hidden = (block == number) | x.isnan()
            found = self.module_.predicted(x, hidden, side)
            rebuilt = torch.where(block == number, found, rebuilt)
        return -self.module_.likelihood.error(x, rebuilt).unsqueeze(1)

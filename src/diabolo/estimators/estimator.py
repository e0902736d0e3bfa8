"""What every autoencoder can do, once for all families: transform, reconstruct, sample, judge."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from diabolo.data.sources import Dataset
from diabolo.estimators import composition, own_modules, sampling
from diabolo.estimators.composition import LIKELIHOODS, NETWORKS, Blueprint, Facts
from diabolo.estimators.learner import Learner
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.estimators.tables import codes
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.augmentations import Augmentation, InTurn, Shift, Unchanged
from diabolo.parts.codes import Code
from diabolo.parts.likelihoods import Likelihood
from diabolo.parts.neighbours import Neighbours
from diabolo.parts.penalties import Penalty


class Estimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Learner):
    """An autoencoder: what it can do besides learning. See `Learner` and `Parameters`, too.

    tied : whether the decoder uses the encoder's matrices, transposed.
    likelihood : "auto" (by the kind of data), "gaussian" (fixed variance: squared error),
        "gaussian-shared", "gaussian-entry" (learned variance), "bernoulli", "categorical",
        "logistic" (discretised).
    shift : pixels by which images are moved at random, anew at every step; 0: not at all.
    shift_epochs : in how many epochs, from the first; None: in all. Training that ends on the
        images as they are rebuilds these better.
    neighbour_weight : of a penalty that keeps the codes of neighbours together and those of other
        rows apart, in nats (`diabolo.parts.neighbours`, UMAP's loss); 0: none.
    n_neighbors : of each row, for that penalty.
    encoder, decoder : modules of your own, (n, d) → (n, code inputs) and back; a copy is trained,
        from the weights it has. They get the context, if there is one, as second argument. What
        they draw themselves (dropout) comes from torch's global generator: seed that yourself.
    """

    tied: bool = False
    likelihood: str = "auto"
    shift: int = 0
    shift_epochs: int | None = None
    neighbour_weight: float = 0.0
    n_neighbors: int = 15
    encoder: nn.Module | None = None
    decoder: nn.Module | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "tied": ["boolean"],
        "likelihood": [StrOptions({"auto", *LIKELIHOODS})],
        "shift": [Interval(Integral, 0, None, closed="left")],
        "shift_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "neighbour_weight": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "encoder": [nn.Module, None],
        "decoder": [nn.Module, None],
    }

    LIKELIHOOD_BY_KIND: ClassVar[dict[str, str]] = {
        "binary": "bernoulli",
        "unit": "gaussian",
        "real": "gaussian",
    }

    # what a family writes

    def compose(self, facts: Facts) -> AutoencoderModule:
        """The family: which words make up its sentence."""
        raise NotImplementedError

    # what families compose with

    def around(
        self,
        facts: Facts,
        code: Code,
        *,
        augmentation: Augmentation | None = None,
        likelihood: Likelihood | None = None,
        own_encoder: nn.Module | None = None,
        own_decoder: nn.Module | None = None,
        penalties: Sequence[Penalty] = (),
        **words: Any,
    ) -> AutoencoderModule:
        """The networks that code and likelihood ask for, and the other words.

        own_encoder, own_decoder : of a family that does not want mirror images.
        """
        if likelihood is None:
            likelihood = composition.likelihood_for(self.likelihood, facts, self.LIKELIHOOD_BY_KIND)
        if self.tied and (self.encoder is not None or self.decoder is not None):
            raise ValueError("tied=True is for networks made here, not for modules of your own.")
        if self.tied and (own_encoder is not None or own_decoder is not None):
            raise ValueError(
                f"the encoder and decoder of {type(self).__name__} are no mirror images: pass "
                "tied=False."
            )
        if self.encoder is not None:
            composition.refuse_mixed(
                facts, "this encoder takes numbers alone", "Leave it to us, or fill the table."
            )
        hidden = self.hidden(facts)
        channels = composition.whole_numbers("channels", self.channels)
        encoder, decoder = NETWORKS[self.network](
            Blueprint(facts, hidden, channels, self.activation, self.tied, code, likelihood)
        )
        module = AutoencoderModule(
            own_modules.own_or(self.encoder, own_encoder or encoder),
            code,
            own_modules.own_or(self.decoder, own_decoder or decoder),
            likelihood,
            augmentation=self._augmentation(facts, augmentation),
            penalties=(*penalties, *self._joining(facts)),
            **words,
        )
        if self.encoder is not None or self.decoder is not None:
            own_modules.check_fit_together(module, facts)
        return module

    def _augmentation(self, facts: Facts, own: Augmentation | None) -> Augmentation:
        """The family's own, after the shifts that were asked for."""
        if not self.shift:
            return own or Unchanged()
        composition.refuse_mixed(facts, "shift is for images", "Leave it out.")
        shape = composition.image_shape(facts)
        if min(shape[:2]) <= self.shift:
            raise ValueError(f"shift={self.shift} is for images larger than that; rows are not.")
        shifts = Shift(shape, self.shift, until=float(self.shift_epochs or 0))
        return InTurn((shifts, own)) if own else shifts

    def _joining(self, facts: Facts) -> tuple[Penalty, ...]:
        """The penalty on neighbours, where it was asked for."""
        if not self.n_joined:
            return ()
        composition.refuse_mixed(
            facts, "neighbour_weight is for numbers alone", "Leave it out, or fill the table."
        )
        return (self.joining(float(self.neighbour_weight)),)

    def joining(self, weight: float) -> Neighbours:
        """How neighbours attract each other; a family may choose another curve."""
        return Neighbours(weight)

    @property
    def n_joined(self) -> int:
        return int(self.n_neighbors) if self.neighbour_weight else 0

    # scikit-learn's contract

    def fit_transform(self, X: Any, y: Any = None, *, context: Any = None) -> np.ndarray:
        """Codes of the rows learned from, (n, n_components)."""
        return self.fit(X, y, context=context).transform(X, context=context)

    def transform(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Codes of rows X, (n, n_components) float32; the mean code where codes are drawn."""
        check_is_fitted(self)
        return self._rows_through(self.module_.encode, X, context, self._n_features_out)

    def inverse_transform(self, Z: Any, *, context: Any = None) -> Any:
        """Decoded codes, (n, …) in the units and shape of the rows that were fitted.

        Of a mixed table, a frame of the same library with its columns, types and categories.
        """
        check_is_fitted(self)
        z = torch.from_numpy(codes(Z, self._n_features_out, type(self).__name__))
        sides = self._sides(context, len(z))
        pieces = [
            self._decoded(
                z[first : first + PIECE],
                None if sides is None else sides[first : first + PIECE],
                first,
            )
            for first in range(0, len(z), PIECE)
        ]
        return self.columns_.as_given(np.concatenate(pieces))

    def reconstruct(self, X: Any, *, context: Any = None) -> Any:
        """decode(encode(X)), in the units and shape of X; of a mixed table, a frame like X."""
        check_is_fitted(self)
        flat = self._rows_through(
            self.module_.reconstruct, X, context, self.columns_.n_features, self.columns_.original
        )
        return self.columns_.as_given(flat.reshape(len(flat), *self.columns_.shape))

    def features(self, X: Any, layer: int, *, context: Any = None) -> np.ndarray:
        """What level 1, 2, … of the encoder makes of rows X, flat, (n, units)."""
        check_is_fitted(self)
        levels = getattr(self.module_.encoder, "levels", None)
        if levels is None:
            raise ValueError("the encoder you passed has no `levels` to look into.")
        probe = levels(*self._nothing())
        if not 1 <= layer <= len(probe):
            raise ValueError(f"layer={layer} is not among the {len(probe)} hidden levels.")

        def level(x: Tensor, side: Tensor | None) -> Tensor:
            return levels(x, side)[layer - 1].flatten(1)

        return self._rows_through(level, X, context, probe[layer - 1][0].numel())

    def fit_prior(
        self,
        X: Any,
        kind: Any = "mixture",
        *,
        context: Any = None,
        random_state: Any = None,
        **settings: Any,
    ) -> Self:
        """Fit a prior to the codes of rows X, from which `sample` draws from now on.

        kind : "mixture" (n_components), "kernel" (bandwidth), "flow" (blocks, hidden, max_epochs),
            "vamp" (most; for models with a posterior), "normal" (as it is), or an object of
            `diabolo.estimators.priors`, where these settings are explained.
        random_state : None: follows from the model's own.

        Of a context it knows nothing: codes that follow theirs are refused.

        Stored as `prior_` and kept in the model file. Codes that are drawn are drawn here, too.
        """
        check_is_fitted(self)
        seeds = self._seeds if random_state is None else Seeds.of(random_state)
        self.prior_ = sampling.fit_prior(self, X, kind, context, seeds, settings)
        return self

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: Any = None,
        prior: Any = None,
        mean: bool = True,
        context: Any = None,
        temperature: float = 1.0,
    ) -> Any:
        """New rows, in the units and shape of the training data; of a mixed table, a frame.

        No column goes beyond the range that it had in training.

        prior : where codes are drawn from. None: the prior of `fit_prior`, or else the one that
            the model was trained with; "own" the latter in any case. Also "normal", the kind that
            was fitted, or an object of `diabolo.estimators.priors`.
        mean : the likelihood's mean for each drawn code (what is usually shown); False draws
            from the likelihood, too.
        temperature : factor of the noise that codes are made of: below 1 rows are more alike.
        """
        check_is_fitted(self)
        seeds = Seeds.of(random_state)
        rows = sampling.sample(self, n_samples, seeds, prior, mean, context, temperature)
        return self.columns_.as_given(rows)

    def score_samples(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Minus the mean squared reconstruction error of each row, (n,); 0 is perfect.

        In scaled units: of a column's variance where columns are standardised, of the squared
        range where they are brought to [0, 1]. Comparable between families on the same data. In a
        mixed table a wrong category counts 1, and missing cells are left out of the mean.
        """
        check_is_fitted(self)

        def negative_error(x: Tensor, side: Tensor | None) -> Tensor:
            rebuilt = self.module_.reconstruct(x, side)
            return -self.module_.likelihood.error(x, rebuilt).unsqueeze(1)

        return self._rows_through(negative_error, X, context, 1)[:, 0]

    def score(self, X: Any, y: Any = None, *, context: Any = None) -> float:
        """Mean of `score_samples`; higher is better."""
        return float(self.score_samples(X, context=context).mean(dtype=np.float64))

    # inside

    @property
    def _n_features_out(self) -> int:
        return self.module_.code.dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # of codes, whatever came in
        return tags

    def _check_support(self, dataset: Dataset) -> None:
        composition.check_support(self.module_.likelihood, self.columns_, dataset)

    def _nothing(self) -> tuple[Tensor, Tensor | None]:
        """A row of zeros and its context."""
        width = self._context_width
        x = torch.zeros(1, self.columns_.n_features, device=self.device_)
        return x, torch.zeros(1, width, device=self.device_) if width else None

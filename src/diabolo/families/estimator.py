"""The scikit-learn side, once for all families: fit, transform, reconstruct, save.

Randomness comes from the estimator's own generators only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import _check_feature_names, check_is_fitted
from torch import Tensor

from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import Dataset, open_dataset
from diabolo.data.tables import require_unique_names
from diabolo.engine.checkpoint import Checkpoint
from diabolo.engine.events import History
from diabolo.engine.fit import Outcome
from diabolo.engine.fit import fit as carry_out
from diabolo.engine.schedule import Phase
from diabolo.families import composition, own_modules, rowwise, saved
from diabolo.families.composition import NETWORKS, Blueprint, Facts
from diabolo.families.devices import device
from diabolo.families.fits import Fits
from diabolo.families.parameters import Parameters
from diabolo.families.progress import Tasks
from diabolo.families.rowwise import PIECE
from diabolo.families.seeds import Seeds
from diabolo.families.tables import codes, side_columns, width_of
from diabolo.files import check_writable
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Code
from diabolo.parts.spec import initialise


class Estimator(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Parameters
):
    """What every family can do: learn, encode, decode, judge, be saved. See `Parameters`, too.

    After a fit there are `module_` (an ordinary torch module), `history_` (terms by epoch),
    `columns_` (names and scaling), `n_features_in_`, `n_iter_` (epochs) and `device_`.
    """

    LIKELIHOOD_BY_KIND: ClassVar[dict[str, str]] = {
        "binary": "bernoulli",
        "unit": "gaussian",
        "real": "gaussian",
    }

    # what a family writes

    def compose(self, facts: Facts) -> AutoencoderModule:
        """The family: which words make up its sentence."""
        raise NotImplementedError

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        """Which fits follow each other; one of everything at once unless a family says more."""
        return [fits.phase("joint", module)]

    def labels_from(self, y: Any, rows: int) -> np.ndarray | None:
        """Class numbers (n,) for families that learn from labels; the others do not look at y."""
        return None

    # what families compose with

    def around(self, facts: Facts, code: Code, **words: Any) -> AutoencoderModule:
        """The networks that code and likelihood ask for, and the other words."""
        likelihood = composition.likelihood_for(self.likelihood, facts, self.LIKELIHOOD_BY_KIND)
        if self.tied and (self.encoder is not None or self.decoder is not None):
            raise ValueError("tied=True is for networks made here, not for modules of your own.")
        hidden = self.hidden(facts)
        channels = composition.whole_numbers("channels", self.channels)
        encoder, decoder = NETWORKS[self.network](
            Blueprint(facts, hidden, channels, self.activation, self.tied, code, likelihood)
        )
        module = AutoencoderModule(
            own_modules.own_or(self.encoder, encoder),
            code,
            own_modules.own_or(self.decoder, decoder),
            likelihood,
            **words,
        )
        if self.encoder is not None or self.decoder is not None:
            own_modules.check_fit_together(module, facts)
        return module

    def code_size(self, facts: Facts) -> int:
        return int(self.n_components or composition.code_size(facts))

    def hidden(self, facts: Facts) -> tuple[int, ...]:
        """Levels between input and code, input side first."""
        if self.hidden_layer_sizes is None:
            return self.default_hidden(facts)
        return composition.whole_numbers("hidden_layer_sizes", self.hidden_layer_sizes)

    def default_hidden(self, facts: Facts) -> tuple[int, ...]:
        return composition.hidden_sizes(facts)

    # scikit-learn's contract

    @with_callbacks
    def fit(self, X: Any, y: Any = None, *, context: Any = None) -> Estimator:
        """Learn from rows X: array, frame, sparse matrix, images N×H×W(×C), a path or a name.

        y : labels, used by families that can; others ignore them.
        context : (n, c) numbers that encoder and decoder see besides the row and its code.
        """
        self._validate_params()
        dataset = open_dataset(X)
        sides = side_columns(context, len(dataset))
        if self.checkpoint is not None:
            check_writable(self.checkpoint)
        labels = self.labels_from(y, len(dataset))
        self._begin(X, dataset, width_of(sides))
        outcome = carry_out(
            self.plan(self.module_, Fits(self, dataset, sides, labels)),
            self.module_,
            self._seeds.generator("noise", self.device_),
            watcher=Tasks(self, self.verbose, X, y, context),
            checkpoint=self._checkpoint(dataset),
            n_threads=self.n_threads,
        )
        self._finish(outcome)
        if outcome.interrupted:
            raise KeyboardInterrupt  # the estimator is fitted, with the best weights so far
        return self

    def partial_fit(self, X: Any, y: Any = None, *, context: Any = None) -> Estimator:
        """One pass over some more rows; scaling stays what the first ones called for.

        Goes on from where `fit`, an earlier call or `diabolo.load` left off.
        """
        self._validate_params()
        known = self.__sklearn_is_fitted__()
        dataset = self._open(X) if known else open_dataset(X)
        sides = side_columns(context, len(dataset))
        if known:
            self.columns_.check(dataset, values=True)
            self._check_support(dataset)
            self._check_sides(sides)
        else:
            self._begin(X, dataset, width_of(sides))
        number = len(self.history_.records) + 1
        outcome = carry_out(
            [Fits(self, dataset, sides).single_pass(self.module_, number)],
            self.module_,
            self._seeds.generator(f"noise of pass {number}", self.device_),
            moments=getattr(self, "_moments", ()),
            n_threads=self.n_threads,
        )
        self._finish(outcome, before=self.history_)
        self._moments = outcome.moments
        return self

    def fit_transform(self, X: Any, y: Any = None, *, context: Any = None) -> np.ndarray:
        """Codes of the rows learned from, (n, n_components)."""
        return self.fit(X, y, context=context).transform(X, context=context)

    def transform(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Codes of rows X, (n, n_components) float32; the mean code where codes are drawn."""
        check_is_fitted(self)
        return self._rows_through(self.module_.encode, X, context, self._n_features_out)

    def inverse_transform(self, Z: Any, *, context: Any = None) -> np.ndarray:
        """Decoded codes, (n, …) in the units and shape of the rows that were fitted."""
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
        return np.concatenate(pieces)

    def reconstruct(self, X: Any, *, context: Any = None) -> np.ndarray:
        """decode(encode(X)), in the units and shape of X."""
        check_is_fitted(self)
        flat = self._rows_through(
            self.module_.reconstruct, X, context, self.columns_.n_features, self.columns_.original
        )
        return flat.reshape(len(flat), *self.columns_.shape)

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

    def score_samples(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Minus the mean squared reconstruction error of each row, (n,); 0 is perfect.

        In scaled units: of a column's variance where columns are standardised, of the squared
        range where they are brought to [0, 1]. Comparable between families on the same data.
        """
        check_is_fitted(self)

        def negative_error(x: Tensor, side: Tensor | None) -> Tensor:
            error = x - self.module_.reconstruct(x, side)
            return -(error * error).mean(1, keepdim=True)

        return self._rows_through(negative_error, X, context, 1)[:, 0]

    def score(self, X: Any, y: Any = None, *, context: Any = None) -> float:
        """Mean of `score_samples`; higher is better."""
        return float(self.score_samples(X, context=context).mean(dtype=np.float64))

    def save(self, path: str | os.PathLike) -> None:
        """One file, safetensors with the description in its header; see `diabolo.load`."""
        check_is_fitted(self)
        saved.save(self, path)

    # inside

    def _fitted_values(self) -> dict[str, Any]:
        """What else a family learned, as plain data for the model file."""
        return {}

    def _begin(self, X: Any, dataset: Dataset, context_width: int) -> None:
        """Everything before the first step: scaling, composition, first weights.

        Nothing of the estimator changes before all of it went well.
        """
        columns, place = Columns.learn(dataset, self.scaling), device(self.device)
        facts = Facts.of(columns, len(dataset), context_width)
        seeds = Seeds.of(self.random_state)
        module = self.compose(facts)
        initialise(module, seeds.generator("weights"))
        self._take_names(X, dataset)
        self.n_features_in_ = columns.n_features
        self.columns_, self._context_width, self._seeds = columns, context_width, seeds
        self.device_, self.module_ = place, module.to(place)
        self._n_features_out = module.code.dim
        self.history_ = History()
        for name in ("n_iter_", "_moments"):
            self.__dict__.pop(name, None)

    def _finish(self, outcome: Outcome, before: History | None = None) -> None:
        self.module_.eval()
        before = before or History()
        self.history_ = History(
            before.records + outcome.history.records,
            before.seconds + outcome.history.seconds,
            before.notes + outcome.history.notes,
        )
        self.n_iter_ = len(self.history_.records)

    def _checkpoint(self, dataset: Dataset) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        settings = {
            name: value
            for name, value in saved.plain_params(self).items()
            if name not in {"checkpoint", "checkpoint_every", "verbose"}
        }
        fingerprint = {
            "family": type(self).__name__,
            "settings": settings,
            "data": self.columns_.to_json() | {"rows": len(dataset)},
            "seed": self._seeds.root,
            "versions": {"torch": torch.__version__, "threads": torch.get_num_threads()},
        }
        return Checkpoint(Path(self.checkpoint), fingerprint, self.checkpoint_every)

    def _take_names(self, X: Any, dataset: Dataset) -> None:
        """Keep the names of columns, where scikit-learn would, and those of files."""
        if not _is_stored(X):
            _check_feature_names(self, X, reset=True)
        elif dataset.names is None:
            self.__dict__.pop("feature_names_in_", None)
        else:
            self.feature_names_in_ = np.asarray(dataset.names, dtype=object)

    def _open(self, X: Any) -> Dataset:
        """A data set from whatever X is, held against what was fitted, in scikit-learn's words."""
        if not _is_stored(X):  # whose names `columns_` compares
            require_unique_names(X)
            _check_feature_names(self, X, reset=False)
        dataset = open_dataset(X)
        width = math.prod(dataset.shape)
        if width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input: pass the columns it was fitted on."
            )
        return dataset

    def _check_support(self, dataset: Dataset) -> None:
        composition.check_support(self.module_.likelihood, self.columns_, dataset)

    def _decoded(self, z: Tensor, side: Tensor | None, first_row: int = 0) -> np.ndarray:
        """At most `PIECE` codes (n, code) → rows in the units of the data."""
        out = rowwise.apply(self.module_.decode, z.to(self.device_), side)
        rowwise.require_finite(out, first_row, "the codes")
        return self.columns_.original(out)

    def _nothing(self) -> tuple[Tensor, Tensor | None]:
        """A row of zeros and its context."""
        width = self._context_width
        x = torch.zeros(1, self.columns_.n_features, device=self.device_)
        return x, torch.zeros(1, width, device=self.device_) if width else None

    def _sides(self, context: Any, rows: int) -> Tensor | None:
        """Context as a tensor; one sentence where it is missing, unasked for, or of wrong size."""
        sides = side_columns(context, rows)
        self._check_sides(sides)
        return None if sides is None else torch.from_numpy(sides).to(self.device_)

    def _check_sides(self, sides: np.ndarray | None) -> None:
        if width_of(sides) != self._context_width:
            raise ValueError(
                f"this {type(self).__name__} was fitted with {self._context_width or 'no'} context "
                f"columns, got {width_of(sides) or 'none'}: pass context=… as in fit."
            )

    def _rows_through(
        self,
        function: rowwise.Rowwise,
        X: Any,
        context: Any,
        width: int,
        back: Callable[[Tensor], np.ndarray] | None = None,
    ) -> np.ndarray:
        """A function of scaled rows and their context for all rows of X, (n, width)."""
        dataset = self._open(X)
        sides = self._sides(context, len(dataset))
        batches = Batches(
            dataset, self.columns_, batch_size=PIECE, seed=0, device=self.device_, context=sides
        )
        return rowwise.collect(function, batches, width, back)

    def __sklearn_is_fitted__(self) -> bool:
        return "n_iter_" in self.__dict__  # a fit that failed half-way has none

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]  # of codes, whatever came in
        tags.non_deterministic = False
        return tags


def _is_stored(X: Any) -> bool:
    """Whether X is a data set, its name or its path, and so no rows that scikit-learn knows."""
    return isinstance(X, Dataset | str | Path)

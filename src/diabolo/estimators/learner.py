"""The scikit-learn side of learning, once for all families: fit, partial_fit, save.

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
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import _check_feature_names, check_is_fitted
from torch import Tensor

from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.fields import NUMBERS
from diabolo.data.sources import Dataset, open_dataset
from diabolo.data.tables import require_unique_names
from diabolo.doctor.findings import Finding
from diabolo.engine.checkpoint import Checkpoint
from diabolo.engine.events import History
from diabolo.engine.fit import Outcome
from diabolo.engine.fit import fit as carry_out
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.estimators import checkup, composition, rowwise, writing
from diabolo.estimators.composition import Facts
from diabolo.estimators.devices import device
from diabolo.estimators.fits import Fits
from diabolo.estimators.parameters import Parameters
from diabolo.estimators.progress import Tasks
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.estimators.tables import side_columns, width_of
from diabolo.files import check_writable
from diabolo.models.model import Model
from diabolo.parts.spec import initialise


class Learner(CallbackSupportMixin, Parameters):
    """What all families can do, autoencoders and others: learn and be saved. See `Parameters`, too.

    After a fit there are `module_` (an ordinary torch module), `history_` (terms by epoch),
    `columns_` (names and scaling), `n_features_in_`, `n_iter_` (epochs) and `device_`.
    """

    AUTO_SCALING: ClassVar[str] = "auto"  # what a family takes "auto" for, of numbers alone

    # what a family writes

    def compose(self, facts: Facts) -> Model:
        """The family: which words make up its sentence."""
        raise NotImplementedError

    def players(self, module: Any, fits: Fits) -> tuple[Player, ...]:
        """Who trains what; one player for everything unless a family is a game of several."""
        return (fits.player("joint", module),)

    def plan(self, module: Any, fits: Fits) -> list[Phase]:
        """Which fits follow each other; one of everything at once unless a family says more."""
        return [fits.phase("joint", self.players(module, fits))]

    def labels_from(self, y: Any, rows: int) -> np.ndarray | None:
        """Class numbers (n,) for families that learn from labels; the others do not look at y."""
        return None

    def sides_from(self, y: Any, context: Any, rows: int, known: bool) -> np.ndarray | None:
        """What the networks see besides the rows, (n, c): the context, and what a family adds.

        known : whether the model is fitted, and goes on.
        """
        return side_columns(context, rows)

    @property
    def n_joined(self) -> int:
        """Neighbours of a row, one of which comes along with it in a batch; 0: none does."""
        return 0

    # what families compose with

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
    def fit(self, X: Any, y: Any = None, *, context: Any = None) -> Learner:
        """Learn from rows X: array, frame, sparse matrix, images N×H×W(×C), a path or a name.

        y : labels, used by families that can; others ignore them.
        context : (n, c) numbers that encoder and decoder see besides the row and its code.
        """
        self._validate_params()
        dataset = open_dataset(X, schema=self.schema)
        sides = self.sides_from(y, context, len(dataset), known=False)
        if self.checkpoint is not None:
            check_writable(self.checkpoint)
        labels = self.labels_from(y, len(dataset))
        self._begin(X, dataset, width_of(sides))
        fits = Fits(self, dataset, sides, labels)
        plan = self.plan(self.module_, fits)
        outcome = carry_out(
            plan,
            self.module_,
            self._seeds.generator("noise", self.device_),
            watcher=Tasks(self, self.verbose, X, y, context),
            checkpoint=self._checkpoint(dataset),
            n_threads=self.n_threads,
        )
        self._finish(outcome, fits, plan[-1])
        if outcome.interrupted:
            raise KeyboardInterrupt  # the estimator is fitted, with the best weights so far
        return self

    def partial_fit(self, X: Any, y: Any = None, *, context: Any = None) -> Learner:
        """One pass over some more rows; scaling stays what the first ones called for.

        Goes on from where `fit`, an earlier call or `diabolo.load` left off.
        """
        self._validate_params()
        known = self.__sklearn_is_fitted__()
        dataset = self._open(X) if known else open_dataset(X, schema=self.schema)
        sides = self.sides_from(y, context, len(dataset), known)
        if known:
            self.columns_.check(dataset, values=True)
            self._check_support(dataset)
            self._check_sides(sides)
        else:
            self._begin(X, dataset, width_of(sides))
        number = len(self.history_.records) + 1
        fits = Fits(self, dataset, sides)
        single_pass = fits.single_pass(self.players(self.module_, fits), number)
        outcome = carry_out(
            [single_pass],
            self.module_,
            self._seeds.generator(f"noise of pass {number}", self.device_),
            moments=getattr(self, "_moments", ()),
            n_threads=self.n_threads,
        )
        self._finish(outcome, fits, single_pass, before=self.history_)
        self._moments = outcome.moments
        return self

    @property
    def diagnosis_(self) -> tuple[Finding, ...]:
        """What the fit came to, finding by finding, each with a remedy where something is wrong.

        Made from up to 1,000 of the rows when it is first asked for, then kept, in files, too.
        """
        if not hasattr(self, "_findings"):
            self._findings = checkup.findings(self)
        return self._findings

    def save(self, path: str | os.PathLike) -> None:
        """One file, safetensors with the description in its header; see `diabolo.load`."""
        check_is_fitted(self)
        writing.save(self, path)

    # inside

    def _fitted_values(self) -> dict[str, Any]:
        """What else a family learned, as plain data for the model file."""
        return {}

    def _begin(self, X: Any, dataset: Dataset, context_width: int) -> None:
        """Everything before the first step: scaling, composition, first weights.

        Nothing of the estimator changes before all of it went well.
        """
        columns, place = Columns.learn(dataset, self._scaling(dataset)), device(self.device)
        facts = Facts.of(columns, len(dataset), context_width)
        seeds = Seeds.of(self.random_state)
        module = self.compose(facts)
        initialise(module, seeds.generator("weights"))
        self._take_names(X, dataset)
        self.n_features_in_ = columns.n_features
        self.columns_, self._context_width, self._seeds = columns, context_width, seeds
        self.device_ = place
        self.module_: Any = module.to(place)  # of the kind that the family composes
        self.history_ = History()
        for name in ("n_iter_", "_moments", "_kept", "_findings"):
            self.__dict__.pop(name, None)

    def _scaling(self, dataset: Dataset) -> str:
        by_family = self.scaling == "auto" and dataset.schema is None
        return self.AUTO_SCALING if by_family else self.scaling

    def _finish(
        self, outcome: Outcome, fits: Fits, last: Phase, before: History | None = None
    ) -> None:
        self.module_.eval()
        for name in ("prior_", "_findings"):  # of codes that are no more
            self.__dict__.pop(name, None)
        self._kept = checkup.keep(fits, last)
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
            for name, value in writing.plain_params(self).items()
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
        schema = self.columns_.schema
        if not _is_stored(X):  # whose names `columns_` compares
            require_unique_names(X)
            if schema is None:  # else columns are found by name, in any order
                _check_feature_names(self, X, reset=False)
        dataset = open_dataset(X, schema=NUMBERS if schema is None else schema)
        width = math.prod(dataset.shape)
        if width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input: pass the columns it was fitted on."
            )
        return dataset

    def _check_support(self, dataset: Dataset) -> None:
        """One sentence where rows that were not fitted on are such as the model cannot speak of."""

    def _decoded(
        self, z: Tensor, side: Tensor | None, first_row: int = 0, drawn: bool = False
    ) -> np.ndarray:
        """At most `PIECE` codes or noise (n, units) → rows in the units of the data.

        drawn : these are new rows, which go no further out than those learned from.
        """
        out = rowwise.apply(self.module_.decode, z.to(self.device_), side)
        rowwise.require_finite(out, first_row, "the codes")
        return self.columns_.drawn(out) if drawn else self.columns_.original(out)

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
        tags.non_deterministic = False
        return tags


def _is_stored(X: Any) -> bool:
    """Whether X is a data set, its name or its path, and so no rows that scikit-learn knows."""
    return isinstance(X, Dataset | str | Path)

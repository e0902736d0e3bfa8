"""Missing cells filled: with what is to be expected, or with draws of what may have been there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import TransformerMixin, clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_feature_names, check_is_fitted
from torch import Tensor

from diabolo.data.gaps import Gaps, open_gaps
from diabolo.data.rows import ArrayRows
from diabolo.estimators import rowwise
from diabolo.estimators.hidden import Predicting
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.families.masked_ensemble import MaskedEnsemble
from diabolo.parts.outcomes import Held, Outcomes, best_temperature, informed
from diabolo.parts.spec import Part
from diabolo.uses.use import Use

FEWEST = 40  # rows, of which a quarter can be spared to see how predictions turn out
JUDGE = 4  # every fourth row
MASKS = 8  # for each of the held-out rows
MOST_HOT = 64  # categories of a column that are compared with other columns
ROUNDS = 4  # in which the missing cells of a row are drawn, each in the light of those before


class Imputer(TransformerMixin, Use):
    """Fills missing cells, each from what is known of its row.

    An ensemble of masked autoencoders learns to predict any part of a row from any other:
    p(x_missing | x_known). `transform` puts the mean in place of a missing number and the
    likeliest category in place of a missing one; `draws` puts draws there, so that what is
    computed from several of them shows how much is not known (Rubin 1987, "Multiple imputation").

    Takes arrays with NaN, frames, CSV and Parquet files, objects with X, obs_names and var_names
    (AnnData); gives back the same kind, with the same columns, types and categories. Known cells
    stay as they are. Text that names rows passes through, as do columns that the schema ignores.
    A column of which nothing is known stays as it is.

    Draws are calibrated: a second model, fitted to three quarters of the rows, predicts hidden
    cells of the others. A number is drawn as its expectation plus the error of a held-out cell
    that was expected to be about the same from about as much, probabilities get one temperature a
    column (`diabolo.parts.outcomes`). Several missing cells of a row are drawn one after the
    other, so that they go together.

    estimator : a family that predicts hidden cells, not fitted; None: a `MaskedEnsemble`.
    schema : columns that are not what their type says, by name: "number", "boolean", "category",
        "date", or "ignore".
    calibrate : False: half the time, and no draws.
    random_state, n_threads : as of all families, where `estimator` says nothing else.

    Du, Melis & Wang 2024, "ReMasker: imputing tabular data with masked autoencoding"; Lakshmi-
    narayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty estimation
    using deep ensembles".
    """

    schema: Mapping[str, str] | None = None
    calibrate: bool = True
    random_state: Any = None
    n_threads: int | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "schema": [dict, None],
        "calibrate": ["boolean"],
        "random_state": ["random_state"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows X, with gaps or without; y is not looked at."""
        self._validate_params()
        family = self.suited() if self.estimator is None else clone(self.estimator)
        if not isinstance(family, Predicting):
            raise ValueError(
                f"{type(family).__name__} does not predict hidden cells: pass MaskedEnsemble() or "
                "MaskedAutoencoder()."
            )
        seeds = Seeds.of(self.random_state)
        for name, value in (
            ("random_state", seeds.number("family") % 2**31),
            ("n_threads", self.n_threads),
        ):
            if getattr(family, name) is None:
                family.set_params(**{name: value})
        gaps = open_gaps(X, self.schema)
        fitted = clone(family).fit(gaps.dataset)
        outcomes = None
        if self.calibrate and len(gaps.dataset) >= FEWEST:
            outcomes = _outcomes(family, fitted, gaps, seeds)
        self.estimator_, self.outcomes_ = fitted, outcomes
        self.n_features_in_ = int(np.prod(gaps.shape))
        self.names_ = None if gaps.names is None else list(gaps.names)
        if _has_names(X):
            _check_feature_names(self, X, reset=True)
        else:
            self.__dict__.pop("feature_names_in_", None)
        return self

    @staticmethod
    def suited() -> MaskedEnsemble:
        """The family where none was asked for: twice as wide as an ensemble's own default.

        On mpg .431 / .249 against .448 / .289 (errors of numbers and categories, bench/impute.py).
        """
        return MaskedEnsemble(n_components=64, hidden_layer_sizes=(128,))

    def transform(self, X: Any) -> Any:
        """Rows X with their missing cells filled, as what came in."""
        check_is_fitted(self)
        gaps = self._opened(X)
        x = self._scaled(gaps)
        module = self.estimator_
        filled = [
            rowwise.apply(lambda rows, _: module.predicted(rows, rows.isnan(), None), piece)
            for piece in x.split(PIECE)
        ]
        return gaps.fill(module.columns_.original(torch.cat(filled)))

    def draws(self, X: Any, n: int = 5, random_state: Any = None) -> list[Any]:
        """n times rows X with their missing cells drawn; the first one is the same for any n."""
        check_is_fitted(self)
        if self.outcomes_ is None:
            raise ValueError(
                f"these draws have nothing to be calibrated by: fit with calibrate=True, on "
                f"{FEWEST} rows at least."
            )
        gaps = self._opened(X)
        x, seeds = self._scaled(gaps), Seeds.of(random_state)
        missing = torch.from_numpy(gaps.missing)
        at = missing.any(1).nonzero()[:, 0]
        x, missing = x[at], missing[at]
        first = self._said(x)
        made = []
        for number in range(n):
            drawn = self._drawn(x, missing, first, seeds.generator(f"draw {number}"))
            matrix = np.zeros(gaps.missing.shape)
            matrix[at.numpy()] = self.estimator_.columns_.original(drawn)
            made.append(gaps.fill(matrix))
        return made

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Those that came in; x0, x1, … where they have none."""
        check_is_fitted(self)
        given = None if input_features is None else np.asarray(input_features, dtype=object)
        names = self.names_ or [f"x{j}" for j in range(self.n_features_in_)]
        if given is not None and len(given) != len(names):
            raise ValueError(
                f"input_features should have length equal to number of features ({len(names)}), "
                f"got {len(given)}"
            )
        if given is not None and self.names_ is not None and list(given) != self.names_:
            raise ValueError("input_features is not equal to feature_names_in_")
        return np.asarray(names if given is None else given, dtype=object)

    # inside

    def _opened(self, X: Any) -> Gaps:
        """X against what was fitted."""
        schema = self.estimator_.columns_.schema
        if not _has_names(X) or (schema.takes_numbers() and not schema.ignored):
            _check_feature_names(self, X, reset=False)  # else the schema has more to say
        gaps = open_gaps(X, schema)
        width = int(np.prod(gaps.shape))
        if width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input: pass the columns it was fitted on."
            )
        self.estimator_.columns_.check(gaps.dataset, values=True)
        return gaps

    def _scaled(self, gaps: Gaps) -> Tensor:
        rows = gaps.dataset.rows.take(np.arange(len(gaps.dataset)))
        x = self.estimator_.columns_.scaled(torch.from_numpy(rows))
        return x.to(self.estimator_.device_)

    def _said(self, x: Tensor) -> list[Tensor]:
        return said(self.estimator_, x)

    def _drawn(
        self, x: Tensor, missing: Tensor, first: list[Tensor], generator: torch.Generator
    ) -> Tensor:
        """Scaled rows with draws where something is missing, in rounds."""
        outcomes: Any = self.outcomes_
        drawn = torch.full_like(x, torch.nan)
        order = torch.rand(x.shape, generator=generator).masked_fill(~missing, torch.inf)
        rank = order.argsort(1).argsort(1)  # of each missing cell among those of its row
        count = missing.sum(1, keepdim=True)
        turn = (rank * min(ROUNDS, int(count.max()))) // count.clamp(min=1)
        turn = torch.where(count <= ROUNDS, rank, turn).masked_fill(~missing, -1)
        levels = self.estimator_.columns_.categories
        for number in range(int(turn.max()) + 1):
            rows = (turn == number).any(1).nonzero()[:, 0]
            told = [one[rows] for one in first] if number == 0 else self._said(x[rows])
            for j, shares in enumerate(told):
                own = (turn[rows, j] == number).nonzero()[:, 0]
                if not len(own):
                    continue
                if levels[j]:
                    found = outcomes.category(j, shares[own], generator)
                else:
                    known = ~x[rows[own]].isnan()
                    found = outcomes.number(j, shares[own], known, generator)
                drawn[rows[own], j] = found
            x = torch.where(drawn.isnan(), x, drawn)
        return x

    def _fitted_values(self) -> dict[str, Any]:
        return {"names_": self.names_, "n_features_in_": self.n_features_in_}

    def _learned_parts(self) -> dict[str, Part]:
        return {} if self.outcomes_ is None else {"outcomes_": self.outcomes_}

    def _take(self, fitted: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        self.names_, self.n_features_in_ = fitted["names_"], int(fitted["n_features_in_"])
        outcomes = parts.get("outcomes_")
        d = self.estimator_.columns_.n_features
        if outcomes is not None and not (
            isinstance(outcomes, Outcomes) and len(outcomes.counts) == d
        ):
            raise ValueError("what it keeps of held-out cells does not fit its columns")
        self.outcomes_ = outcomes
        self.__dict__.pop("feature_names_in_", None)
        if self.names_ is not None:
            self.feature_names_in_ = np.asarray(self.names_, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return "names_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def said(family: Any, x: Tensor) -> list[Tensor]:
    """What a fitted family says of the cells of scaled rows that are NaN, column by column.

    Expectations (n,) of numbers, probabilities (n, k) of categories.
    """
    likelihood = family.module_.likelihood
    columns: list[list[Tensor]] = [[] for _ in likelihood.levels]
    for piece in x.split(PIECE):
        outs = _outputs(family, piece)
        for _, own, told in likelihood.mixture(outs):
            for position, j in enumerate(own):
                columns[j].append(told[:, position])
    return [torch.cat(pieces).cpu() for pieces in columns]


def _outputs(family: Any, piece: Tensor) -> Tensor:
    """(K, n, outputs)."""

    def rows_first(rows: Tensor, _: Tensor | None) -> Tensor:
        return family.outputs(rows, rows.isnan(), None).movedim(0, 1)

    return rowwise.apply(rows_first, piece).movedim(1, 0)


def _outcomes(family: Any, fitted: Any, gaps: Gaps, seeds: Seeds) -> Outcomes:
    """How predictions of a model turn out on rows that it was not fitted to."""
    cells = gaps.dataset.rows.take(np.arange(len(gaps.dataset)))
    draw = np.random.default_rng(seeds.number("held-out rows"))
    judges = np.zeros(len(cells), bool)
    judges[draw.permutation(len(cells))[: len(cells) // JUDGE]] = True
    second = clone(family).fit(replace(gaps.dataset, rows=ArrayRows(cells[~judges])))
    own, other = fitted.columns_, second.columns_
    x = other.scaled(torch.from_numpy(cells[judges]))
    truth = own.scaled(torch.from_numpy(cells[judges]))
    # from the units of the second model to those of the first
    factor = torch.from_numpy(other.scale / own.scale).float()
    shift = torch.from_numpy((other.offset - own.offset) / own.scale).float()
    levels = own.categories
    every = own.scaled(torch.from_numpy(cells))
    links = _links(every, levels)
    found: list[list[tuple[Tensor, ...]]] = [[] for _ in levels]
    for hidden in _masks(~np.isnan(cells[judges]), gaps.missing, draw):
        seen = x.masked_fill(hidden, torch.nan)
        known = ~seen.isnan()
        for j, one in enumerate(said(second, seen)):
            at = hidden[:, j]
            expected = one[at] if levels[j] else one[at] * factor[j] + shift[j]
            found[j].append((expected, informed(links, j, known[at]), truth[at, j]))
    held = [Held(*map(torch.cat, zip(*each, strict=True))) for each in found]
    temperature = torch.stack(
        [
            best_temperature(one.expected, one.truth) if level else torch.ones(())
            for level, one in zip(levels, held, strict=True)
        ]
    )
    low = every.nan_to_num(nan=torch.inf).amin(0)
    high = every.nan_to_num(nan=-torch.inf).amax(0)
    none = low > high
    return Outcomes.of(
        [None if level else one for level, one in zip(levels, held, strict=True)],
        links,
        temperature,
        low.masked_fill(none, 0.0),
        high.masked_fill(none, 0.0),
    )


def _links(x: Tensor, levels: tuple[int, ...]) -> Tensor:
    """r² of each pair of columns of scaled cells, (d, d); of categories the largest of any two.

    Missing cells count as means, so that columns with many gaps say less.
    """
    blocks, owner = [], []
    for j, level in enumerate(levels):
        cells = x[:, j]
        if level:
            hot = (cells.unsqueeze(1) == torch.arange(min(level, MOST_HOT))).float()
            hot = hot - hot.mean(0)
            hot[cells.isnan()] = 0.0
        else:
            mean = cells.nanmean().nan_to_num(0.0)
            hot = (cells - mean).nan_to_num(0.0).unsqueeze(1)
        blocks.append(hot / hot.norm(dim=0).clamp(min=1e-9))
        owner += [j] * hot.shape[1]
    hot, place = torch.cat(blocks, 1), torch.tensor(owner)
    squared = (hot.T @ hot).square()
    by_row = squared.new_zeros(len(levels), hot.shape[1])
    by_row = by_row.scatter_reduce(0, place.unsqueeze(1).expand_as(squared), squared, "amax")
    both = by_row.new_zeros(len(levels), len(levels))
    return both.scatter_reduce(1, place.expand_as(by_row), by_row, "amax")


def _masks(known: np.ndarray, gone: np.ndarray, draw: np.random.Generator) -> Iterator[Tensor]:
    """Some known cells (n, d) to be hidden: mostly those that are missing together elsewhere.

    gone : (N, d) bool, what is missing in all rows.
    """
    patterns = gone[gone.any(1)]
    for number in range(MASKS):
        share = draw.uniform(0.05, 0.5, (len(known), 1))
        hidden = draw.random(known.shape) < share
        if number >= MASKS // 4 and len(patterns):
            hidden = patterns[draw.integers(0, len(patterns), len(known))]
        yield torch.from_numpy(known & hidden)


def _has_names(X: Any) -> bool:
    """Whether X is a frame, whose columns scikit-learn compares."""
    return hasattr(X, "columns") or hasattr(X, "__dataframe__")

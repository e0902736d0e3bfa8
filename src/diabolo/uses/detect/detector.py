"""Rows that are unlike the others, found by a model of what usually goes together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.base import OutlierMixin, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.data.dataset import Dataset
from diabolo.data.rows import ArrayRows
from diabolo.data.sources import open_dataset
from diabolo.estimators.learner import Learner
from diabolo.estimators.seeds import Seeds
from diabolo.families.masked import MaskedAutoencoder
from diabolo.families.masked_ensemble import MaskedEnsemble
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.outliers import Partner, Usual
from diabolo.parts.spec import Part
from diabolo.uses.detect import reasons
from diabolo.uses.detect.defaults import default_for
from diabolo.uses.detect.partners import PARTNERS, forest, spread_out
from diabolo.uses.detect.ranges import Range, added, range_of, stranger
from diabolo.uses.detect.reasons import Finding
from diabolo.uses.detect.scores import HiddenCells, Rebuilding, Score, masks, turns
from diabolo.uses.use import Use

SET_BY = 5000  # rows at most that say what scores are usual
# share of the rows of a table that a first, shorter look finds strangest and the model then does
# not learn from. 18 ADBench sets: average precision +2.5, area under the curve +0.4, and a gain
# whichever set is left out; 0.1 and 0.2 gain as much area and less precision
ASIDE = 0.05
FIRST = 4  # masks a member at that look; a quarter of the usual
ENOUGH = 40  # rows, of which two can be spared
FENCE = 2.5  # ranges above the median, from which on a row is flagged if nothing else is said
LIMIT = 10.0  # standard deviations; beyond all is alike to a partner
APART = 0.2  # a rank correlation that is no agreement


class AnomalyDetector(OutlierMixin, Use):
    """Flags rows that are unlike most, and says which of their cells do not fit.

    By default many small masked autoencoders learn to predict each cell of a table from the
    others. A row is strange by how badly its cells are predicted, Σ_j log(ē_j + 0.05), from few of
    the others or from all of them, whichever is stranger (`diabolo.uses.detect.scores`): what
    counts is whether the cells go together, not whether a network can copy them, which it can for
    any row.

    estimator : another family, not fitted; rows are then strange by the nats their cells cost
        once the code is known. None: `MaskedEnsemble` for tables, `Autoencoder` for images.
    combine : a partner whose score is added, both measured from their medians in ranges up to
        their 84 % points: "forest" (isolation forest) for anomalies that lie in one column or in a
        dense cluster, "mahalanobis", or None.
    contamination : share of the rows that are to be flagged; "auto": those further than two
        and a half such ranges above the median score.
    set_aside : share of the rows, the strangest by a first fit, that the final one does not learn
        from, so that anomalies among them do not count as usual; costs that first fit. None: 0.05
        for tables with the default ensemble, else 0.
    held_out : share of rows that nothing is learned from; the threshold is set by them. 0: by the
        rows learned from, those set aside among them.
    doubt : standard errors of the members' mean within which `decide` abstains.
    relative : of autoencoders that rebuild rows, whether to measure squared errors as shares of
        the row's own Σ x² in place of nats: else an image is strange for having much ink. None:
        for images.
    baseline : whether to compare with an isolation forest; see `agreement_`.
    random_state, n_threads : as of all families, where `estimator` says nothing else.

    After a fit: `estimator_`; `offset_` (of `decision_function`) and `threshold_` = −`offset_`;
    `agreement_`, the rank correlation of its scores with an isolation forest's; `notes_`, what
    should be known of the fit.

    `score_samples` is high for what is normal, as in scikit-learn.
    """

    combine: str | None = None
    contamination: float | str = 0.05
    set_aside: float | None = None
    held_out: float = 0.0
    doubt: float = 2.0
    relative: bool | None = None
    baseline: bool = True
    random_state: Any = None
    n_threads: int | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "combine": [StrOptions(set(PARTNERS)), None],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "set_aside": [Interval(Real, 0, 0.5, closed="both"), None],
        "held_out": [Interval(Real, 0, 1, closed="left")],
        "doubt": [Interval(Real, 0, None, closed="left")],
        "relative": ["boolean", None],
        "baseline": ["boolean"],
        "random_state": ["random_state"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is usual from rows X, some of which may be anomalies; y is not looked at."""
        self._validate_params()
        seeds = Seeds.of(self.random_state)
        schema = None if self.estimator is None else self.estimator.schema
        dataset = open_dataset(X, schema=schema)
        model = self._model(dataset, seeds)
        self.mask_seed_ = seeds.number("masks") % 2**31
        learned, kept = self._split(len(dataset), seeds)
        usual = self._usual(model, dataset, learned)
        if len(usual) == len(dataset):
            model.fit(X)
        else:
            model.fit(_part(dataset, usual))
            model._take_names(X, dataset)
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        self.estimator_ = model
        self.notes_: list[str] = []
        self.probability_: tuple[float, float] | None = None
        self._set_by(_part(dataset, self._judges(learned, kept, seeds)), seeds)
        return self

    def _model(self, dataset: Dataset, seeds: Seeds) -> Learner:
        model = default_for(dataset) if self.estimator is None else clone(self.estimator)
        given = {"random_state": seeds.number("model") % 2**31, "n_threads": self.n_threads}
        missing = {name: v for name, v in given.items() if getattr(model, name) is None}
        return model.set_params(**missing)

    def _split(self, rows: int, seeds: Seeds) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows to learn from, and those held out, if any are to be."""
        if not self.held_out:
            return np.arange(rows), None
        order = np.random.default_rng(seeds.number("held out")).permutation(rows)
        count = min(max(1, round(rows * self.held_out)), rows - 1)
        if count < 1:
            raise ValueError(f"held_out={self.held_out} of {rows} row leaves none to learn from.")
        return np.sort(order[count:]), np.sort(order[:count])

    def _usual(self, model: Learner, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
        """These rows without the strangest of them, as a copy of the model finds them."""
        share = self.set_aside
        if share is None:
            share = ASIDE if isinstance(model, MaskedEnsemble) and self.estimator is None else 0.0
        if not share or len(rows) < ENOUGH:
            return rows
        first, part = clone(model), _part(dataset, rows)
        if first.max_epochs is not None:
            first.max_epochs = math.ceil(first.max_epochs / 2)
        first.fit(part)
        score = self._score(first, FIRST)
        if score is None:
            strange = -np.asarray(first.score_samples(part), np.float64)
        else:
            joined = score.joined

            def measure(x: Tensor, side: Tensor | None) -> Tensor:
                return joined(score.cells(x, side))[0].sum(1, keepdim=True)

            strange = first._rows_through(measure, part, None, 1)[:, 0]
        left = len(rows) - round(share * len(rows))
        return np.sort(rows[np.argsort(strange, kind="stable")[:left]])

    def _judges(self, learned: np.ndarray, kept: np.ndarray | None, seeds: Seeds) -> np.ndarray:
        """Rows whose scores say what is usual."""
        rows = learned if kept is None else kept
        if len(rows) <= SET_BY:
            return rows
        draw = np.random.default_rng(seeds.number("judges"))
        return np.sort(draw.choice(rows, SET_BY, replace=False))

    def _set_by(self, judges: Dataset, seeds: Seeds) -> None:
        """Partner, scales, threshold, and what is usual of each cell."""
        wide = self._wide(judges)
        seed = seeds.number("forest")
        self.partner_: Partner | None = None
        if self.combine is not None:
            self.partner_ = PARTNERS[self.combine](wide, seed)
        d = self.estimator_.columns_.n_features
        views, others, cells = self._measured(judges)
        self.views_: list[Range] = [range_of(view) for view in views.T]
        own = self._own(views)
        self.scales_: list[Range] = [range_of(own), range_of(others)]
        joint = self._joint(own, others)
        self.usual_ = Usual(len(joint), d)
        self.usual_.scores.copy_(torch.from_numpy(np.sort(joint)))
        self.usual_.cells.copy_(torch.from_numpy(np.median(cells, 0)))
        self.threshold_ = self._threshold(joint)
        self.offset_ = -self.threshold_
        self.agreement_: float | None = None
        if self.baseline and len(own) > 2 and np.ptp(own) > 0:
            self._compare(own, wide, seed)

    def _threshold(self, joint: np.ndarray) -> float:
        if self.contamination == "auto":
            middle, upper = range_of(joint)
            return float(middle + FENCE * upper)
        return float(np.percentile(joint, 100 * (1 - float(self.contamination))))

    def _compare(self, own: np.ndarray, wide: np.ndarray, seed: int) -> None:
        """Say so where an isolation forest sees other rows as strange."""
        trees = self.partner_ if self.combine == "forest" else forest(wide, seed)
        assert trees is not None
        theirs = _in_pieces(trees, wide)
        if np.ptp(theirs) == 0:
            return
        self.agreement_ = float(spearmanr(own, theirs).statistic)
        if self.agreement_ < APART:
            self.notes_.append(
                f"its order of rows and an isolation forest's hardly agree (rank correlation "
                f"{self.agreement_:.2f} on {len(own)} rows): look at what each flags first before "
                'trusting either; combine="forest" adds them.'
            )

    # scores

    def score_samples(self, X: Any) -> np.ndarray:
        """How normal each row is, (n,) float64; high is normal, below `offset_` it is flagged."""
        check_is_fitted(self)
        views, others, _ = self._measured(X)
        return -self._joint(self._own(views), others)

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` − `offset_`, (n,): negative for rows that are flagged."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """+1 for normal rows, −1 for flagged ones, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def decide(self, X: Any) -> np.ndarray:
        """As `predict`, but 0 where the members disagree too much to tell, (n,).

        That is within `doubt` standard errors of their mean from the threshold.
        """
        check_is_fitted(self)
        apart, unsure = self._judged(X)
        return np.where(unsure, 0, np.where(apart > 0, -1, 1))

    def anomaly_probability(self, X: Any) -> np.ndarray:
        """Probability of each row to be an anomaly, (n,) float64.

        Before `calibrate` this is a scale, not a frequency, since nothing here has seen an
        anomaly: ½ at the threshold, e/(1 + e) one median-to-84 % range of the usual scores above.
        """
        slope, shift = self.probability_ or self._scale_of_probability()
        return expit(shift - slope * self.score_samples(X))

    def _scale_of_probability(self) -> tuple[float, float]:
        _, upper = range_of(self.usual_.scores.numpy())
        return 1 / upper, -self.threshold_ / upper

    def calibrate(self, X: Any, y: Any) -> Self:
        """Make `anomaly_probability` frequencies, by rows X that are known.

        y : −1 for anomalies and +1 for normal rows, as `predict` gives them, or labels 1 and 0.

        Platt 1999, "Probabilistic outputs for support vector machines".
        """
        from sklearn.linear_model import LogisticRegression

        strange = -self.score_samples(X)
        known = np.asarray(y).ravel()
        odd = known == -1 if (known == -1).any() else known == 1
        if len(known) != len(strange) or odd.all() or not odd.any():
            raise ValueError(
                f"y has {len(known)} labels for {len(strange)} rows, {int(odd.sum())} of them "
                "anomalies: give one for each row, with both kinds among them."
            )
        middle, upper = range_of(strange)
        fitted = LogisticRegression(C=1e3).fit((strange[:, None] - middle) / upper, odd)
        slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        self.probability_ = (slope / upper, shift - slope * middle / upper)
        return self

    def p_values(self, X: Any) -> np.ndarray:
        """Share of usual rows that are at least as strange as each row, (n,) in (0, 1].

        With `held_out` rows that are normal, a normal row has p ≤ α with probability α at most,
        whatever the model (Vovk's conformal prediction). By rows that were learned from p is a
        little too small.
        """
        strange = torch.from_numpy(-self.score_samples(X))
        return self.usual_.share_above(strange).numpy()

    def explain(self, X: Any, *, most: int = 3, flagged: bool = True) -> list[Finding]:
        """For every flagged row, the cells that do not fit: what was seen, what expected.

        most : cells a row. flagged : False: all rows, not only the flagged ones.

        Ordered from the strangest row on. A model that only gives whole rows a score has no
        reasons to give.
        """
        check_is_fitted(self)
        apart, unsure = self._judged(X)
        slope, shift = self.probability_ or self._scale_of_probability()
        chance = expit(slope * (apart + self.threshold_) + shift)
        rows = np.flatnonzero(apart > 0) if flagged else np.arange(len(apart))
        rows = rows[np.argsort(-apart[rows], kind="stable")]
        why = self._reasons(X, rows, most)
        return [
            Finding(int(i), float(-apart[i]), float(chance[i]), bool(unsure[i]), found)
            for i, found in zip(rows, why, strict=True)
        ]

    def _reasons(self, X: Any, rows: np.ndarray, most: int) -> list[tuple[reasons.Reason, ...]]:
        model, score = self.estimator_, self._score()
        if score is None or not len(rows):
            return [()] * len(rows)
        dataset, found = model._open(X), []
        for first in range(0, len(rows), 1024):
            chosen = dataset.rows.take(rows[first : first + 1024])
            x = model.columns_.scaled(torch.from_numpy(np.ascontiguousarray(chosen)))
            found += reasons.reasons(score, x, self.usual_.cells, model.columns_, most)
        return found

    # inside

    def _score(self, model: Learner | None = None, first: int = 0) -> Score | None:
        """How a fitted model's cells are judged, the own one's; None where it has none.

        first : at a first look, masks a member, in one view.
        """
        model = self.estimator_ if model is None else model
        module = model.module_
        if isinstance(model, MaskedEnsemble | MaskedAutoencoder):
            members = module.members if isinstance(model, MaskedEnsemble) else [module]
            size = len(members), model.columns_.n_features, self.mask_seed_
            views = [masks(*size, first)] if first else [masks(*size), turns(*size)]
            return HiddenCells(members, views)
        if not isinstance(module, AutoencoderModule):
            return None
        is_image = len(model.columns_.shape) > 1
        return Rebuilding(module, is_image if self.relative is None else self.relative)

    def _measured(self, X: Any, errors: bool = False) -> tuple[np.ndarray, ...]:
        """Rows' own scores by view (n, V), the partner's (n,), the cells' (n, d).

        errors : the standard errors of rows' own scores (n,), too.
        """
        model, score, partner = self.estimator_, self._score(), self.partner_
        V = 1 if score is None else score.count

        def measure(x: Tensor, side: Tensor | None) -> Tensor:
            own, doubt = torch.zeros(len(x), V), torch.zeros(len(x), 1)
            cells = torch.zeros_like(x)
            if score is not None:
                each = score.cells(x, side)
                joined = score.joined(each)
                cells, own = joined.mean(0), joined.sum(2).T
                if errors and len(each) > 1:
                    totals = torch.stack([score.joined(one[None]).sum(2).T for one in each])
                    doubt[:, 0] = stranger(totals, self.views_).std(0) / math.sqrt(len(each))
            theirs = torch.zeros(len(x), 1)
            if partner is not None:
                theirs[:, 0] = partner.strangeness(spread_out(x, model.columns_.categories, LIMIT))
            return torch.cat([own, doubt, theirs, cells], 1)

        flat = model._rows_through(measure, X, None, V + 2 + model.columns_.n_features)
        own, doubt, theirs = flat[:, :V], flat[:, V], flat[:, V + 1]
        if score is None:
            own = -np.asarray(model.score_samples(X))[:, None]
        found = (own.astype(np.float64), theirs.astype(np.float64), flat[:, V + 2 :])
        return (*found, doubt.astype(np.float64)) if errors else found

    def _own(self, views: np.ndarray) -> np.ndarray:
        """Rows' own scores by view (n, V) as one (n,)."""
        return stranger(torch.from_numpy(views), self.views_).numpy()

    def _judged(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """How far rows are above the threshold (n,), and where that is within doubt (n,) bool."""
        views, others, _, errors = self._measured(X, errors=True)
        apart = self._joint(self._own(views), others) - self.threshold_
        return apart, np.abs(apart) < self.doubt * self._in_ranges(errors)

    def _joint(self, own: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The scores as one: in ranges and added, where there is a partner."""
        if self.partner_ is None:
            return own
        return added((own, others), self.scales_)

    def _in_ranges(self, errors: np.ndarray) -> np.ndarray:
        return errors if self.partner_ is None else errors / self.scales_[0][1]

    def _wide(self, dataset: Dataset) -> np.ndarray:
        """Rows as plain numbers (n, w), for those who take nothing else."""
        columns = self.estimator_.columns_
        rows = dataset.rows.take(np.arange(len(dataset)))
        x = columns.scaled(torch.from_numpy(np.ascontiguousarray(rows)))
        return spread_out(x, columns.categories, LIMIT).numpy()

    # the file

    def _fitted_values(self) -> dict[str, Any]:
        names = ("threshold_", "offset_", "views_", "scales_", "agreement_", "notes_", "mask_seed_")
        return {name: getattr(self, name) for name in (*names, "probability_")}

    def _learned_parts(self) -> dict[str, Part]:
        return {"usual_": self.usual_} | ({"partner_": self.partner_} if self.partner_ else {})

    def _take(self, fitted: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        super()._take(fitted, parts)
        self.partner_ = self.__dict__.get("partner_")
        self.views_, self.scales_ = (
            [(float(m), float(u)) for m, u in pairs] for pairs in (self.views_, self.scales_)
        )
        if self.probability_ is not None:
            self.probability_ = (float(self.probability_[0]), float(self.probability_[1]))
        if self.usual_.dim != self.estimator_.columns_.n_features:
            raise ValueError(f"usual cells of {self.usual_.dim} columns do not fit its model")
        score = self._score()
        if len(self.views_) != (1 if score is None else score.count):
            raise ValueError(f"{len(self.views_)} views of rows do not fit its model")
        if self.partner_ is not None:
            self.partner_.check()
        if (self.partner_ is None) != (self.combine is None):
            raise ValueError(f"combine={self.combine!r} does not fit what is beside the model")


def _part(dataset: Dataset, rows: np.ndarray) -> Dataset:
    if len(rows) == len(dataset):
        return dataset
    return replace(dataset, rows=ArrayRows(dataset.rows.take(rows)), labels=None)


def _in_pieces(partner: Partner, wide: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(wide)
    return torch.cat([partner.strangeness(piece) for piece in x.split(4096)]).numpy()

"""Clustering on the codes of an autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from sklearn.base import ClusterMixin, clone
from sklearn.cluster import KMeans
from sklearn.utils import ClassifierTags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, column_or_1d
from torch import Tensor

from diabolo.data.batches import Batches
from diabolo.data.dataset import Dataset
from diabolo.data.neighbours import as_numbers, nearest
from diabolo.data.sources import open_dataset
from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.families.layout import LayoutAutoencoder
from diabolo.families.mixture import MixtureVAE
from diabolo.measures.clusters import Agreement, agreement, modularity
from diabolo.parts.clusters import Assignment, Responsibility
from diabolo.parts.spec import Part
from diabolo.uses.cluster.refinement import Wishes, refine
from diabolo.uses.cluster.seeding import SEEDINGS, silhouettes
from diabolo.uses.use import Use

METHODS = (*SEEDINGS, "vade")
JUDGED = 5000  # rows by which clusters are compared with k-means on the input
NEIGHBOURS = 15
STARTS = 5  # of k-means on the input
GUIDE = 1.0  # clusters need places more than pixels: the family's own .3 costs .15 % of accuracy


class Report(NamedTuple):
    """The clusters beside those of k-means on the input, as many.

    modularity, of_kmeans : share of edges between nearest neighbours (in the input) that stay
        inside a cluster, less what chance would give; no label is needed.
    labels, kmeans_labels : agreement with the labels, where they were given to `fit`.
    rows : that judged.
    """

    modularity: float
    of_kmeans: float
    labels: Agreement | None
    kmeans_labels: Agreement | None
    rows: int

    @property
    def is_worse(self) -> bool:
        """Whether k-means on the input does better, by the labels where there are some."""
        if self.labels is not None and self.kmeans_labels is not None:
            return self.labels.accuracy < self.kmeans_labels.accuracy
        return self.modularity < self.of_kmeans

    @property
    def line(self) -> str:
        """The comparison in one sentence."""
        text = (
            f"modularity in the graph of neighbours {self.modularity:.3f}, "
            f"k-means on the input {self.of_kmeans:.3f}"
        )
        if self.labels is not None and self.kmeans_labels is not None:
            text += (
                f"; accuracy by the labels {self.labels.accuracy:.1%}, "
                f"k-means on the input {self.kmeans_labels.accuracy:.1%}"
            )
        return text + (": k-means on the input does better" if self.is_worse else "")


class DeepClusterer(ClusterMixin, Use):
    """Clusters of rows, found on the codes of an autoencoder.

    By default codes are led to a layout of the rows in which neighbours lie together
    (`LayoutAutoencoder`; between images, neighbours up to small moves), which turns kinds of rows
    into clumps; k-means then finds these.

    n_clusters : how many; None: the number, up to `max_clusters`, with the largest mean silhouette
        of k-means on the codes (see `silhouettes_`).
    method : "kmeans"; "mixture" of Gaussians; "dec" and "idec": k-means, after which codes are
        drawn to the centres, without and with the reconstruction; "vade": a variational
        autoencoder whose prior is the mixture of clusters.
    estimator : the autoencoder, not fitted; None: as above, or for "vade" a `MixtureVAE`.
    max_clusters : see `n_clusters`; "vade" counts on the codes of the default autoencoder.
    refine_epochs, refine_lr : of "dec" and "idec".
    tol : share of rows; when fewer change their cluster in an epoch, these end.
    clustering_weight : γ of "idec", relative to the loss in nats; the paper's 0.1 is relative to a
        mean over pixels.
    random_state, n_threads : as of all families, where `estimator` says nothing else.

    After a fit: `labels_` (not kept in files), `n_clusters_`, `cluster_centers_` (codes) and
    `decoded_centers()`, `silhouettes_` (of each number that was tried), `estimator_` (whose
    `transform` gives the codes) and `report_`, a comparison with k-means on the input, of which
    `report_.line` is one sentence.

    Xie et al. 2016 (DEC); Guo et al. 2017 (IDEC); Jiang et al. 2017 (VaDE); McConville et al. 2021
    (codes with neighbours laid out).
    """

    n_clusters: int | None = None
    method: str = "kmeans"
    max_clusters: int = 20
    refine_epochs: int = 100
    refine_lr: float = 1e-3
    tol: float = 1e-3
    clustering_weight: float = 1.0
    random_state: Any = None
    n_threads: int | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "method": [StrOptions(set(METHODS))],
        "max_clusters": [Interval(Integral, 2, None, closed="left")],
        "refine_epochs": [Interval(Integral, 1, None, closed="left")],
        "refine_lr": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, 1, closed="left")],
        "clustering_weight": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find clusters of rows X, as any family takes them.

        y : labels, if there are some; they change nothing but `report_`.
        """
        self._validate_params()
        seeds = Seeds.of(self.random_state)
        model = self._model(seeds)
        dataset = open_dataset(X, schema=model.schema)
        labels = None if y is None else _labels(y, len(dataset))
        self._check_count(len(dataset))
        self.silhouettes_: dict[int, float] = {}
        if self.method == "vade" and self.n_clusters is None:
            counted = self._with_seed(LayoutAutoencoder(guide=GUIDE), seeds).fit(dataset)
            model.set_params(n_clusters=self._count(counted.transform(dataset), seeds))
        model.fit(dataset)
        model._take_names(X, dataset)
        self.assignment_ = self._assigned(model, dataset, seeds)
        self.estimator_, self.n_clusters_ = model, self.assignment_.count
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        self.labels_ = self.predict(dataset)
        self.report_ = self._report(dataset, labels, seeds)
        return self

    def fit_predict(self, X: Any, y: Any = None, **kwargs: Any) -> np.ndarray:
        """The cluster of every row, (n,); y as in `fit`."""
        return self.fit(X, y).labels_

    def predict(self, X: Any) -> np.ndarray:
        """The cluster of every row, 0 … n_clusters_ − 1, (n,)."""
        return self.predict_proba(X).argmax(1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """How strongly each row belongs to each cluster, (n, n_clusters_); rows sum to 1.

        By a Student t kernel around the centres, or the responsibilities of the mixture.
        """
        check_is_fitted(self)
        model, assignment = self.estimator_, self.assignment_

        def shares(x: Tensor, side: Tensor | None) -> Tensor:
            return assignment(model.module_.encode(x, side))

        return model._rows_through(shares, X, None, assignment.count)

    @property
    def cluster_centers_(self) -> np.ndarray:
        """The clusters' centres among the codes, (n_clusters_, units)."""
        return self.assignment_.centres.cpu().numpy()

    def decoded_centers(self) -> Any:
        """What the centres decode to, in the units and shape of the rows.

        "dec" trains no decoder: what it draws together moves away from what was decodable.
        """
        check_is_fitted(self)
        return self.estimator_.inverse_transform(self.cluster_centers_)

    # inside

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # no classifier, but scikit-learn's checks ask these of whatever has predict_proba
        tags.classifier_tags = ClassifierTags()
        return tags

    def _model(self, seeds: Seeds) -> Any:
        """The autoencoder to be fitted."""
        if self.estimator is not None:
            model: Any = clone(self.estimator)
        elif self.method == "vade":
            model = MixtureVAE(start="mixture")
        else:
            model = LayoutAutoencoder(guide=GUIDE)
        if not isinstance(model, Estimator):
            raise ValueError(
                f"a {type(model).__name__} has no codes to find clusters in: pass an autoencoder."
            )
        if self.method == "vade":
            if not isinstance(model, MixtureVAE):
                raise ValueError(
                    f"method='vade' is for a MixtureVAE, but estimator is a "
                    f"{type(model).__name__}: pass one, or leave it out."
                )
            if self.n_clusters is not None:
                model.set_params(n_clusters=self.n_clusters)
        return self._with_seed(model, seeds)

    def _with_seed(self, model: Any, seeds: Seeds) -> Any:
        for name, value in (
            ("random_state", seeds.number("family") % 2**31),
            ("n_threads", self.n_threads),
        ):
            if getattr(model, name) is None:
                model.set_params(**{name: value})
        return model

    def _check_count(self, rows: int) -> None:
        if self.n_clusters is not None and self.n_clusters > rows:
            raise ValueError(
                f"n_samples={rows} should be >= n_clusters={self.n_clusters}: there cannot be more "
                "clusters than rows."
            )

    def _assigned(self, model: Any, dataset: Dataset, seeds: Seeds) -> Assignment:
        """The clusters of the fitted model's codes, refined where the method does."""
        if self.method == "vade":
            prior = model.module_.code.prior
            return Responsibility(prior.dim, prior.count, prior).cpu().eval()
        codes = model.transform(dataset)
        count = self.n_clusters or self._count(codes, seeds)
        count = min(count, len(np.unique(codes, axis=0)))  # fewer codes than clusters: one each
        assignment = SEEDINGS[self.method](codes, count, seeds).eval()
        if self.method in ("dec", "idec"):
            weight = self.clustering_weight if self.method == "idec" else None
            wishes = Wishes(self.method, weight, self.refine_epochs, self.tol, self.refine_lr)
            refine(model, dataset, assignment, wishes, seeds)
        return assignment.to(model.device_)

    def _count(self, codes: np.ndarray, seeds: Seeds) -> int:
        """The number of clusters with the largest silhouette; 1 where codes are all but one."""
        self.silhouettes_ = silhouettes(codes, self.max_clusters, seeds)
        return max(self.silhouettes_, key=self.silhouettes_.__getitem__, default=1)

    def _report(self, dataset: Dataset, labels: np.ndarray | None, seeds: Seeds) -> Report:
        chosen = np.arange(0, len(dataset), -(-len(dataset) // JUDGED))
        model = self.estimator_
        batches = Batches(dataset, model.columns_, batch_size=PIECE, seed=0)
        x = torch.cat([batch.x for batch in batches.in_order()])
        x = as_numbers(x, Facts.of(model.columns_, len(x), 0).table)
        kmeans = KMeans(
            self.n_clusters_, n_init=STARTS, random_state=seeds.number("k-means on input") >> 32
        )
        plain = kmeans.fit_predict(x.numpy())
        k = min(NEIGHBOURS, len(chosen) - 1)
        near = nearest(x[chosen], k, seeds.number("judge")).rows.numpy() if k else None
        ours, theirs = (
            0.0 if near is None else modularity(near, found[chosen])
            for found in (self.labels_, plain)
        )
        return Report(
            ours,
            theirs,
            None if labels is None else agreement(labels, self.labels_),
            None if labels is None else agreement(labels, plain),
            len(chosen),
        )

    def _fitted_values(self) -> dict[str, Any]:
        report = self.report_._asdict()
        for name in ("labels", "kmeans_labels"):
            report[name] = None if report[name] is None else report[name]._asdict()
        tried = [[count, score] for count, score in self.silhouettes_.items()]
        return {"n_clusters_": self.n_clusters_, "report_": report, "silhouettes_": tried}

    def _learned_parts(self) -> dict[str, Part]:
        return {"assignment_": self.assignment_}

    def _take(self, fitted: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        assignment = parts["assignment_"]
        if set(parts) != {"assignment_"} or not isinstance(assignment, Assignment):
            raise ValueError("it keeps no clusters")
        if (assignment.dim, assignment.count) != (
            self.estimator_.module_.code.dim,
            fitted["n_clusters_"],
        ):
            raise ValueError(f"clusters of {assignment.dim} units do not fit its code")
        report = dict(fitted["report_"])
        for name in ("labels", "kmeans_labels"):
            report[name] = None if report[name] is None else Agreement(**report[name])
        self.assignment_ = assignment.to(self.estimator_.device_)
        self.n_clusters_ = int(fitted["n_clusters_"])
        self.report_ = Report(**report)
        self.silhouettes_ = {int(count): float(score) for count, score in fitted["silhouettes_"]}


def _labels(y: Any, rows: int) -> np.ndarray:
    labels = column_or_1d(y)
    if len(labels) != rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {rows} rows in X, "
            f"{len(labels)} labels in y."
        )
    return labels

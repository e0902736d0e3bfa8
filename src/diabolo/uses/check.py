"""Did a model earn its keep? Beside the simple thing that one would have done without it.

An autoencoder stands beside PCA of the same code size, one of a mixed table beside means and
modes, a detector beside an isolation forest, a clusterer beside k-means on the input, a classifier
beside the same network without pre-training. The simple thing is fitted to one half of the rows
and both are judged on the other. With it comes what the doctor finds on these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors

from diabolo.data.columns import as_tensor
from diabolo.data.dataset import Dataset
from diabolo.data.rows import ArrayRows
from diabolo.doctor.case import Case
from diabolo.doctor.diagnosis import diagnose
from diabolo.doctor.findings import Finding, note, warning
from diabolo.doctor.reconstruction import ABOUT as RECONSTRUCTION
from diabolo.estimators.learner import Learner
from diabolo.measures.clusters import modularity
from diabolo.models.adversarial import AdversarialModule
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.uses.use import Use

MOST_ROWS = 5000
KEEP = "earned its keep"
OF_THE_FIT = ("over-fitting", "under-fitting", "training", "labels", "discriminator")
TREES = 200
AGREE = 0.5  # rank correlation with the baseline's scores, below which the two disagree strongly
MARGIN = 0.01  # of an accuracy, AUROC or modularity: less is no difference
SHIFT = 1.0  # standard deviations by which a column's mean may have moved
NEIGHBOURS = 10
PRETRAIN = "Pre-train on more rows, fine-tune for longer, or leave the pre-training out"


class Report(NamedTuple):
    """One line on whether the model earned its keep, and all that the doctor has to say."""

    verdict: Finding
    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        return not any(one.is_warning for one in (self.verdict, *self.findings))


def check(model: Learner | Use, dataset: Dataset, context: Any = None) -> Report:
    """The model beside its baseline on the rows of `dataset`, at most 5,000 of them.

    Labels of the data set, where there are any, are used to judge; nothing is fitted to them.
    context : (n, c), for models that were fitted with one.
    """
    if len(dataset) < 4:
        raise ValueError(
            f"{dataset.source} has {len(dataset)} rows: a check needs 4 at least, one half for the "
            "baseline and one to judge by."
        )
    learner: Learner = model.estimator_ if isinstance(model, Use) else model
    rows = _Rows.of(learner, dataset, context)
    fresh = [one for one in diagnose(rows.case(learner)) if one.about not in OF_THE_FIT]
    known = getattr(learner, "diagnosis_", ())
    gate = GATES.get(type(model).__name__, _rebuilding)
    verdict = gate(model, rows, fresh)
    kept = [one for one in fresh if one.about != RECONSTRUCTION]
    of_the_fit = [one for one in known if one.about in OF_THE_FIT]
    return Report(verdict, (*kept, *_moved(learner, rows), *of_the_fit))


class _Rows(NamedTuple):
    """Rows in two halves: `first` teaches the baselines, `second` judges."""

    numbers: tuple[np.ndarray, np.ndarray]
    raw: tuple[np.ndarray, np.ndarray]
    scaled: tuple[Example, Example]
    labels: tuple[np.ndarray, np.ndarray] | None
    dataset: Dataset

    @classmethod
    def of(cls, learner: Learner, dataset: Dataset, context: Any) -> _Rows:
        # the halves are drawn, not taken by turns: rows may come in an order, such as by class
        chosen = np.random.default_rng(0).permutation(len(dataset))[:MOST_ROWS]
        halves = np.sort(chosen[::2]), np.sort(chosen[1::2])
        sides = learner._sides(context, len(dataset))
        raw, scaled = [], []
        for half in halves:
            raw.append(dataset.rows.take(half))
            x = learner.columns_.scaled(as_tensor(raw[-1]))
            scaled.append(Example(x, None if sides is None else sides.cpu()[half]))
        labels = None if dataset.labels is None else np.asarray(dataset.labels)
        return cls(
            halves,
            (raw[0], raw[1]),
            (scaled[0], scaled[1]),
            None if labels is None else (labels[halves[0]], labels[halves[1]]),
            dataset,
        )

    def case(self, learner: Learner) -> Case:
        first, second = self.scaled
        return Case(
            learner.module_, learner.columns_, learner.history_, first, second, called="rows"
        )

    def judged(self) -> Dataset:
        """The second half as a data set."""
        return _taken(self.dataset, self.numbers[1])

    def filled(self) -> tuple[np.ndarray, np.ndarray]:
        """Both halves scaled, (n, d), gaps at 0, which is the mean."""
        first, second = (np.nan_to_num(half.x.numpy()) for half in self.scaled)
        return first, second


def _taken(dataset: Dataset, numbers: np.ndarray) -> Dataset:
    return replace(dataset, rows=ArrayRows(dataset.rows.take(numbers)), labels=None)


def _verdict(text: str, better: bool, remedy: str = "") -> Finding:
    line = f"{KEEP if better else 'did not earn its keep'}: {text}"
    return Finding("verdict", line) if better else warning("verdict", line, remedy)


def _rebuilding(model: Any, rows: _Rows, fresh: list[Finding]) -> Finding:
    """A family by itself: PCA, means and modes, or real rows beside samples."""
    module = model.module_ if isinstance(model, Learner) else model.estimator_.module_
    if isinstance(module, AdversarialModule):
        samples = next((one for one in fresh if one.about == "samples"), None)
        if samples is None:
            return note("verdict", "too few rows to compare samples with")
        return _verdict(samples.finding, not samples.is_warning, samples.remedy)
    if not isinstance(module, AutoencoderModule):
        return _predicting(model, rows)
    found = next(one for one in fresh if one.about == RECONSTRUCTION)
    if "PCA would lose nothing" in found.finding:
        return note("verdict", f"nothing to compare with: {found.finding}")
    if found.severity == "note":
        return note("verdict", f"not by rebuilding: {found.finding}")
    return _verdict(found.finding, not found.is_warning, found.remedy)


def _predicting(model: Any, rows: _Rows) -> Finding:
    """One that predicts cells from the others, beside the mean of each."""
    estimator = model if isinstance(model, Learner) else model.estimator_
    first, second = rows.filled()
    error = -float(np.mean(estimator.score_samples(rows.judged())))
    bar = float(np.square(second - first.mean(0)).mean())
    text = f"error {error:.4g} per cell, predicted from the others; means {bar:.4g}"
    return _verdict(text, error < bar, "Train for more epochs")


def _detecting(model: Any, rows: _Rows, fresh: list[Finding]) -> Finding:
    """Beside an isolation forest; with labels by AUROC, without by whether the two agree."""
    first, second = rows.filled()
    forest = IsolationForest(n_estimators=TREES, random_state=0).fit(first)
    by_forest, ours = -forest.score_samples(second), -model.score_samples(rows.judged())
    if np.ptp(ours) == 0:
        return warning("verdict", "its scores are the same for all rows", "Train it on more rows")
    agreement = float(spearmanr(by_forest, ours).statistic)
    told = f"rank correlation {agreement:.2f} with an isolation forest"
    rare = None if rows.labels is None else _rare(rows.labels[1])
    if rare is not None:
        auc, bar = (float(roc_auc_score(rare, score)) for score in (ours, by_forest))
        text = f"AUROC {auc:.3f} against the labels; isolation forest {bar:.3f}; {told}"
        return _verdict(text, auc >= bar - MARGIN, "Use combine='forest', or the forest alone")
    if agreement < AGREE:
        remedy = "Look at the rows they differ on, label a few, or use combine='forest'"
        return warning("verdict", f"{told}: they disagree strongly", remedy)
    return note("verdict", f"{told}: they agree; labels would tell which is better")


def _rare(labels: np.ndarray) -> np.ndarray | None:
    """Which rows are of the rarer of two classes; None where there are not two."""
    values, counts = np.unique(labels, return_counts=True)
    return labels == values[counts.argmin()] if len(values) == 2 else None


def _clustering(model: Any, rows: _Rows, fresh: list[Finding]) -> Finding:
    """Beside k-means on the input: by labels where there are any, else by their neighbours."""
    first, second = rows.filled()
    ours = np.asarray(model.predict(rows.judged()))
    count = len(np.unique(ours))
    if count < 2:
        return warning("verdict", "all rows are in one cluster", "Ask for more clusters")
    wanted = int(getattr(model, "n_clusters_", 0) or count)
    bar = KMeans(wanted, n_init=10, random_state=0).fit(first).predict(second)
    alike = f"adjusted Rand index {adjusted_rand_score(ours, bar):.2f} between the two"
    remedy = "Use k-means on the input, or train for more epochs"
    if rows.labels is not None:
        here, there = (adjusted_rand_score(rows.labels[1], each) for each in (ours, bar))
        text = f"adjusted Rand index {here:.3f} with the labels; k-means on the input {there:.3f}"
        return _verdict(f"{text}; {alike}", here >= there - MARGIN, remedy)
    k = min(NEIGHBOURS, len(second) - 1)
    near = NearestNeighbors(n_neighbors=k + 1).fit(second).kneighbors(second)[1][:, 1:]
    here, there = (modularity(near, each) for each in (ours, bar))
    text = f"modularity in the graph of neighbours {here:.3f}, of k-means on the input {there:.3f}"
    return _verdict(f"{text}; {alike}", here >= there - MARGIN, remedy)


def _classifying(model: Any, rows: _Rows, fresh: list[Finding]) -> Finding:
    """Beside the commonest class, and what the fit found of the network without pre-training."""
    control: Any = getattr(model, "control_", None)
    if rows.labels is None and hasattr(control, "gain"):
        return _verdict(f"at the fit, {control.gain}", control.own <= control.error, PRETRAIN)
    if rows.labels is None:
        return note("verdict", "a classifier is judged by labels: name their column with --target")
    truth = rows.labels[1].astype(str)
    accuracy = float((np.asarray(model.predict(rows.judged())).astype(str) == truth).mean())
    common = float(np.unique(truth, return_counts=True)[1].max() / len(truth))
    text = f"{accuracy:.1%} of the rows in the right class; always the commonest {common:.1%}"
    if not hasattr(control, "gain"):
        return _verdict(text, accuracy > common, PRETRAIN)
    better = accuracy > common and control.own <= control.error
    return _verdict(f"{text}; at the fit, {control.gain}", better, PRETRAIN)


Gate = Callable[[Any, _Rows, list[Finding]], Finding]
GATES: dict[str, Gate] = {
    "AnomalyDetector": _detecting,
    "DeepClusterer": _clustering,
    "EncoderClassifier": _classifying,
}


def _moved(learner: Learner, rows: _Rows) -> Iterator[Finding]:
    """Whether these rows are like those that the model was fitted on."""
    if learner.columns_.kind not in {"real", "mixed"}:
        return
    x = torch.cat([half.x for half in rows.scaled])
    with np.errstate(invalid="ignore"):
        means = np.where(learner.columns_.coded, 0.0, np.abs(x.nanmean(0).numpy()))
    j = int(np.nan_to_num(means).argmax())
    if means[j] > SHIFT:
        yield warning(
            "data",
            f"{learner.columns_.name(j)} lies {means[j]:.1f} standard deviations from where it lay "
            "in training",
            "Look for a change of units, or fit a new model",
        )

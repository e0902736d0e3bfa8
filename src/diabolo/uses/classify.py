"""Classification on encoder features: learned from many rows without labels and a few with them."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from sklearn.base import ClassifierMixin, clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, column_or_1d
from torch import Tensor

from diabolo.data.batches import number_of_batches
from diabolo.data.dataset import Dataset
from diabolo.data.rows import ArrayRows
from diabolo.data.sources import open_dataset
from diabolo.engine.events import History
from diabolo.engine.fit import fit as carry_out
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import SMALLEST
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.estimators.learner import Learner
from diabolo.estimators.seeds import Seeds
from diabolo.estimators.tables import class_labels
from diabolo.families.denoising import DenoisingAutoencoder
from diabolo.families.saved import load
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.stack import Classification
from diabolo.parts.networks import Dense
from diabolo.parts.spec import Part, initialise
from diabolo.uses.use import Use

FOLDS = 5  # a fifth of the labelled rows judges
JUDGED = 200  # rows at least, as long as there are folds: with few labels several folds judge
FEWEST = 10  # labelled rows, of which a fifth can be spared
STEPS, EPOCHS = 3000, (10, 750)  # of training with labels where no number of epochs was asked for
FIRST = 0.2  # of these for the softmax layer alone, before
HEAD_LR = 10  # its learning rate then, as a multiple: it starts from nothing, and is convex
TUNED = ("encoder", "code", "head")  # the decoder keeps what it learned before
# what pre-training on images uses: chosen on MNIST's training rows 50,000 … with 1,000 labels
IMAGES: dict[str, Any] = {
    "noise": ("moves", "masking"),
    "level": (0.25, 0.5),
    "n_components": 64,
}


class Control(NamedTuple):
    """What pre-training gained, on labelled rows that neither network was trained on.

    error, own : share of wrong classes of the same network from random weights, and of the
        pre-trained one. rows : how many judged.
    """

    error: float
    own: float
    rows: int

    @property
    def gain(self) -> str:
        """The comparison in one line."""
        change = 1 - self.own / self.error if self.error else 0.0
        verdict = "no better" if change <= 0 else f"{change:.0%} fewer errors"
        return (
            f"on {self.rows} held-out labelled rows {self.own:.1%} wrong, {self.error:.1%} by the "
            f"same network from random weights: {verdict}"
        )


class EncoderClassifier(ClassifierMixin, Use):
    """Classifier made of a pre-trained encoder and a softmax layer on its code.

    An autoencoder learns from all rows what they have in common; the few labels then only have to
    name what it tells apart: minimise −log softmax(W z(x) + b)_y over W and b and, where
    `fine_tune`, then over the encoder, too; before, a layer that knows nothing yet would spoil it.
    Rows without a label have −1, None or NaN as y (as in scikit-learn's semi-supervised learning;
    where the labels are −1 and one other value, −1 is a class).

    The control is the same network from random weights, trained with the same labels for as many
    steps: `control_` says how often either is wrong on a fifth of the labelled rows, held out for
    that (with few labels on each fifth in turn). The final fit uses all labels.

    estimator : an autoencoder, not fitted; None: a denoising one, for images one that undoes moves.
    pretrained : a fitted model, or a model file, whose encoder is taken instead.
    pretrain : False: no pre-training at all, which is the control itself.
    fine_tune : whether labels change the encoder; else only the softmax layer learns from them.
    corrupt : whether labelled rows come corrupted, anew at every step, as the autoencoder's own
        training has them (for a denoising one); for the control likewise.
    control : False: spare the time of the comparison.
    max_epochs, batch_size, lr, weight_decay : of the training with labels. max_epochs=None: about
        3,000 steps, within 10 … 750 epochs.
    random_state, n_threads : as of all families, where `estimator` says nothing else.

    After a fit: `classes_`, `estimator_` (the autoencoder; its `module_.head` is the softmax
    layer), `control_` (None without one), `history_` of the training with labels (that of the
    training before is `estimator_.history_`).

    Bengio et al. 2007, "Greedy layer-wise training of deep networks"; Erhan et al. 2010, "Why does
    unsupervised pre-training help deep learning?"; the softmax layer first: Kumar et al. 2022,
    "Fine-tuning can distort pretrained features and underperform out-of-distribution".
    """

    pretrained: Any = None
    pretrain: bool = True
    fine_tune: bool = True
    corrupt: bool = True
    control: bool = True
    max_epochs: int | None = None
    batch_size: int = 64
    lr: float = 1e-3
    weight_decay: float = 0.01
    random_state: Any = None
    n_threads: int | None = None

    NOT_KEPT: ClassVar[tuple[str, ...]] = ("pretrained",)

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "pretrained": [Learner, Use, str, os.PathLike, None],
        "pretrain": ["boolean"],
        "fine_tune": ["boolean"],
        "corrupt": ["boolean"],
        "control": ["boolean"],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows X, as any family takes them, and labels y (n,), many of them unknown."""
        self._validate_params()
        if self.pretrained is not None and not self.pretrain:
            raise ValueError("pretrain=False starts from random weights: leave pretrained out.")
        seeds = Seeds.of(self.random_state)
        if self.pretrained is None:
            schema = None if self.estimator is None else self.estimator.schema
            dataset = open_dataset(X, schema=schema)
            model = self._new(dataset, seeds)
        else:
            model = self._given()
            dataset = model._open(X)
        labelled, labels = known_labels(y, len(dataset))
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y has one class alone, {classes[0].item()!r}: label rows of two classes at least."
            )
        if self.pretrained is None:
            self._learn(model, X, dataset, seeds)
        rows = np.flatnonzero(labelled)
        few = replace(dataset, rows=ArrayRows(dataset.rows.take(rows)), labels=None)
        tuning = _Tuning(self, model, few, numbers, len(classes), seeds)
        self.control_ = tuning.compared() if self._is_controlled(model, len(rows)) else None
        model.module_, self.history_ = tuning.tuned(model.module_, np.arange(len(rows)), "labels")
        self.estimator_, self.classes_ = model, classes
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities of rows X, (n, classes) float32."""
        check_is_fitted(self)
        module = self.estimator_.module_

        def probabilities(x: Tensor, side: Tensor | None) -> Tensor:
            return torch.softmax(module.head(module.encode(x, side)), dim=1)

        return self.estimator_._rows_through(probabilities, X, None, len(self.classes_))

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of every row, (n,)."""
        numbers = self.predict_proba(X).argmax(1)
        return self.classes_[numbers]

    # inside

    def _new(self, dataset: Dataset, seeds: Seeds) -> Any:
        """The autoencoder to be fitted."""
        model: Any = self.suited(dataset) if self.estimator is None else clone(self.estimator)
        _require_code(type(model).__name__, hasattr(model, "transform"))
        settings = {"random_state": seeds.number("family") % 2**31, "n_threads": self.n_threads}
        missing = {name: v for name, v in settings.items() if getattr(model, name) is None}
        return model.set_params(**missing)

    def _given(self) -> Any:
        """A copy of the fitted one to start from."""
        given = self.pretrained
        if isinstance(given, str | os.PathLike):
            given = load(given)
        if isinstance(given, Use):
            given = given.estimator_
        check_is_fitted(given)
        _require_code(type(given).__name__, isinstance(given.module_, AutoencoderModule))
        if given._context_width:
            raise ValueError(
                f"this {type(given).__name__} was fitted with a context, which a classifier does "
                "not have: pass one that was fitted without."
            )
        return copy.deepcopy(given)

    @staticmethod
    def suited(dataset: Dataset) -> Estimator:
        """The autoencoder that suits the data, where none was asked for."""
        are_images = len(dataset.shape) > 1 and min(dataset.shape[:2]) >= SMALLEST
        return DenoisingAutoencoder(**IMAGES) if are_images else DenoisingAutoencoder()

    def _learn(self, model: Any, X: Any, dataset: Dataset, seeds: Seeds) -> None:
        if self.pretrain:
            model.fit(dataset)
        else:
            model._begin(dataset, dataset, 0)
            model.n_iter_ = 0
        _require_code(type(model).__name__, isinstance(model.module_, AutoencoderModule))
        model._take_names(X, dataset)

    def _is_controlled(self, model: Any, labelled: int) -> bool:
        """Whether there can be a comparison: with a network that can be drawn anew."""
        return self.control and self.pretrain and labelled >= FEWEST and model.encoder is None

    def _fitted_values(self) -> dict[str, Any]:
        control = None if self.control_ is None else self.control_._asdict()
        return {
            "classes_": self.classes_.tolist(),
            "control_": control,
            "history_": self.history_.to_json(),
        }

    def _take(self, fitted: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        if parts or set(fitted) != {"classes_", "control_", "history_"}:
            raise ValueError("it keeps something else than classes, a control and a history")
        head: Any = self.estimator_.module_.head
        self.classes_ = np.asarray(fitted["classes_"])
        if self.classes_.ndim != 1 or not isinstance(head, Dense):
            raise ValueError("it has no softmax layer, or no list of classes")
        if head.outputs != len(self.classes_):
            raise ValueError(
                f"{head.outputs} outputs do not stand for {len(self.classes_)} classes"
            )
        control = fitted["control_"]
        self.control_ = None if control is None else Control(**control)
        self.history_ = History.from_json(fitted["history_"])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "classes_")


class _Tuning:
    """Trains networks with labels; all of them alike.

    rows : the labelled ones. numbers : (n,) of their classes.
    """

    def __init__(
        self,
        classifier: EncoderClassifier,
        model: Any,
        rows: Dataset,
        numbers: np.ndarray,
        classes: int,
        seeds: Seeds,
    ) -> None:
        self.classifier, self.model, self.seeds = classifier, model, seeds
        self.rows, self.numbers, self.classes = rows, numbers, classes

    def tuned(
        self, module: AutoencoderModule, index: np.ndarray, purpose: str
    ) -> tuple[Any, History]:
        """A copy of the module, with a softmax layer that learned from these rows, and how."""
        module = copy.deepcopy(module)
        module.head = Dense((module.code.dim, self.classes))
        initialise(module.head, self.seeds.generator("softmax layer"))
        module.to(self.model.device_)
        settings = self._settings()
        part = replace(self.rows, rows=ArrayRows(self.rows.rows.take(index)))
        fits = Fits(settings, part, None, self.numbers[index])
        objective = Classification(module, corrupt=self.classifier.corrupt)
        epochs = self._epochs(len(index))
        first = math.ceil(FIRST * epochs) if self.classifier.fine_tune else epochs
        phases = [self._phase("softmax layer", fits, objective, ("head",), first, HEAD_LR)]
        if self.classifier.fine_tune:
            phases.append(self._phase("labels", fits, objective, TUNED, epochs))
        outcome = carry_out(
            phases,
            module,
            self.seeds.generator(f"noise of {purpose}", self.model.device_),
            n_threads=self.model.n_threads,
        )
        if outcome.interrupted:
            raise KeyboardInterrupt
        return module.eval(), outcome.history

    def _phase(
        self,
        name: str,
        fits: Fits,
        objective: Classification,
        parts: tuple[str, ...],
        epochs: int,
        times: float = 1.0,
    ) -> Phase:
        """Training of these parts of the module, at so many times the learning rate."""
        trained = tuple(
            name
            for name, parameter in objective.named_parameters()
            if name.split(".")[1] in parts and parameter.requires_grad
        )
        player = fits.player(name, objective, trained, lr=times * self.classifier.lr)
        return fits.phase(name, (player,), epochs)

    def compared(self) -> Control:
        """Pre-trained and random weights on rows that neither was trained on."""
        n = len(self.numbers)
        order = self.seeds.generator("folds")
        shuffled = torch.randperm(n, generator=order).numpy()
        by_class = shuffled[np.argsort(self.numbers[shuffled], kind="stable")]
        fold = np.empty(n, np.int64)
        fold[by_class] = np.arange(n) % FOLDS  # classes are dealt evenly
        anew = copy.deepcopy(self.model.module_)
        initialise(anew, self.seeds.generator("weights of the control"))
        count = min(FOLDS, math.ceil(JUDGED / (n / FOLDS)))
        wrong, rows = np.zeros(2), 0
        for number in range(count):
            inside, outside = (np.flatnonzero(f) for f in (fold != number, fold == number))
            for which, start in enumerate((anew, self.model.module_)):
                module, _ = self.tuned(start, inside, f"fold {number}")
                wrong[which] += self._wrong(module, outside)
            rows += len(outside)
        error, own = (wrong / rows).tolist()
        return Control(error, own, rows)

    def _wrong(self, module: Any, index: np.ndarray) -> int:
        part = replace(self.rows, rows=ArrayRows(self.rows.rows.take(index)))

        def logits(x: Tensor, side: Tensor | None) -> Tensor:
            return module.head(module.encode(x, side))

        found = self.model._rows_through(logits, part, None, self.classes)
        return int((found.argmax(1) != self.numbers[index]).sum())

    def _epochs(self, rows: int) -> int:
        if self.classifier.max_epochs is not None:
            return self.classifier.max_epochs
        fewest, most = EPOCHS
        steps = number_of_batches(rows, self.classifier.batch_size)
        return min(most, max(fewest, math.ceil(STEPS / steps)))

    def _settings(self) -> Learner:
        """What the engine is told about this training."""
        given = self.classifier
        settings = Learner(
            batch_size=given.batch_size,
            lr=given.lr,
            weight_decay=given.weight_decay,
            precision=self.model.precision,
            early_stopping=False,
        )
        settings._seeds, settings.columns_ = self.seeds, self.model.columns_
        settings.device_ = self.model.device_
        return settings


def known_labels(y: Any, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have a label, (n,) bool, and the labels of those.

    Without one are −1 (unless there is only one other value), NaN, None and empty text.
    raises ValueError, one sentence, where y is nothing of the kind.
    """
    if y is None:
        raise ValueError(
            "EncoderClassifier requires y to be passed, but the target y is None: pass a label, "
            "or -1, for every row."
        )
    array = column_or_1d(y, warn=True)
    if len(array) != rows:
        raise ValueError(f"y has {len(array)} labels for {rows} rows of X: pass one for each.")
    known = _is_known(array)
    labels = array[known]
    if labels.dtype.kind == "O":
        labels = np.array(labels.tolist())
    if labels.dtype.kind in "if" and len(set(labels.tolist()) - {-1}) != 1:
        known[known] = labels != -1
        labels = labels[labels != -1]
    if not len(labels):
        raise ValueError("y names no class: every label is -1 or missing. Label some rows.")
    return known, class_labels(labels, len(labels))


def _is_known(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f":
        return ~np.isnan(array)
    if array.dtype.kind == "U":
        return array != ""
    if array.dtype.kind != "O":
        return np.ones(len(array), bool)
    return np.array([not _is_missing(one) for one in array])


def _is_missing(one: Any) -> bool:
    if one is None or isinstance(one, str) or type(one).__name__ == "NAType":  # pandas' own
        return not isinstance(one, str) or not one
    return bool(one != one)


def _require_code(name: str, has_one: bool) -> None:
    if not has_one:
        raise ValueError(
            f"{name} has no single encoder that a softmax layer could be put on: pass another "
            "family, such as DenoisingAutoencoder()."
        )

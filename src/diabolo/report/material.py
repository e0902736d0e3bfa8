"""The images of a gallery: some to train on, others to show and to measure with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diabolo.data import catalogue
from diabolo.data.columns import Columns
from diabolo.data.sources import Dataset, open_dataset
from diabolo.estimators.composition import Facts, image_shape

MOST_TESTED = 10_000
HELD_BACK = 0.2  # of the rows, where a set has no test part of its own
FEWEST = 40  # rows
EMPTY = 0.4  # share of pixels at the lowest value from which on images are ink on nothing
TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "digits": "scikit-learn’s digits"}
MOST_CLASSES = 50  # labels of more values are no classes


@dataclass(frozen=True)
class Material:
    """Images N×H×W or N×H×W×3 in their own dtype; labels are numbers into `classes`.

    columns : the scale from black to white, 0 … 1, learned from the training images.
    ink : whether images are strokes on an empty background.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray | None
    test_labels: np.ndarray | None
    classes: tuple[str, ...]
    columns: Columns
    ink: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return self.train.shape[1:]

    @property
    def features(self) -> int:
        return int(np.prod(self.shape))

    def unit(self, images: np.ndarray) -> np.ndarray:
        """Images on the scale 0 … 1, as float32; shape is kept."""
        ends = self.columns.offset, self.columns.scale
        offset, scale = (end.reshape(self.shape).astype(np.float32) for end in ends)
        return (np.asarray(images, np.float32) - offset) / scale

    def flat(self, images: np.ndarray) -> np.ndarray:
        """(n, features), on the scale 0 … 1."""
        return self.unit(images).reshape(len(images), -1)

    def one_of_each(self, count: int = 10) -> np.ndarray:
        """Rows of test images: the first of every class, then the second …, `count` in all."""
        if self.test_labels is None:
            return np.arange(min(count, len(self.test)))
        turns = np.empty(len(self.test), int)
        for label in range(len(self.classes)):
            own = self.test_labels == label
            turns[own] = np.arange(own.sum())
        chosen = np.lexsort((self.test_labels, turns))[:count]
        return chosen[np.lexsort((turns[chosen], self.test_labels[chosen]))]


def at_hand() -> str:
    """The best named set that needs no network: MNIST where its files are, else the digits."""
    return "mnist" if catalogue.is_at_hand("mnist") else "digits"


def gather(data: Any, rows: int | None, seed: int) -> Material:
    """Images of a named set, path, array or data set, split for training and testing.

    rows : at most so many to train on, drawn evenly over the set; None: all.
    """
    dataset = open_dataset(data)
    shape = _shape(dataset)
    if len(dataset) < FEWEST:
        raise ValueError(
            f"a gallery needs at least {FEWEST} images to train on and to show, got {len(dataset)}."
        )
    comes_in_parts = isinstance(data, str) and data in catalogue.NAMES and data != "digits"
    if comes_in_parts:
        tested = open_dataset(data, split="test")
        inside, outside = _drawn(len(dataset), rows, seed), _drawn(len(tested), MOST_TESTED, seed)
    else:
        tested = dataset
        inside, outside = _split(len(dataset), rows, seed)
    train = dataset.rows.take(inside).reshape(-1, *shape)
    test = tested.rows.take(outside).reshape(-1, *shape)
    columns = Columns.learn(open_dataset(train))
    classes, train_labels, test_labels = _numbered(dataset.labels, inside, tested.labels, outside)
    ink = _is_ink(train)
    return Material(
        TITLES.get(dataset.source, dataset.source),
        train,
        test,
        train_labels,
        test_labels,
        classes,
        columns,
        ink,
    )


def _shape(dataset: Dataset) -> tuple[int, ...]:
    """(H, W) or (H, W, 3) of the images; one sentence where rows are none."""
    facts = Facts(int(np.prod(dataset.shape)), tuple(dataset.shape), "unit", None, len(dataset), 0)
    height, width, channels = image_shape(facts)
    if min(height, width) < 8 or channels not in (1, 3):
        raise ValueError(
            f"a gallery shows images, but rows of shape {tuple(dataset.shape)} are none: pass "
            "images N×H×W or N×H×W×3 of at least 8×8 pixels, flat rows of a square number of "
            f"grey values, or one of {', '.join(catalogue.NAMES)}."
        )
    return (height, width) if channels == 1 else (height, width, channels)


def _split(count: int, rows: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows to train on and of those to test with, apart and in rising order."""
    order = np.random.default_rng(seed).permutation(count)
    held_back = min(MOST_TESTED, max(10, round(HELD_BACK * count)))
    return np.sort(order[held_back:][:rows]), np.sort(order[:held_back])


def _drawn(count: int, most: int | None, seed: int) -> np.ndarray:
    """At most so many row numbers, in rising order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def _numbered(
    train: Any, inside: np.ndarray, test: Any, outside: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray | None, np.ndarray | None]:
    """Names of the classes, and the labels of both parts as numbers into them."""
    if train is None or test is None:
        return (), None, None
    labels = np.concatenate([np.asarray(train)[inside], np.asarray(test)[outside]])
    names, numbers = np.unique(labels, return_inverse=True)
    if not 2 <= len(names) <= MOST_CLASSES:
        return (), None, None
    return tuple(map(str, names)), numbers[: len(inside)], numbers[len(inside) :]


def _is_ink(images: np.ndarray) -> bool:
    return images.ndim == 3 and bool((images == images.min()).mean() >= EMPTY)

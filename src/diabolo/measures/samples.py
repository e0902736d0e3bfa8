"""How far generated rows are from real ones, all on features (n, f) (`diabolo.measures.features`).

    Fréchet      |μ − ν|² + tr(S + T − 2 (S T)^½), the 2-Wasserstein distance of two Gaussians
    kernel       E k(x, x') + E k(y, y') − 2 E k(x, y), k(x, y) = (x·y / f + 1)³
    precision    share of generated rows inside the balls of real rows, up to the k-th neighbour
    recall       share of real rows inside the balls of generated rows
    density      mean number of real balls around a generated row, over k
    coverage     share of real balls that hold a generated row

No single one will do: precision and density see bad samples, recall and coverage missing ones,
and none of them sees a memorised training set, for which there is `memorisation`.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg, stats
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from diabolo.doctor.nearest import nearest
from diabolo.doctor.nearest import neighbourhoods as around
from diabolo.measures.features import INCEPTION, Embedding, alike

Given = Embedding | np.ndarray  # (n, f)

COPY = 1 / 3  # of the distance to the second neighbour
FEWEST_IN_CELL = 20  # rows of either kind


class Comparison(NamedTuple):
    """What was compared, a part of every result."""

    features: str
    hash: str  # of what made the features; "" where bare arrays were given
    n_features: int
    n_real: int
    n_generated: int

    def called(self, measure: str) -> str:
        """The measure's name with its features, as in "Fréchet distance on classifier 1a2b3c4d"."""
        return f"{measure} on {self.features} {self.hash}".rstrip()


class FrechetDistance(NamedTuple):
    """Squared distance of the Gaussians that fit the features; 0 for the same mean and spread."""

    distance: float
    settings: Comparison

    @property
    def name(self) -> str:
        """ "FID" for Inception's features alone."""
        if self.settings.features == INCEPTION:
            return "FID"
        return self.settings.called("Fréchet distance")


class KernelDistance(NamedTuple):
    """Unbiased squared MMD, which may be negative: mean over blocks, and its standard error."""

    distance: float
    standard_error: float
    blocks: int
    settings: Comparison

    @property
    def name(self) -> str:
        """ "KID" for Inception's features alone."""
        if self.settings.features == INCEPTION:
            return "KID"
        return self.settings.called("kernel distance")


class Neighbourhoods(NamedTuple):
    """Fidelity (precision, density) and diversity (recall, coverage); density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float
    k: int
    settings: Comparison


class Memorisation(NamedTuple):
    """Whether generated rows lie closer to the training rows than unseen real rows do.

    closer : chance that a generated row is closer than a test row; ½ for honest samples.
    statistic : C_T, standard errors by which they are farther, mean over cells; negative: closer.
    p_value : of a statistic so low where nothing was memorised.
    lowest : the same standard errors in the cell where they are fewest.
    copies : share of generated rows at less than a third of the distance to the second nearest
        training row; `copies_in_test` is that of the test rows.
    """

    closer: float
    statistic: float
    p_value: float
    lowest: float
    copies: float
    copies_in_test: float
    cells: int
    n_train: int
    settings: Comparison


class TwoSampleTest(NamedTuple):
    """How well a classifier tells real from generated rows it did not learn from; ½: not at all."""

    accuracy: float
    standard_error: float
    p_value: float  # of an accuracy so high where both are from one distribution
    n_judged: int
    classifier: str
    settings: Comparison


def frechet_distance(real: Given, generated: Given) -> FrechetDistance:
    """|μ − ν|² + tr S + tr T − 2 tr (S T)^½ of features (n, f) and (m, f).

    Too large with few rows, by about f² / n in units of the variance: compare at equal counts.

    Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6.
    """
    a, b, settings = _pair(real, generated, at_least=2)
    shift = a.mean(0) - b.mean(0)
    root_a, root_b = (_root(np.atleast_2d(np.cov(rows, rowvar=False))) for rows in (a, b))
    # tr (S T)^½ = Σ singular values of S^½ T^½, which exist where S T has no good root
    overlap = linalg.svdvals(root_a @ root_b).sum()
    distance = shift @ shift + (root_a**2).sum() + (root_b**2).sum() - 2 * overlap
    return FrechetDistance(max(0.0, float(distance)), settings)


def _root(covariance: np.ndarray) -> np.ndarray:
    """S^½ of a symmetric S; eigenvalues that rounding made negative are 0."""
    values, vectors = linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def kernel_distance(
    real: Given, generated: Given, *, blocks: int | None = None, seed: int = 0
) -> KernelDistance:
    """Squared MMD with k(x, y) = (x·y / f + 1)³, unbiased, over disjoint blocks of the rows.

    blocks : None: ten, or more for blocks of about 1,000 rows.
    seed : of the order in which rows are dealt to blocks.

    Bińkowski et al. 2018, "Demystifying MMD GANs", sec. 3 (KID, where features are Inception's).
    """
    a, b, settings = _pair(real, generated, at_least=4)
    fewer = min(len(a), len(b))
    blocks = max(2, min(blocks or max(10, fewer // 1000), fewer // 2))
    deal = np.random.default_rng(seed)
    parts = zip(
        np.array_split(deal.permutation(len(a)), blocks),
        np.array_split(deal.permutation(len(b)), blocks),
        strict=True,
    )
    values = [_squared_mmd(a[i], b[j]) for i, j in parts]
    error = float(np.std(values, ddof=1)) / math.sqrt(blocks)
    return KernelDistance(float(np.mean(values)), error, blocks, settings)


def _squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """The U-statistic: pairs of a row with itself are left out."""
    n, m, f = len(a), len(b), a.shape[1]
    within_a, within_b, across = ((x @ y.T / f + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    return float(
        (within_a.sum() - within_a.trace()) / (n * (n - 1))
        + (within_b.sum() - within_b.trace()) / (m * (m - 1))
        - 2 * across.mean()
    )


def neighbourhoods(real: Given, generated: Given, *, k: int = 5) -> Neighbourhoods:
    """Precision, recall, density and coverage by balls that reach to the k-th neighbour.

    Rows of the same distribution have density 1 and coverage 1 − 2^−k, about, at equal counts.

    Kynkäänniemi et al. 2019, "Improved precision and recall metric", eq. 1-2 (k = 3 there); Naeem
    et al. 2020, "Reliable fidelity and diversity metrics", eq. 5-7 (k = 5).
    """
    first, second = alike(real, generated)
    settings = _settings(first, second)
    if not 1 <= k < min(settings.n_real, settings.n_generated):
        raise ValueError(
            f"k={k} must be from 1 to less than the number of rows, which is {settings.n_real} "
            f"real and {settings.n_generated} generated."
        )
    return Neighbourhoods(*around(first.values, second.values, k), k, settings)


def memorisation(
    train: Given, test: Given, generated: Given, *, cells: int = 10, seed: int = 0
) -> Memorisation:
    """Are generated rows closer to the training rows than test rows of the same source are?

    Within cells of the training rows (k-means), the distances of both kinds to the nearest
    training row are compared by ranks (Mann-Whitney), so that copying one region is seen although
    others are far. Cells with fewer than 20 rows of either kind are left out.

    Smooth samples, as of a blurred decoder, lie closer to everything, and so get a low statistic
    without being copies: `copies` tells these apart, since a copy is near one row only.

    Meehan, Chaudhuri & Dasgupta 2020, "A non-parametric test to detect data-copying in generative
    models", eq. 3-4; ratio of the first two distances: Yoon et al. 2023, "Diffusion probabilistic
    models generalize when they fail to memorize", sec. 3.
    """
    first, second, third = alike(train, test, generated)
    for name, rows, fewest in (("train", first, 2), ("test", second, 2), ("generated", third, 2)):
        if len(rows.values) < fewest:
            raise ValueError(f"{name} has {len(rows.values)} rows, at least {fewest} are needed.")
    distances = [nearest(rows.values, first.values, 2) for rows in (second, third)]
    cell_of = _cells(first.values, cells, seed)
    homes = [cell_of(rows.values) for rows in (second, third)]
    weights, scores = [], []
    for cell in range(cells):
        of_test, of_generated = (d[h == cell, 0] for d, h in zip(distances, homes, strict=True))
        if min(len(of_test), len(of_generated)) >= (FEWEST_IN_CELL if cells > 1 else 1):
            weights.append(len(of_test))
            scores.append(_rank_score(of_generated, of_test))
    if not weights:
        raise ValueError(
            f"none of {cells} cells has {FEWEST_IN_CELL} test and generated rows: pass more rows, "
            "or cells=1."
        )
    share = np.array(weights) / sum(weights)
    statistic = float(share @ scores)
    p_value = float(stats.norm.cdf(statistic / np.linalg.norm(share)))
    copies, copies_in_test = (float((d[:, 0] < COPY * d[:, 1]).mean()) for d in reversed(distances))
    return Memorisation(
        _chance_smaller(distances[1][:, 0], distances[0][:, 0]),
        statistic,
        p_value,
        min(scores),
        copies,
        copies_in_test,
        len(weights),
        len(first.values),
        _settings(second, third),
    )


def _cells(rows: np.ndarray, cells: int, seed: int) -> Any:
    """Which of the cells a row lies in, found on at most 10,000 of the rows."""
    if cells == 1:
        return lambda other: np.zeros(len(other), int)
    some = rows[:: -(-len(rows) // 10_000)]
    if len(some) < cells:
        raise ValueError(f"{len(some)} training rows cannot be parted into {cells} cells.")
    return KMeans(cells, n_init=1, random_state=seed).fit(some).predict


def _chance_smaller(a: np.ndarray, b: np.ndarray) -> float:
    """P(a < b) + ½ P(a = b)."""
    return 1 - float(stats.mannwhitneyu(a, b).statistic) / (len(a) * len(b))


def _rank_score(a: np.ndarray, b: np.ndarray) -> float:
    """Standard errors by which `a` ranks above `b`; 0 where both have the same distribution."""
    n, m = len(a), len(b)
    ranks = stats.rankdata(np.concatenate([a, b]))
    above = ranks[:n].sum() - n * (n + 1) / 2
    return float((above - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12))


def two_sample_test(
    real: Given, generated: Given, *, classifier: Any = None, seed: int = 0
) -> TwoSampleTest:
    """Accuracy of a classifier on held-out halves of equally many real and generated rows.

    classifier : one of scikit-learn's; None: a net with one hidden level of 20 units.

    Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests", sec. 3.
    """
    a, b, settings = _pair(real, generated, at_least=4)
    n, deal = min(len(a), len(b)), np.random.default_rng(seed)
    x = np.concatenate([rows[deal.permutation(len(rows))[:n]] for rows in (a, b)])
    y = np.repeat([0, 1], n)
    learned = np.tile(np.arange(n) < n // 2, 2)
    x -= x[learned].mean(0)
    x /= np.maximum(x[learned].std(0), 1e-12)
    x = x.astype(np.float32)
    if classifier is None:
        classifier = MLPClassifier((20,), max_iter=30, n_iter_no_change=31, random_state=seed)
        classifier.set_params(batch_size=min(128, int(learned.sum())))
    with warnings.catch_warnings():  # all the epochs are used, on purpose
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(x[learned], y[learned])
    right = classifier.predict(x[~learned]) == y[~learned]
    accuracy, judged = float(right.mean()), len(right)
    p_value = stats.binomtest(int(right.sum()), judged, 0.5, "greater").pvalue
    return TwoSampleTest(
        accuracy,
        math.sqrt(accuracy * (1 - accuracy) / judged),
        float(p_value),
        judged,
        type(classifier).__name__,
        settings,
    )


def _pair(
    real: Given, generated: Given, at_least: int
) -> tuple[np.ndarray, np.ndarray, Comparison]:
    """Both as float64, and what they are."""
    first, second = alike(real, generated)
    for name, rows in (("real", first.values), ("generated", second.values)):
        if len(rows) < at_least:
            raise ValueError(f"{name} has {len(rows)} rows, at least {at_least} are needed.")
    a, b = (rows.values.astype(np.float64) for rows in (first, second))
    return a, b, _settings(first, second)


def _settings(real: Embedding, generated: Embedding) -> Comparison:
    n_features = real.values.shape[1]
    return Comparison(real.name, real.hash, n_features, len(real.values), len(generated.values))

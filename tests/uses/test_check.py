"""The gate: each kind of model beside its baseline, on models that deserve each verdict."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

import diabolo
from diabolo import open_dataset
from diabolo.uses.check import check
from diabolo.uses.use import Use

SHORT = {"random_state": 0, "n_threads": 1, "hidden_layer_sizes": (32,)}


def rows(n=400, d=8, inner=3):
    random = np.random.default_rng(0)
    return random.normal(size=(n, inner)) @ random.normal(size=(inner, d))


@pytest.fixture(scope="module")
def curved():
    """A curve in six dimensions, which no line follows."""
    t = np.random.default_rng(0).uniform(-3, 3, 600)
    return np.stack(
        [np.sin(k * t / 2) for k in range(1, 4)] + [np.cos(k * t / 2) for k in range(3)], 1
    )


def test_a_good_autoencoder_earned_its_keep(curved):
    model = diabolo.Autoencoder(n_components=1, max_epochs=120, lr=0.01, **SHORT).fit(curved)
    verdict, findings = check(model, open_dataset(curved))
    assert not verdict.is_warning
    assert verdict.finding.startswith("earned its keep: squared error ")
    assert "on 300 rows; PCA with 1 component: " in verdict.finding
    assert "reconstruction" not in {one.about for one in findings}, "it is the verdict"
    assert "over-fitting" in {one.about for one in findings}, "as the fit had it"


def test_a_bad_one_did_not():
    X = rows()
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, lr=1e-5, **SHORT).fit(X)
    report = check(model, open_dataset(X))
    assert report.verdict.is_warning
    assert report.verdict.finding.startswith("did not earn its keep: ")
    assert report.verdict.remedy.startswith("Train for more epochs")
    assert not report.is_healthy


def test_pca_is_fitted_to_the_one_half_and_judged_on_the_other():
    X = rows()
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, **SHORT).fit(X)
    verdict = check(model, open_dataset(X)).verdict
    order = np.random.default_rng(0).permutation(len(X))
    scaled = (X - model.columns_.offset) / model.columns_.scale
    pca = PCA(2).fit(scaled[np.sort(order[::2])])
    second = scaled[np.sort(order[1::2])]
    bar = np.square(second - pca.inverse_transform(pca.transform(second))).mean()
    said = float(verdict.finding.partition("2 components: ")[2].split()[0].rstrip("."))
    assert said == pytest.approx(bar, rel=1e-3)


def test_a_mixed_table_stands_beside_means_and_modes():
    dice = np.random.default_rng(0)
    kind = dice.integers(0, 3, 200)
    table = pl.DataFrame(
        {"kind": np.array(["a", "b", "c"])[kind], "size": kind + 0.1 * dice.normal(size=200)}
    )
    model = diabolo.Autoencoder(max_epochs=100, lr=0.01, **SHORT).fit(table)
    verdict = check(model, open_dataset(table, schema=model.columns_.schema)).verdict
    assert verdict.finding.startswith("earned its keep: error ")
    assert "means and modes" in verdict.finding


def test_a_game_stands_beside_real_rows():
    X = rows()[:, :2]
    model = diabolo.GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1).fit(X)
    assert "precision" in check(model, open_dataset(X)).verdict.finding


class AnomalyDetector(Use):
    """Stands for the one of its name: scores that were put in."""

    def score_samples(self, X):
        return self.score(np.asarray(X.rows.take(np.arange(len(X)))))


@pytest.fixture(scope="module")
def strange():
    """300 rows of which 15 lie far out, their labels, and a model."""
    dice = np.random.default_rng(0)
    X, y = dice.normal(size=(300, 4)), np.zeros(300, int)
    X[:15], y[:15] = X[:15] + 6, 1
    return X, y, diabolo.Autoencoder(max_epochs=1, **SHORT).fit(X)


def detector(strange, score):
    made = AnomalyDetector()
    made.estimator_, made.score = strange[2], score
    return made


def test_a_detector_by_labels(strange):
    X, y, _ = strange
    labelled = replace(open_dataset(X), labels=y)
    good = check(detector(strange, lambda rows: -np.abs(rows).max(1)), labelled).verdict
    assert good.finding.startswith("earned its keep: AUROC 1.000 against the labels")
    bad = check(detector(strange, lambda rows: rows[:, 0]), labelled).verdict
    assert bad.is_warning
    assert "combine='forest'" in bad.remedy


def test_a_detector_without_labels_by_agreement(strange):
    X = open_dataset(strange[0])
    forest = IsolationForest(random_state=1).fit(strange[0])
    assert "they agree" in check(detector(strange, forest.score_samples), X).verdict.finding
    odd = check(detector(strange, lambda rows: np.sin(100 * rows[:, 0])), X).verdict
    assert odd.is_warning
    assert "they disagree strongly" in odd.finding
    same = check(detector(strange, lambda rows: np.zeros(len(rows))), X).verdict
    assert same.finding == "its scores are the same for all rows"


class DeepClusterer(Use):
    def predict(self, X):
        return self.clusters(np.asarray(X.rows.take(np.arange(len(X))), float))


def test_a_clusterer_beside_k_means():
    X, y = load_digits(return_X_y=True)
    made = DeepClusterer()
    made.estimator_ = diabolo.Autoencoder(max_epochs=1, **SHORT).fit(X)
    made.n_clusters_ = 10
    labelled = replace(open_dataset(X), labels=y)
    made.clusters = KMeans(10, n_init=10, random_state=0).fit(X).predict
    assert check(made, labelled).verdict.finding.startswith("earned its keep: adjusted Rand index")
    assert "modularity" in check(made, open_dataset(X)).verdict.finding
    made.clusters = lambda rows: (rows[:, 20] > 3).astype(int)
    assert check(made, labelled).verdict.is_warning
    made.clusters = lambda rows: np.zeros(len(rows), int)
    assert check(made, labelled).verdict.finding == "all rows are in one cluster"


class EncoderClassifier(Use):
    def predict(self, X):
        return self.classes(np.asarray(X.rows.take(np.arange(len(X))), float))


def test_a_classifier_beside_its_control():
    X = rows()
    y = np.where(X[:, 0] > 0, "up", "down")
    made = EncoderClassifier()
    made.estimator_ = diabolo.Autoencoder(max_epochs=1, **SHORT).fit(X)
    made.classes = lambda found: np.where(found[:, 0] > 0, "up", "down")
    labelled = replace(open_dataset(X), labels=y)
    good = check(made, labelled).verdict
    assert good.finding.startswith("earned its keep: 100.0% of the rows in the right class; always")
    assert check(made, open_dataset(X)).verdict.severity == "note"
    made.control_ = SimpleNamespace(error=0.1, own=0.05, gain="50% fewer errors")
    assert "50% fewer errors" in check(made, open_dataset(X)).verdict.finding
    made.control_ = SimpleNamespace(error=0.1, own=0.2, gain="no better")
    assert check(made, labelled).verdict.is_warning
    made.control_, made.classes = None, lambda found: np.full(len(found), "up")
    assert check(made, labelled).verdict.is_warning


def test_columns_that_moved_are_named():
    X = rows()
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, **SHORT).fit(X)
    assert "data" not in {one.about for one in check(model, open_dataset(X)).findings}
    X[:, 3] *= 100
    X[:, 3] += 900
    found = {one.about: one for one in check(model, open_dataset(X)).findings}["data"]
    assert found.finding.startswith("column 3 lies ")
    assert "change of units" in found.remedy


def test_too_few_rows_are_refused():
    X = rows()
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, **SHORT).fit(X)
    with pytest.raises(ValueError, match="X has 3 rows: a check needs 4 at least"):
        check(model, open_dataset(X[:3]))


def test_uses_carry_the_diagnosis_of_their_family(strange):
    made = detector(strange, None)
    assert made.diagnosis_ == made.estimator_.diagnosis_
    assert not hasattr(AnomalyDetector(), "diagnosis_")

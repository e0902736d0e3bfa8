"""DeepClusterer: scikit-learn's contract, every method, the number of clusters, files, quality."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import silhouette_score

import diabolo
from battery import carry_out, every_check
from diabolo import (
    Autoencoder,
    DeepClusterer,
    GenerativeAdversarialNetwork,
    LayoutAutoencoder,
    MixtureVAE,
)
from diabolo.estimators.seeds import Seeds
from diabolo.files import DamagedFileError, read_sealed, write_sealed
from diabolo.measures.clusters import agreement
from diabolo.uses.cluster.clusterer import METHODS, Report
from diabolo.uses.cluster.seeding import silhouettes

QUICK = {"random_state": 0, "n_threads": 1, "refine_epochs": 3}
every_method = pytest.mark.parametrize("method", METHODS)


def family(method, **settings):
    words = {
        "hidden_layer_sizes": (16,),
        "n_components": 3,
        "max_epochs": 60,
        "lr": 0.01,
        **settings,
    }
    if method == "vade":
        return MixtureVAE(start="mixture", n_clusters=3, **words)
    return Autoencoder(**words)


@pytest.fixture(scope="module")
def blobs():
    """150 rows of 6 numbers in three clumps, and which is which."""
    random = np.random.default_rng(0)
    which = np.arange(150) % 3
    return random.normal(size=(150, 6)) + 6 * np.tile(np.eye(3), 2)[which], which


@pytest.fixture(scope="module")
def fitted(blobs):
    models = {}

    def of(method):
        if method not in models:
            model = DeepClusterer(n_clusters=3, method=method, estimator=family(method), **QUICK)
            models[method] = model.fit(*blobs)
        return models[method]

    return of


# scikit-learn's contract


def brief():
    return DeepClusterer(
        n_clusters=4, estimator=Autoencoder(max_epochs=20, hidden_layer_sizes=(16,)), n_threads=1
    )


@every_check(brief())
def test_check(check):
    carry_out(check, brief())


# every method


@every_method
def test_clumps_are_found(method, fitted, blobs):
    model = fitted(method)
    assert agreement(blobs[1], model.labels_).accuracy > (0.6 if method == "vade" else 0.95)
    assert (model.predict(blobs[0]) == model.labels_).all()
    shares = model.predict_proba(blobs[0])
    assert shares.shape == (150, 3)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    assert (shares.argmax(1) == model.labels_).all()
    assert model.cluster_centers_.shape == (3, 3)
    assert model.decoded_centers().shape == (3, 6)
    assert model.n_clusters_ == 3


@every_method
def test_same_seed_same_clusters(method, fitted, blobs):
    again = DeepClusterer(n_clusters=3, method=method, estimator=family(method), **QUICK)
    assert (again.fit_predict(blobs[0]) == fitted(method).labels_).all()
    np.testing.assert_array_equal(again.cluster_centers_, fitted(method).cluster_centers_)


@every_method
def test_one_file(method, fitted, blobs, tmp_path):
    model, path = fitted(method), tmp_path / "clusters.safetensors"
    model.save(path)
    again = diabolo.load(path)
    assert type(again) is DeepClusterer
    np.testing.assert_array_equal(again.predict_proba(blobs[0]), model.predict_proba(blobs[0]))
    np.testing.assert_array_equal(again.decoded_centers(), model.decoded_centers())
    assert again.report_ == model.report_
    assert again.get_params()["method"] == method
    assert again.n_clusters_ == 3


def test_without_refinement_it_is_k_means_on_the_codes(fitted, blobs):
    model = fitted("kmeans")
    codes = model.estimator_.transform(blobs[0])
    other = KMeans(3, n_init=10, random_state=0).fit(codes)
    assert agreement(other.labels_, model.labels_).accuracy > 0.98
    nearest = np.square(codes[:, None] - model.cluster_centers_).sum(2).argmin(1)
    assert (nearest == model.labels_).all()


def test_refinement_is_a_phase_of_the_same_history(fitted):
    assert fitted("dec").estimator_.history_.phases == ["joint", "dec"]
    history = fitted("idec").estimator_.history_
    assert history.phases == ["joint", "idec"]
    divergence = history.curve("clustering", phase="idec")
    assert "reconstruction" in history.records[-1]["train"]
    assert all(value > 0 for value in divergence)


def test_dec_sharpens_what_k_means_found(blobs):
    plain, drawn = (
        DeepClusterer(
            n_clusters=3,
            method=method,
            estimator=family(method),
            **QUICK | {"refine_epochs": 30, "tol": 0},
        ).fit(blobs[0])
        for method in ("kmeans", "dec")
    )
    assert drawn.predict_proba(blobs[0]).max(1).mean() > plain.predict_proba(blobs[0]).max(1).mean()


def test_refinement_ends_when_labels_stay(blobs):
    model = DeepClusterer(
        n_clusters=3, method="dec", estimator=family("dec"), **QUICK | {"refine_epochs": 50}
    ).fit(blobs[0])
    assert len(model.estimator_.history_.curve(phase="dec")) < 10


def test_vade_starts_from_a_mixture():
    random = np.random.default_rng(1)
    rows = random.normal(size=(300, 5)) + 8 * np.eye(5)[np.arange(300) % 4]
    model = MixtureVAE(
        start="mixture", n_clusters=4, n_components=3, max_epochs=30, random_state=0, n_threads=1
    ).fit(rows)
    assert model.history_.phases == ["plain", "joint"]
    clusters = DeepClusterer(
        n_clusters=4, method="vade", estimator=MixtureVAE(start="mixture", n_components=3), **QUICK
    ).fit_predict(rows)
    assert agreement(np.arange(300) % 4, clusters).accuracy > 0.9


# how many


def test_the_number_is_that_of_the_largest_silhouette(blobs):
    model = DeepClusterer(max_clusters=6, estimator=family("kmeans"), **QUICK).fit(blobs[0])
    assert model.n_clusters_ == 3
    assert list(model.silhouettes_) == [2, 3, 4, 5, 6]
    expected = silhouette_score(model.estimator_.transform(blobs[0]), model.labels_)
    assert model.silhouettes_[3] == pytest.approx(expected, abs=1e-5)
    assert max(model.silhouettes_.values()) == model.silhouettes_[3]


def test_of_codes_that_are_all_alike_there_is_one():
    assert silhouettes(np.zeros((20, 2)), 5, Seeds(0)) == {}
    model = DeepClusterer(estimator=family("kmeans", n_components=1), **QUICK).fit(np.ones((40, 3)))
    assert model.n_clusters_ == 1
    assert (model.labels_ == 0).all()


# beside k-means on the input


def test_the_report(fitted, blobs):
    report = fitted("kmeans").report_
    assert report.rows == 150
    assert report.labels == agreement(blobs[1], fitted("kmeans").labels_)
    assert report.kmeans_labels.accuracy == 1
    assert report.modularity == pytest.approx(report.of_kmeans, abs=0.05)
    assert "accuracy by the labels" in report.line
    unlabelled = DeepClusterer(n_clusters=3, estimator=family("kmeans"), **QUICK).fit(blobs[0])
    assert unlabelled.report_.labels is None
    assert "labels" not in unlabelled.report_.line


def test_it_says_where_k_means_on_the_input_does_better(blobs):
    model = DeepClusterer(
        n_clusters=3, estimator=family("kmeans", n_components=1, max_epochs=1, lr=1e-9), **QUICK
    ).fit(blobs[0])
    assert model.report_.is_worse
    assert model.report_.line.endswith("k-means on the input does better")


def test_labels_count_before_modularity():
    good, poor = (agreement([0, 0, 1, 1], found) for found in ([0, 0, 1, 1], [0, 1, 0, 1]))
    assert not Report(0.1, 0.5, good, poor, 4).is_worse
    assert Report(0.5, 0.1, poor, good, 4).is_worse
    assert Report(0.1, 0.5, None, None, 4).is_worse


# what goes in


def test_a_mixed_table(tmp_path):
    random = np.random.default_rng(0)
    kind = np.arange(120) % 2
    frame = pd.DataFrame(
        {
            "height": 160 + 30 * kind + random.normal(size=120),
            "town": np.array(["Oslo", "Rome"])[kind],
        }
    )
    frame.loc[5, "town"] = None
    model = DeepClusterer(
        n_clusters=2, estimator=LayoutAutoencoder(n_components=2, max_epochs=20), **QUICK
    ).fit(frame, kind)
    assert model.report_.labels.accuracy > 0.95
    centres = model.decoded_centers()
    assert sorted(centres["town"]) == ["Oslo", "Rome"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"estimator": GenerativeAdversarialNetwork()}, "has no codes to find clusters in"),
        ({"method": "vade", "estimator": Autoencoder()}, "method='vade' is for a MixtureVAE"),
        ({"n_clusters": 200}, r"n_samples=150 should be >= n_clusters=200"),
        (
            {"estimator": LayoutAutoencoder(distance="tangent")},
            "distance='tangent' is between images of at least 8x8 pixels",
        ),
    ],
)
def test_what_cannot_be(settings, sentence, blobs):
    with pytest.raises(ValueError, match=sentence):
        DeepClusterer(**QUICK | settings).fit(blobs[0])


def test_labels_of_another_length(blobs):
    with pytest.raises(ValueError, match="150 rows in X, 3 labels in y"):
        DeepClusterer(**QUICK).fit(blobs[0], [1, 2, 3])


def test_before_a_fit(blobs):
    with pytest.raises(NotFittedError):
        DeepClusterer().predict(blobs[0])


@pytest.mark.parametrize(
    "change",
    [{"n_clusters_": 4}, {"n_clusters_": None}, {"report_": None}, {"silhouettes_": 3}],
    ids=str,
)
def test_a_file_that_makes_no_sense(change, fitted, tmp_path):
    path = tmp_path / "clusters.safetensors"
    fitted("kmeans").save(path)
    tensors, header = read_sealed(path)
    header["use"]["fitted"] |= change
    write_sealed(path, tensors, header)
    with pytest.raises(DamagedFileError, match="holds no model this version can build"):
        diabolo.load(path)


# quality


def test_digits():
    data = load_digits()
    model = DeepClusterer(n_clusters=10, random_state=0, n_threads=1).fit(data.images, data.target)
    report = model.report_
    assert report.labels.accuracy > 0.85, report  # 0.895; k-means on the input 0.79
    assert report.labels.nmi > 0.85
    assert report.modularity > report.of_kmeans
    assert not report.is_worse
    assert model.decoded_centers().shape == (10, 8, 8)

"""Measures of samples on known answers; slow twins for what is computed in pieces."""

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier

from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.doctor import nearest as distances
from diabolo.measures.features import Embedding, Features
from diabolo.measures.samples import (
    frechet_distance,
    kernel_distance,
    memorisation,
    neighbourhoods,
    two_sample_test,
)
from diabolo.parts.networks import Dense
from diabolo.parts.spec import initialise


def normal(n, f=8, seed=0, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(shift, scale, (n, f)).astype(np.float32)


def classes(n, present, seed):
    """Ten clusters far apart, of which some are present."""
    rng = np.random.default_rng(seed)
    centres = 8 * np.eye(10)
    return (centres[rng.choice(present, n)] + rng.normal(size=(n, 10))).astype(np.float32)


def test_distances_in_pieces_are_those_of_scipy(monkeypatch):
    monkeypatch.setattr(distances, "PIECE", 7)
    a, b = normal(30, seed=1), normal(40, seed=2, shift=100)
    table = np.concatenate([t for _, t in distances.squared_distances(a, b)])
    np.testing.assert_allclose(table, cdist(a, b) ** 2, rtol=1e-4)
    np.testing.assert_allclose(distances.nearest(a, b, 3), np.sort(cdist(a, b))[:, :3], rtol=1e-6)
    np.testing.assert_allclose(
        np.sqrt(distances.radii(a, 4)), np.sort(cdist(a, a))[:, 4], rtol=1e-4
    )


def test_a_copy_is_at_distance_zero():
    a = normal(50, shift=1000)
    assert (distances.nearest(a, a[::-1].copy())[:, 0] == 0).all()


def test_frechet_distance_of_gaussians_is_the_closed_form():
    f, n = 4, 100_000
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(f, f))
    a, b = rng.normal(size=(n, f)) @ mix + 1.0, 2 * rng.normal(size=(n, f)) - 0.5
    s, t = mix.T @ mix, 4 * np.eye(f)
    expected = 1.5**2 * f + np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)
    assert frechet_distance(a, b).distance == pytest.approx(expected, rel=0.02)


def test_frechet_distance_of_a_shift_is_its_square():
    a = normal(500)
    shifted = frechet_distance(a, a + np.float32(3))
    assert shifted.distance == pytest.approx(9 * 8, rel=1e-5)
    assert frechet_distance(a, a).distance == pytest.approx(0, abs=1e-9)


def test_frechet_distance_with_fewer_rows_than_features():
    a, b = normal(20, f=50, seed=1), normal(30, f=50, seed=2)
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    overlap = np.sqrt(np.maximum(linalg.eigvals(s @ t).real, 0)).sum()
    mean = ((a.mean(0, dtype=float) - b.mean(0, dtype=float)) ** 2).sum()
    expected = mean + np.trace(s) + np.trace(t) - 2 * overlap
    assert frechet_distance(a, b).distance == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_is_the_mean_over_pairs():
    a, b = normal(9, f=3, seed=1), normal(11, f=3, seed=2, shift=1)

    def kernel(x, y):
        return (x.astype(float) @ y.astype(float) / 3 + 1) ** 3

    found = kernel_distance(a, b, blocks=2, seed=5)
    deal = np.random.default_rng(5)
    of_a, of_b = (np.array_split(deal.permutation(len(x)), 2) for x in (a, b))
    values = []
    for i, j in zip(of_a, of_b, strict=True):
        x, y = a[i], b[j]
        same_x = [kernel(p, q) for k, p in enumerate(x) for m, q in enumerate(x) if k != m]
        same_y = [kernel(p, q) for k, p in enumerate(y) for m, q in enumerate(y) if k != m]
        cross = [kernel(p, q) for p in x for q in y]
        values.append(np.mean(same_x) + np.mean(same_y) - 2 * np.mean(cross))
    assert found.distance == pytest.approx(np.mean(values))
    assert found.standard_error == pytest.approx(stats.sem(values))


def test_kernel_distance_of_one_distribution_is_zero_within_its_error():
    scores = [kernel_distance(normal(400, seed=s), normal(400, seed=100 + s)) for s in range(40)]
    z = np.array([s.distance / s.standard_error for s in scores])
    assert abs(z.mean()) < 0.6  # 40 values of spread 1 and a little more
    assert 0.7 < z.std() < 1.6
    assert min(s.distance for s in scores) < 0  # unbiased


def test_neighbourhoods_are_those_of_the_whole_tables(monkeypatch):
    monkeypatch.setattr(distances, "PIECE", 7)
    a, b, k = normal(60, f=3, seed=1), normal(50, f=3, seed=2, shift=0.5), 3
    across = cdist(a, b)
    reach_a, reach_b = (np.sort(cdist(x, x))[:, k] for x in (a, b))
    inside = across <= reach_a[:, None]
    found = neighbourhoods(a, b, k=k)
    expected = (
        inside.any(0).mean(),
        (across <= reach_b).any(1).mean(),
        inside.sum() / (k * len(b)),
        inside.any(1).mean(),
    )
    assert found[:4] == pytest.approx(expected)
    assert found.settings[2:] == (3, 60, 50)


def test_one_distribution():
    a, b = classes(2000, np.arange(10), 1), classes(2000, np.arange(10), 2)
    found = neighbourhoods(a, b, k=5)
    assert found.density == pytest.approx(1, abs=0.05)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)  # Naeem et al. 2020, eq. 10
    assert min(found.precision, found.recall) > 0.9
    assert two_sample_test(a, b).p_value > 0.01


def test_a_dropped_class_lowers_recall_and_coverage_alone():
    a, b = classes(2000, np.arange(10), 1), classes(2000, np.arange(7), 2)
    full = neighbourhoods(a, classes(2000, np.arange(10), 3))
    found = neighbourhoods(a, b)
    assert found.precision > 0.9
    assert found.density > 0.9
    assert found.recall == pytest.approx(0.7 * full.recall, abs=0.04)
    assert found.coverage == pytest.approx(0.7, abs=0.04)
    assert frechet_distance(a, b).distance > 5 * frechet_distance(a, a[::2]).distance
    assert two_sample_test(a, b).p_value < 1e-6


def test_repeated_rows_lower_diversity():
    a = classes(2000, np.arange(10), 1)
    b = np.repeat(classes(100, np.arange(10), 2), 20, axis=0)
    found = neighbourhoods(a, b)
    assert found.precision > 0.9
    assert found.density == pytest.approx(1, abs=0.2)
    assert found.recall < 0.1
    assert found.coverage < 0.4


def test_a_memorised_training_set_is_seen_by_the_memorisation_test_alone():
    train, test = (classes(1500, np.arange(10), seed) for seed in (1, 2))
    copies = train[:1000] + normal(1000, 10, seed=3, scale=0.01)
    fooled = neighbourhoods(test, copies)
    assert min(fooled[:4]) > 0.85
    found = memorisation(train, test, copies)
    assert found.p_value < 1e-9
    assert found.statistic < -10
    assert found.closer == pytest.approx(1, abs=0.01)
    assert found.copies > 0.99
    assert found.copies_in_test < 0.05
    honest = memorisation(train, test, classes(1000, np.arange(10), 4))
    assert honest.p_value > 0.01
    assert honest.closer == pytest.approx(0.5, abs=0.03)
    assert honest.copies < 0.05


def test_memorising_one_class_is_seen_in_its_cell():
    train, test = (classes(3000, np.arange(10), seed) for seed in (1, 2))
    own = train[train[:, 0] > 5][:200]
    others = classes(1800, np.arange(1, 10), 4) * np.float32(1.15)  # all the others are too far
    b = np.concatenate([own, others])
    assert memorisation(train, test, b, cells=1).p_value > 0.5  # hidden in the whole
    cells = memorisation(train, test, b)
    assert cells.lowest < -10
    assert cells.copies > 0.09


def test_the_memorisation_statistic_is_the_rank_test():
    train, test, b = normal(200, seed=1), normal(80, seed=2), normal(90, seed=3, scale=0.9)
    found = memorisation(train, test, b, cells=1)
    of_test, of_b = (cdist(x, train).min(1) for x in (test, b))
    expected = stats.mannwhitneyu(of_b, of_test, alternative="less", use_continuity=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.closer == pytest.approx((of_b[:, None] < of_test).mean(), rel=1e-6)


def test_memorisation_p_values_are_even_for_honest_samples():
    p = [
        memorisation(normal(100, 4, s), normal(120, 4, 100 + s), normal(120, 4, 200 + s), cells=2)
        for s in range(60)
    ]
    assert stats.kstest([x.p_value for x in p], "uniform").pvalue > 0.01


def test_two_sample_test_with_another_classifier():
    a, b = normal(600, seed=1), normal(900, seed=2, shift=0.7)
    found = two_sample_test(a, b, classifier=KNeighborsClassifier(25))
    # the best of all classifiers: Φ(½ · 0.7 · √8)
    assert found.accuracy == pytest.approx(stats.norm.cdf(0.35 * 8**0.5), abs=0.05)
    assert found.classifier == "KNeighborsClassifier"
    assert found.n_judged == 600


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: neighbourhoods(normal(5), normal(5), k=5), "k=5 must be from 1 to less than"),
        (lambda: neighbourhoods(normal(5), normal(5, 3), k=2), "8 features cannot be compared"),
        (lambda: frechet_distance(normal(1), normal(5)), "real has 1 rows"),
        (lambda: frechet_distance(normal(5)[0], normal(5)), "cannot be compared: pass numbers"),
        (lambda: frechet_distance(normal(5) * np.nan, normal(5)), "NaN or infinity"),
        (lambda: memorisation(normal(9), normal(9), normal(9), cells=2), "pass more rows"),
        (lambda: memorisation(normal(9), normal(9), normal(9)), "cannot be parted into 10"),
        (
            lambda: frechet_distance(Embedding(normal(5), "rows", "ab"), normal(5)),
            "through the same Features",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def linear():
    network = Dense((64, 3), "relu")
    initialise(network, torch.Generator().manual_seed(0))
    return network


class TestFeatures:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    columns = Columns.learn(open_dataset(images))

    def test_rows_are_scaled(self):
        made = Features.rows(self.columns)(self.images)
        np.testing.assert_allclose(made.values, self.images.reshape(40, 64) / 255, rtol=1e-6)
        assert made.name == "rows"

    def test_random_features_depend_on_the_seed_alone(self):
        first, same = (Features.random(self.columns, n_features=5) for _ in range(2))
        other = Features.random(self.columns, n_features=5, seed=1)
        np.testing.assert_array_equal(first(self.images).values, same(self.images).values)
        assert first.hash == same.hash != other.hash
        with pytest.raises(ValueError, match="same Features"):
            frechet_distance(first(self.images), other(self.images))

    def test_own_network_goes_by_its_weights(self):
        network = linear()
        first = Features.of(network, self.columns)
        made = first(self.images)
        assert made.values.shape == (40, 3)
        with torch.no_grad():
            next(network.parameters())[0] += 1
        assert Features.of(network, self.columns).hash != first.hash

    def test_the_name_of_inception_is_kept_for_inception(self):
        network = linear()
        given = {
            name: Features.of(network, self.columns, name=name)(self.images)
            for name in ("classifier", "inception")
        }
        own, inception = (frechet_distance(e, e) for e in given.values())
        assert own.name == f"Fréchet distance on classifier {given['classifier'].hash}"
        assert (inception.name, kernel_distance(*[given["inception"]] * 2).name) == ("FID", "KID")

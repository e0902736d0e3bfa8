"""Measures of clusters, held against scikit-learn, all permutations and hand-made cases."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import NearestNeighbors

from diabolo.measures.clusters import agreement, contingency, modularity


def pairs(seed, rows=60, classes=4, clusters=4):
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    found = np.where(
        random.random(rows) < 0.6, labels % clusters, random.integers(clusters, size=rows)
    )
    return labels, found


@pytest.mark.parametrize("sizes", [(4, 4), (3, 5), (5, 3), (1, 4), (4, 1)])
def test_as_in_scikit_learn(sizes):
    for seed in range(5):
        labels, found = pairs(seed, classes=sizes[0], clusters=sizes[1])
        ours = agreement(labels, found)
        assert ours.nmi == pytest.approx(normalized_mutual_info_score(labels, found), abs=1e-12)
        assert ours.ari == pytest.approx(adjusted_rand_score(labels, found), abs=1e-12)


@pytest.mark.parametrize(("classes", "clusters"), [(4, 4), (3, 5), (5, 3)])
def test_accuracy_is_that_of_the_best_names(classes, clusters):
    labels, found = pairs(1, classes=classes, clusters=clusters)
    names = [*range(classes), *[-1] * max(0, clusters - classes)]
    best = max((np.array(order)[found] == labels).mean() for order in permutations(names, clusters))
    assert agreement(labels, found).accuracy == pytest.approx(best)


def test_names_do_not_matter():
    labels, found = pairs(2)
    words = np.array(["a", "b", "c", "d"])
    assert agreement(words[labels], 10 - found) == agreement(labels, found)
    assert agreement(labels, labels) == (1, 1, 1)
    assert agreement([0, 0], [5, 5]) == (1, 1, 1)
    assert agreement([1], [0]) == (1, 1, 1)


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match=r"labels of shape \(3,\) and clusters of shape \(2,\)"):
        contingency([1, 2, 3], [0, 0])
    with pytest.raises(ValueError, match="cannot be compared"):
        contingency([], [])


def newman(nearest, clusters):
    """Q = 1/2m Σ_ij (A_ij − k_i k_j / 2m) δ(c_i, c_j), from the whole table."""
    n = len(clusters)
    table = np.zeros((n, n))
    for i, row in enumerate(nearest):
        table[i, row] += 1
    table = table + table.T
    degree, twice = table.sum(1), table.sum()
    same = clusters[:, None] == clusters
    return ((table - np.outer(degree, degree) / twice) * same).sum() / twice


def test_modularity_is_newmans():
    random = np.random.default_rng(0)
    rows = random.normal(size=(50, 2)) + 4 * (np.arange(50) % 2)[:, None]
    near = NearestNeighbors(n_neighbors=5).fit(rows).kneighbors(return_distance=False)
    for clusters in (np.arange(50) % 2, random.integers(5, size=50), np.zeros(50, int)):
        assert modularity(near, clusters) == pytest.approx(newman(near, clusters), abs=1e-12)
    assert modularity(near, np.arange(50) % 2) > 0.45, "two halves that lie apart"
    assert modularity(near, np.zeros(50, int)) == 0

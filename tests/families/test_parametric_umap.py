"""A map that keeps neighbours and can be read backwards; neighbours beside rows for any family."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from diabolo.families import AUTOENCODERS, family
from diabolo.families.parametric_umap import ParametricUMAP


@pytest.fixture(scope="module")
def fitted(digits):
    train, _ = digits
    return ParametricUMAP(max_epochs=80, random_state=0, n_threads=1).fit(train)


def test_digits(fitted, digits):
    train, test = digits
    from sklearn.datasets import load_digits

    order = np.random.default_rng(0).permutation(1797)
    labels = load_digits().target[order]
    codes = fitted.transform(train), fitted.transform(test)
    right = KNeighborsClassifier(5).fit(codes[0], labels[:1400]).score(codes[1], labels[1400:])
    trust = trustworthiness(test, codes[1], n_neighbors=5)
    error = np.square((fitted.reconstruct(test) - test) / 16).mean()
    print(right, trust, error)
    assert right > 0.8  # PCA: 0.6
    assert trust > 0.85  # PCA: 0.83
    assert error < 0.045  # PCA: 0.053; the mean: 0.075


def test_history_names_the_term(fitted):
    first, last = fitted.history_.records[0], fitted.history_.records[-1]
    assert first["phase"] == "guided"
    assert last["phase"] == "joint"
    assert {"guide", "neighbours"} <= first["train"].keys()
    assert "guide" not in last["train"]


def test_held_out_rows_are_judged_with_neighbours_of_their_own(digits):
    train, _ = digits
    model = ParametricUMAP(max_epochs=3, early_stopping=True, random_state=0, n_threads=1)
    record = model.fit(train[:200]).history_.records[-1]
    assert 0 < record["validation"]["neighbours"] < 20


REFUSE = {
    "ImportanceWeightedAutoencoder": "no place for penalties",
    "ParametricTSNE": "keeps neighbours by itself",
}


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_any_family_can(name, rows):
    model = family(name)(
        neighbour_weight=2.0, n_neighbors=3, max_epochs=3, random_state=0, n_threads=1
    )
    if name in REFUSE:
        with pytest.raises(ValueError, match=REFUSE[name]):
            model.fit(rows)
        return
    last = model.fit(rows).history_.records[-1]["train"]
    assert any(term.endswith("neighbours") for term in last), last
    plain = family(name)(neighbour_weight=0.0, max_epochs=3, random_state=0, n_threads=1)
    assert not np.array_equal(model.transform(rows), plain.fit(rows).transform(rows))


def test_a_stack_tuned_for_labels_has_no_place_for_it(rows, labels):
    model = family("StackedAutoencoder")(neighbour_weight=1.0, fine_tune="labels")
    with pytest.raises(ValueError, match="pass fine_tune='reconstruction'"):
        model.fit(rows, labels)


def test_partial_fit_finds_neighbours_among_its_rows(rows):
    model = ParametricUMAP(random_state=0, n_threads=1).partial_fit(rows)
    model.partial_fit(rows[:7])
    assert "neighbours" in model.history_.records[-1]["train"]

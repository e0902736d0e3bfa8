"""The sparse dictionary finds what the data are made of."""

import numpy as np
import pytest

from diabolo.families import family


def made_of_atoms(rows=4000, atoms=64, features=32, active=3, seed=0):
    """(rows, features), each the sum of about `active` atoms, and the atoms, of length 1."""
    random = np.random.default_rng(seed)
    dictionary = random.normal(size=(atoms, features))
    dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True)
    used = random.random((rows, atoms)) < active / atoms
    return (used * random.uniform(0.5, 1.5, (rows, atoms))) @ dictionary, dictionary


def recovery(dictionary, found):
    """Mean over true atoms of the largest cosine with one that was found; 1 is all of them."""
    found = found / np.linalg.norm(found, axis=1, keepdims=True).clip(1e-12)
    return (dictionary @ found.T).max(1).mean()


@pytest.fixture(scope="module")
def made():
    return made_of_atoms()


@pytest.fixture(scope="module", params=["top-k", "batch-top-k"])
def fitted(request, made):
    model = family("SparseDictionary")(
        n_components=64, k=3, selection=request.param, max_epochs=30, random_state=0, n_threads=1
    )
    return model.fit(made[0])


def plain(X, weight):
    """What an L1 penalty on the code finds, in units of X."""
    model = family("SparseAutoencoder")(
        n_components=64,
        hidden_layer_sizes=(),
        sparsity="l1",
        sparsity_weight=weight,
        scaling="standard",
        max_epochs=30,
        random_state=0,
        n_threads=1,
    ).fit(X)
    return model.module_.decoder.layers[0].weight.detach().numpy().T * model.columns_.scale


def test_the_atoms_are_found_and_better_than_by_l1(fitted, made):
    X, dictionary = made
    found = recovery(dictionary, fitted.atoms_ * fitted.columns_.scale)
    l1 = max(recovery(dictionary, plain(X, weight)) for weight in (1.0, 3.0))
    chance = recovery(dictionary, np.random.default_rng(1).normal(size=(64, 32)))
    print(f"{fitted.selection}: cosine {found:.3f}, L1 {l1:.3f}, chance {chance:.3f}")
    assert found > 0.85
    assert found > l1 + 0.05
    assert chance < 0.6


def test_few_units_are_in_use_and_the_history_says_so(fitted, made):
    used = (fitted.transform(made[0]) != 0).sum(1)
    assert used.mean() == pytest.approx(3, rel=0.15)
    assert (used.std() > 0.3) == (fitted.selection == "batch-top-k")
    record = fitted.history_.records[-1]["validation"]
    assert record["L0"] == pytest.approx(used.mean(), rel=0.1)
    assert record["explained_variance"] > 0.6
    assert record["dead"] < 0.1


def test_atoms_have_length_one(fitted):
    np.testing.assert_allclose(np.linalg.norm(fitted.atoms_, axis=1), 1, rtol=1e-5)


def test_units_that_never_spoke_are_brought_back(made):
    """Biases keep half of the units from being among the largest; the gradient does, too."""
    left = {}
    for revival in (0.0, 1 / 32):
        model = family("SparseDictionary")(
            n_components=64, k=3, revival=revival, max_epochs=8, random_state=0, n_threads=1
        )
        model.partial_fit(made[0][:64])
        model.module_.encoder.layers[0].bias.data[:32] = -2.5
        for _ in range(8):
            model.partial_fit(made[0])
        left[revival] = model.history_.records[-1]["train"]["dead"]
    print(left)
    assert left[0.0] > 0.4
    assert left[1 / 32] < 0.6 * left[0.0]


def test_sizes_follow_the_data_and_those_that_do_not_fit_are_refused(rows):
    model = family("SparseDictionary")(max_epochs=1).fit(rows)
    assert model.atoms_.shape == (24, 6)
    with pytest.raises(ValueError, match="k=5 units cannot be kept of 3: pass a smaller k"):
        family("SparseDictionary")(n_components=3, k=5).fit(rows)
    with pytest.raises(ValueError, match="are no mirror images: pass tied=False"):
        family("SparseDictionary")(tied=True).fit(rows)

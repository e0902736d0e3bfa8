"""Description lengths against the likelihood of models that have one in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

import diabolo
from diabolo import open_dataset
from diabolo.data.columns import Columns
from diabolo.measures.description import FINE, description_length, resolution
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts.codes import Deterministic
from diabolo.parts.likelihoods import Gaussian
from diabolo.parts.networks import Dense

D, K, NOISE = 10, 3, 0.5


@pytest.fixture(scope="module")
def loadings():
    return np.random.default_rng(1).normal(size=(D, K))


@pytest.fixture(scope="module")
def drawn(loadings):
    """Rows of probabilistic PCA, (3000, D)."""
    dice = np.random.default_rng(0)
    noise = NOISE * dice.normal(size=(3000, D))
    return (dice.normal(size=(3000, K)) @ loadings.T + noise).astype(np.float32)


def linear(rows, k):
    """PCA of these rows as an autoencoder."""
    pca = PCA(k).fit(rows)
    module = AutoencoderModule(Dense((D, k)), Deterministic(k), Dense((k, D)), Gaussian())
    with torch.no_grad():
        module.encoder.layers[0].weight.copy_(torch.from_numpy(pca.components_))
        module.encoder.layers[0].bias.copy_(torch.from_numpy(-pca.components_ @ pca.mean_))
        module.decoder.layers[0].weight.copy_(torch.from_numpy(pca.components_.T))
        module.decoder.layers[0].bias.copy_(torch.from_numpy(pca.mean_))
    return module


def length(rows, module, **words):
    columns = Columns.learn(open_dataset(rows), "none")
    x = torch.from_numpy(rows)
    return description_length(module, columns, Example(x[:2000]), Example(x[2000:]), **words)


def test_of_probabilistic_pca_it_is_the_likelihood(loadings, drawn):
    covariance = loadings @ loadings.T + NOISE**2 * np.eye(D)
    log_p = multivariate_normal(np.zeros(D), covariance).logpdf(drawn[2000:])
    true = -log_p.mean() - D * math.log(FINE)
    found = length(drawn, linear(drawn[:2000], K))
    assert true - 0.05 < found.total < true + 0.3, "an upper bound, and a tight one"
    assert found.total == pytest.approx(found.each.mean(), rel=1e-5)
    assert found.standard_error == pytest.approx(found.each.std() / math.sqrt(1000))


def test_the_true_dimension_is_the_shortest(drawn):
    totals = [length(drawn, linear(drawn[:2000], k)).total for k in (1, 2, 3, 6)]
    assert totals.index(min(totals)) == 2
    assert totals[3] < totals[0], "too many are cheaper than too few"


def test_a_code_of_another_scale_costs_the_same(drawn):
    module = linear(drawn[:2000], K)
    before = length(drawn, module).total
    with torch.no_grad():
        for part in module.encoder.layers[0].parameters():
            part *= 100
        module.decoder.layers[0].weight /= 100
    assert length(drawn, module).total == pytest.approx(before, rel=1e-3)


def test_groups_make_a_mixture_pay(drawn):
    dice = np.random.default_rng(0)
    centres = 8 * dice.normal(size=(4, D))
    rows = (centres[dice.integers(0, 4, 3000)] + 0.3 * dice.normal(size=(3000, D))).astype("f4")
    module = linear(rows[:2000], K)
    assert length(rows, module, clusters=4).total < length(rows, module).total - 1


def test_a_code_that_does_not_move_costs_nothing(drawn):
    module = linear(drawn[:2000], K)
    with torch.no_grad():
        module.encoder.layers[0].weight.zero_()
    found = length(drawn, module)
    assert found.rate == pytest.approx(0, abs=1e-3)
    assert np.isfinite(found.total)


def test_binary_rows_cost_their_own_entropy():
    rows = (np.random.default_rng(0).random((3000, D)) < 0.3).astype(np.float32)
    module = linear(rows[:2000], K)
    entropy = -D * (0.3 * math.log(0.3) + 0.7 * math.log(0.7))
    with torch.no_grad():
        for parameter in module.encoder.parameters():
            parameter.zero_()
    assert length(rows, module).total == pytest.approx(entropy, rel=0.01)


def test_mixed_tables_with_gaps():
    import polars as pl

    dice = np.random.default_rng(0)
    kind = dice.integers(0, 3, 300)
    size = [None if i % 17 == 0 else float(v) for i, v in enumerate(kind + dice.normal(size=300))]
    table = pl.DataFrame({"kind": np.array(["a", "b", "c"])[kind], "size": size})
    model = diabolo.Autoencoder(max_epochs=3, random_state=0, n_threads=1).fit(table)
    dataset = open_dataset(table, schema=model.columns_.schema)
    x = model.columns_.scaled(torch.from_numpy(dataset.rows.take(np.arange(300))))
    found = description_length(model.module_, model.columns_, Example(x[:200]), Example(x[200:]))
    assert np.isfinite(found.each).all()


def test_whole_numbers_have_their_own_resolution():
    rows = np.random.default_rng(0).integers(0, 17, (50, 4)).astype(float)
    assert resolution(Columns.learn(open_dataset(rows))) == pytest.approx(np.full(4, 1 / 16))
    assert resolution(Columns.learn(open_dataset(rows + 0.3 * rows**2))).max() <= FINE + 1e-12

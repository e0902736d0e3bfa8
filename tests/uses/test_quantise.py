"""Codes by eight bits: near those of the model, and their price measured right."""

import copy

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

import diabolo
from diabolo.families import family
from diabolo.parts import int8
from diabolo.uses.quantise import BOUND, Price, TooCoarseError, quantised

NO_BOUND = Price(code=np.inf, reconstruction=np.inf, neighbours=0.0)


@pytest.fixture(scope="module")
def digits():
    return load_digits()["data"]


@pytest.fixture(scope="module")
def model(digits):
    sizes = {"n_components": 8, "hidden_layer_sizes": (60, 40)}
    return diabolo.Autoencoder(max_epochs=20, random_state=0, **sizes).fit(digits)


@pytest.fixture(scope="module")
def fast(model, digits):
    return quantised(model, digits)


def test_codes_are_near(fast, model, digits):
    exact, coarse = model.transform(digits), fast.transform(digits)
    assert coarse.dtype == np.float32
    off = np.sqrt(((coarse - exact) ** 2).sum(1).mean() / exact.var(0).sum())
    assert 0.001 < off < 0.03
    assert fast.price.within(BOUND)


def test_the_price_is_that_of_rows_no_range_was_laid_over(fast, model, digits):
    judged = digits[1::2]
    exact, coarse = model.transform(judged), fast.transform(judged)
    off = np.sqrt(((coarse - exact) ** 2).sum(1).mean() / exact.var(0).sum())
    assert fast.price.code == pytest.approx(off, rel=1e-4)

    def error(codes):
        return np.mean((model.inverse_transform(codes) - judged) ** 2)

    grown = error(coarse) / error(exact) - 1
    assert fast.price.reconstruction == pytest.approx(grown, abs=1e-4)

    def nearest(codes):
        found = NearestNeighbors(n_neighbors=10).fit(codes).kneighbors(return_distance=False)
        return [set(row) for row in found]

    kept = np.mean([len(a & b) for a, b in zip(nearest(exact), nearest(coarse), strict=True)]) / 10
    assert fast.price.neighbours == pytest.approx(kept, abs=1e-3)


@pytest.mark.parametrize(
    "name", ["VariationalAutoencoder", "SparseAutoencoder", "StackedAutoencoder", "HierarchicalVAE"]
)
def test_dense_encoders_of_any_family(name, digits):
    estimator = family(name)(max_epochs=3, random_state=0, n_components=6).fit(digits)
    fast = quantised(estimator, digits, bound=Price(0.05, 0.05, 0.8))
    assert fast.transform(digits).shape == (len(digits), 6)


def test_a_row_does_not_depend_on_its_company(fast, digits):
    whole = fast.transform(digits)
    order = np.random.default_rng(0).permutation(len(digits))
    assert np.array_equal(fast.transform(digits[order]), whole[order])
    for size in (1, 7, 33, 1024):
        assert np.array_equal(fast.transform(digits[:size]), whole[:size])


def test_an_outlier_keeps_its_own_code(fast, model, digits):
    rows = digits[:40].copy()
    rows[5] *= 10
    codes = fast.transform(rows)
    assert np.array_equal(codes[5], model.transform(rows)[5])
    others = np.arange(40) != 5
    assert np.array_equal(codes[others], fast.transform(digits[:40])[others])
    cut = fast.module.encode(torch.from_numpy(rows[5:6] / 16).float())  # without that rule
    assert np.abs(cut.numpy() - codes[5]).max() > 1


def test_the_model_stays_as_it_is(model, digits):
    before, codes = copy.deepcopy(model.module_.state_dict()), model.transform(digits)
    quantised(model, digits)
    after = model.module_.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert np.array_equal(model.transform(digits), codes)


def test_with_a_context(digits):
    side = np.eye(3)[np.arange(len(digits)) % 3]
    model = diabolo.Autoencoder(max_epochs=3, random_state=0).fit(digits, context=side)
    fast = quantised(model, digits, context=side)
    exact, coarse = (m.transform(digits, context=side) for m in (model, fast))
    assert np.corrcoef(exact.ravel(), coarse.ravel())[0, 1] > 0.99
    with pytest.raises(ValueError, match="was fitted with 3 context columns, got none"):
        fast.transform(digits)


def test_a_mixed_table():
    random = np.random.default_rng(0)
    kinds, sizes = random.choice(["a", "b", "c"], 600), random.normal(size=600)
    frame = pl.DataFrame({"kind": kinds, "size": sizes, "more": sizes + random.normal(size=600)})
    frame = frame.with_columns(
        pl.when(pl.col("size") > 1.5).then(None).otherwise("more").alias("more")
    )
    model = diabolo.Autoencoder(n_components=2, max_epochs=5, random_state=0).fit(frame)
    fast = quantised(model, frame, bound=NO_BOUND)
    assert fast.price.code < 0.05
    assert np.abs(fast.transform(frame) - model.transform(frame)).max() < 0.5


def test_too_coarse_is_refused(model, digits, monkeypatch):
    with pytest.raises(
        TooCoarseError, match="too coarse for this encoder .codes off by 1.+allowed"
    ):
        quantised(model, digits, bound=BOUND._replace(code=1e-4))
    with pytest.raises(TooCoarseError, match="reconstruction"):
        quantised(model, digits, bound=BOUND._replace(reconstruction=-1.0))
    with pytest.raises(TooCoarseError, match="neighbours"):
        quantised(model, digits, bound=BOUND._replace(neighbours=1.0))
    monkeypatch.setattr(int8, "LEVELS", 7)  # three bits of the inputs
    with pytest.raises(TooCoarseError) as refused:
        quantised(model, digits)
    assert refused.value.price.code > 0.05


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda X: diabolo.ConvolutionalAutoencoder(), "ConvolutionalAutoencoder cannot count in"),
        (lambda X: diabolo.Autoencoder(encoder=_Halves(), n_components=32), "has no linear layer"),
    ],
    ids=["convolutional", "own"],
)
def test_encoders_it_is_not_for(make, sentence, digits):
    X = digits[:200].reshape(-1, 8, 8)
    model = make(X).set_params(max_epochs=1, random_state=0).fit(X)
    with pytest.raises(ValueError, match=sentence):
        quantised(model, X)


class _Halves(torch.nn.Module):
    """The upper half of an image as its code."""

    def forward(self, x):
        return x[:, :32]


def test_other_bad_input_is_one_sentence(model, digits, monkeypatch):
    with pytest.raises(ValueError, match="99 rows are too few to lay ranges over"):
        quantised(model, digits[:99])
    with pytest.raises(ValueError, match="X has 63 features, but Autoencoder is expecting 64"):
        quantised(model, digits[:, 1:])
    with pytest.raises(ValueError, match="AnomalyDetector is no autoencoder that makes codes"):
        quantised(diabolo.AnomalyDetector(), digits)
    with pytest.raises(ValueError, match="is not fitted yet"):
        quantised(diabolo.Autoencoder(), digits)
    monkeypatch.setattr(int8, "available", lambda: False)
    with pytest.raises(ValueError, match="cannot multiply bytes on this processor"):
        quantised(model, digits)


def test_it_says_what_it_costs():
    assert str(Price(0.0094, 0.0012, 0.982)) == (
        "codes off by 0.9% of their spread, reconstruction error +0.1%, "
        "98% of the nearest neighbours kept"
    )

"""Likelihoods that do not fit the data, provoked one by one."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import diabolo


@pytest.fixture
def binary():
    return (np.random.default_rng(0).random((200, 8)) < 0.3).astype(float)


def test_gaussian_for_yes_or_no(binary, short, findings):
    model = diabolo.Autoencoder(likelihood="gaussian", max_epochs=1, **short).fit(binary)
    found = findings(model)["likelihood"]
    assert found.finding == "Gaussian, but every value is 0 or 1"
    assert found.remedy.startswith("Use likelihood='bernoulli'")
    model = diabolo.Autoencoder(max_epochs=1, **short).fit(binary)
    assert "likelihood" not in findings(model)


def test_bernoulli_for_numbers(rows, short, findings):
    words = {"likelihood": "bernoulli", "scaling": "minmax", "max_epochs": 1}
    found = findings(diabolo.Autoencoder(**words, **short).fit(rows))["likelihood"]
    assert found.is_warning
    assert "neither near 0 nor near 1" in found.finding


def test_bernoulli_for_greys_is_common_and_silent(short, findings):
    words = {"likelihood": "bernoulli", "max_epochs": 1}
    model = diabolo.Autoencoder(**words, **short).fit(load_digits().data)
    assert "likelihood" not in findings(model)


def test_a_fixed_variance_that_drowns_the_data(findings):
    model = diabolo.VariationalAutoencoder(
        likelihood="gaussian", max_epochs=10, random_state=0, n_threads=1
    ).fit(load_digits().data)
    found = findings(model)["likelihood"]
    assert found.is_warning
    assert "takes noise of variance 1 for granted" in found.finding
    assert found.remedy.startswith("Use likelihood='gaussian-shared'")


def test_a_learned_variance_that_is_too_sure(rows, short, findings):
    words = {"likelihood": "gaussian-shared", "max_epochs": 2}
    model = diabolo.Autoencoder(**words, **short).fit(rows)
    with torch.no_grad():
        model.module_.likelihood.log_scale.fill_(-5.0)
    found = findings(model)["likelihood"]
    assert found.is_warning
    assert "too sure of itself" in found.finding


def test_values_beyond_the_range(short, findings):
    X = load_digits().data
    model = diabolo.Autoencoder(likelihood="gaussian", max_epochs=1, **short).fit(X)
    assert "range" not in findings(model)
    model.partial_fit(np.where(np.arange(64) == 20, X + 40, X))
    found = findings(model)["range"]
    assert "1.6% of the values lie outside" in found.finding
    assert "most of them in column 20" in found.finding or "pixel" in found.finding
    assert "from 0 to 16" in found.finding


def test_outputs_stuck_at_an_end_on_data_out_of_range(short, findings):
    X = load_digits().data
    model = diabolo.Autoencoder(likelihood="gaussian", lr=0.05, max_epochs=2, **short).fit(X)
    for _ in range(5):
        model.partial_fit(X * 20 - 100)
    found = findings(model)
    assert found["range"].is_warning
    assert found["outputs"].is_warning
    assert "stuck at 0 or 1" in found["outputs"].finding


def test_an_outlier_that_outweighs_the_rest(rows, short, findings):
    X = np.repeat(rows, 5, 0)
    X[7, 3] = 5e3
    found = findings(diabolo.Autoencoder(max_epochs=1, **short).fit(X))["likelihood"]
    assert found.severity == "note"
    assert found.finding.startswith("column 3 has a value ")
    assert found.remedy == "Take its logarithm, or clip it"

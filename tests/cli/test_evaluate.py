"""Figures of a model on data, held against scikit-learn's PCA and plain numpy."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from diabolo import load


def test_errors_of_digits(diabolo, digits_model):
    code, out, err = diabolo("evaluate", digits_model, "digits", "--json")
    assert (code, err) == (0, "")
    measured = json.loads(out)
    x = load_digits().data / 16
    rebuilt = load(digits_model).reconstruct("digits").reshape(1797, 64) / 16
    error = np.square(x - rebuilt).sum(1).mean()
    assert measured["squared_error_per_row"] == pytest.approx(error, rel=1e-4)
    assert measured["squared_error_per_feature"] == pytest.approx(error / 64, rel=1e-4)
    assert measured["score"] == -measured["squared_error_per_feature"]
    pca = PCA(4).fit(x)
    error = np.square(x - pca.inverse_transform(pca.transform(x))).sum(1).mean()
    assert measured["pca"]["squared_error_per_row"] == pytest.approx(error, rel=1e-4)
    assert measured["pca"]["components"] == measured["code"] == 4
    assert measured["log_likelihood"] is None


def test_the_page_says_the_same(diabolo, digits_model):
    measured = json.loads(diabolo("evaluate", digits_model, "digits", "--json").out)
    page = diabolo("evaluate", digits_model, "digits").out
    assert page.startswith("Autoencoder on 1,797 images of 8x8 of digits\n")
    assert f"{measured['squared_error_per_row']:.4g} per row\n" in page
    assert f"{measured['pca']['squared_error_per_row']:.4g} per row, fitted to 1,797 rows" in page
    assert "PCA, 4 components" in page
    assert "log-likelihood" not in page


def test_a_variational_model_has_a_likelihood(diabolo, vae_model, table):
    result = diabolo("evaluate", vae_model, table, "--samples", 20, "--json")
    measured = json.loads(result.out)["log_likelihood"]
    estimate = load(vae_model).log_likelihood(str(table), 20, random_state=0)
    assert measured["nats_per_row"] == pytest.approx(estimate.mean, rel=1e-6)
    assert measured["standard_error"] == pytest.approx(estimate.standard_error, rel=1e-6)
    assert (measured["draws"], measured["rows"]) == (20, 120)
    page = diabolo("evaluate", vae_model, table, "--samples", 20).out
    assert f"{estimate.mean:.1f}"[:4] in page
    assert "nats per row (standard error; 20 draws, 120 rows)" in page


def test_one_row(diabolo, vae_model, frame, tmp_path):
    frame.drop("kind").head(1).write_csv(tmp_path / "one.csv")
    code, out, err = diabolo("evaluate", vae_model, tmp_path / "one.csv")
    assert (code, err) == (0, "")
    assert "would lose nothing" in out
    assert "1 row" in out


def test_bad_data_are_one_sentence(diabolo, vae_model):
    result = diabolo("evaluate", vae_model, "digits")
    assert (result.code, result.out) == (1, "")
    assert "digits has images of 8x8, but the model was fitted on 5 features" in result.err

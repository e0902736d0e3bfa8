"""Right figures beside PCA, means and modes; over- and under-fitting, each provoked."""

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import diabolo
from diabolo import open_dataset
from diabolo.estimators.fits import Fits


def figure(finding, after):
    return float(finding.finding.partition(after)[2].split()[0].strip(".;,"))


def test_errors_on_held_out_rows_beside_pca(rows, short, findings):
    model = diabolo.Autoencoder(n_components=2, max_epochs=3, **short).fit(rows)
    found = findings(model)["reconstruction"]
    fits = Fits(model, open_dataset(rows))
    assert "on 30 held-out rows" in found.finding
    error = -model.score(rows[fits.held_out])
    assert figure(found, "squared error ") == pytest.approx(error, rel=1e-3)
    scaled = (rows - model.columns_.offset) / model.columns_.scale
    pca = PCA(2).fit(scaled[fits.train])
    rebuilt = pca.inverse_transform(pca.transform(scaled[fits.held_out]))
    error = np.square(scaled[fits.held_out] - rebuilt).mean()
    assert figure(found, "2 components: ") == pytest.approx(error, rel=1e-3)
    assert found.is_warning
    assert found.finding.endswith("Worse than PCA")
    assert found.remedy == "Train for more epochs"


def test_what_is_held_back_on_purpose_may_be_loosened(rows, short, findings):
    model = diabolo.DenoisingAutoencoder(n_components=2, max_epochs=1, **short).fit(rows)
    assert "loosen its noise, penalty or beta" in findings(model)["reconstruction"].remedy


def test_a_penalty_may_cost_some_of_what_pca_explains(findings):
    model = diabolo.BetaVAE(beta=4, max_epochs=60, random_state=0, n_threads=1)
    found = findings(model.fit(load_digits().data))["reconstruction"]
    assert found.severity == "note"
    assert "Worse than PCA, which its noise, penalty or rate may be worth" in found.finding


def test_under_fitting_is_named_where_even_training_rows_are_rebuilt_badly(rows, short, findings):
    model = diabolo.Autoencoder(n_components=2, max_epochs=3, lr=1e-4, **short).fit(rows)
    found = findings(model)
    assert found["under-fitting"].is_warning
    assert "on training rows" in found["under-fitting"].finding


@pytest.mark.parametrize("hidden", [(512, 256)])
def test_overfitting_of_a_hundred_rows_by_a_huge_network(hidden, findings):
    X = load_digits().data[:110]
    model = diabolo.Autoencoder(
        n_components=32,
        hidden_layer_sizes=hidden,
        max_epochs=150,
        n_iter_no_change=150,
        random_state=0,
        n_threads=1,
    ).fit(X)
    found = findings(model)["over-fitting"]
    assert found.is_warning
    assert figure(found, "held-out error is ") > 1.2
    assert found.remedy == "Use a smaller network or code, noise on the input, or more rows"


def test_over_fitting_of_noise(findings):
    noise = np.random.default_rng(0).normal(size=(80, 30))
    model = diabolo.Autoencoder(
        n_components=20,
        hidden_layer_sizes=(200,),
        max_epochs=200,
        lr=0.01,
        n_iter_no_change=200,
        random_state=0,
        n_threads=1,
    )
    assert findings(model.fit(noise))["over-fitting"].is_warning


def test_without_held_out_rows(rows, short, findings):
    model = diabolo.Autoencoder(n_components=2, max_epochs=2, early_stopping=False, **short)
    found = findings(model.fit(rows))
    assert "on 300 training rows" in found["reconstruction"].finding
    assert "over-fitting" not in found


def test_a_wide_code_is_not_held_against_pca(rows, short, findings):
    model = diabolo.DenoisingAutoencoder(n_components=9, max_epochs=1, **short).fit(rows)
    found = findings(model)["reconstruction"]
    assert not found.is_warning
    assert found.finding.endswith("the code has 9 units for 8 features, so PCA would lose nothing")


def test_mixed_tables_stand_beside_means_and_modes(short, findings):
    dice = np.random.default_rng(0)
    kind = dice.integers(0, 3, 200)
    table = pl.DataFrame(
        {"kind": np.array(["a", "b", "c"])[kind], "size": kind + 0.1 * dice.normal(size=200)}
    )
    poor = diabolo.Autoencoder(max_epochs=1, lr=1e-6, **short).fit(table)
    found = findings(poor)["reconstruction"]
    assert found.is_warning
    assert "No better than those" in found.finding
    good = diabolo.Autoencoder(max_epochs=100, lr=1e-2, **short).fit(table)
    assert not findings(good)["reconstruction"].is_warning


def test_a_network_tuned_to_labels_is_not_held_to_reconstruction(rows, short, findings):
    model = diabolo.StackedAutoencoder(
        n_components=3, layers="plain", fine_tune="labels", max_epochs=5, tol=0, **short
    )
    model.fit(rows, rows[:, 0] > 0)
    held_out = Fits(model, open_dataset(rows)).held_out
    wrong = np.mean(model.predict(rows[held_out]) != (rows[held_out, 0] > 0))
    found = findings(model)
    assert found["labels"].finding == f"{wrong:.1%} of the held-out rows in the wrong class"
    assert not found["reconstruction"].is_warning

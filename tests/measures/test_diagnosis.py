"""The lines after a training: right figures, and a remedy exactly where something is wrong."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

import diabolo
from diabolo import open_dataset
from diabolo.estimators.fits import Fits
from diabolo.measures.diagnosis import diagnose
from diabolo.measures.rows import spread

SHORT = {"random_state": 0, "n_threads": 1, "hidden_layer_sizes": (16,)}


def rows(n=300, d=8, inner=3):
    random = np.random.default_rng(0)
    return random.normal(size=(n, inner)) @ random.normal(size=(inner, d))


def lines_of(estimator, X):
    dataset = open_dataset(X)
    found = [line.partition(": ")[::2] for line in diagnose(estimator.fit(dataset), dataset)]
    assert all(about and text for about, text in found)
    return dict(found)


def figure(line, after):
    return float(line.partition(after)[2].split()[0].strip(".;,"))


def test_errors_on_held_out_rows_beside_pca():
    X = rows()
    model = diabolo.Autoencoder(n_components=2, max_epochs=3, **SHORT)
    line = lines_of(model, X)["reconstruction"]
    fits = Fits(model, open_dataset(X))
    assert "on 30 held-out rows" in line
    error = -model.score(X[fits.held_out])
    assert figure(line, "squared error ") == pytest.approx(error, rel=1e-3)
    scaled = (X - model.columns_.offset) / model.columns_.scale
    pca = PCA(2).fit(scaled[fits.train])
    rebuilt = pca.inverse_transform(pca.transform(scaled[fits.held_out]))
    error = np.square(scaled[fits.held_out] - rebuilt).mean()
    assert figure(line, "2 components: ") == pytest.approx(error, rel=1e-3)
    assert line.endswith("Worse than PCA: train for more epochs")


def test_a_regularised_one_may_be_loosened():
    model = diabolo.DenoisingAutoencoder(n_components=2, max_epochs=1, **SHORT)
    assert "loosen its noise, penalty or beta" in lines_of(model, rows())["reconstruction"]


def test_nothing_to_complain_of():
    model = diabolo.Autoencoder(n_components=3, max_epochs=150, lr=0.01, **SHORT)
    lines = lines_of(model, rows(n=1000))
    assert (
        "Worse" not in lines["reconstruction"]
        or figure(lines["reconstruction"], "squared error ") < 1e-2
    )
    assert "Use a smaller" not in lines["over-fitting"]
    assert lines["training"].startswith("joint: held-out loss ")


def test_overfitting_is_named():
    noise = np.random.default_rng(0).normal(size=(80, 30))
    model = diabolo.Autoencoder(
        n_components=20,
        hidden_layer_sizes=(200,),
        max_epochs=200,
        lr=0.01,
        early_stopping=True,
        n_iter_no_change=200,
        random_state=0,
        n_threads=1,
    )
    line = lines_of(model, noise)["over-fitting"]
    assert figure(line, "held-out error is ") > 1.2
    assert line.endswith("Use a smaller network or code, noise on the input, or more rows")


def test_without_held_out_rows():
    model = diabolo.Autoencoder(n_components=2, max_epochs=2, early_stopping=False, **SHORT)
    lines = lines_of(model, rows())
    assert "on 300 training rows" in lines["reconstruction"]
    assert "over-fitting" not in lines


def test_a_wide_code_is_not_held_against_pca():
    model = diabolo.DenoisingAutoencoder(n_components=9, max_epochs=1, **SHORT)
    line = lines_of(model, rows())["reconstruction"]
    assert line.endswith("the code has 9 units for 8 features, so PCA would lose nothing")


def test_sparse_units_are_counted():
    model = diabolo.SparseAutoencoder(n_components=12, max_epochs=1, random_state=0, n_threads=1)
    dataset = open_dataset(rows())
    model.fit(dataset)
    with torch.no_grad():  # an encoder that says the same of every row
        for parameter in model.module_.encoder.parameters():
            parameter.zero_()
        list(model.module_.encoder.parameters())[-1].fill_(-3.0)
    lines = dict(line.partition(": ")[::2] for line in diagnose(model, dataset))
    assert lines["code units"] == (
        "12, mean activation 0.0474 (target 0.05), 12 dead, 0 always on. "
        "Many say nothing: use fewer units, or a weaker penalty"
    )
    with torch.no_grad():
        list(model.module_.encoder.parameters())[-1].fill_(3.0)
    lines = dict(line.partition(": ")[::2] for line in diagnose(model, dataset))
    assert "0 dead, 12 always on. Off its target: raise sparsity_weight" in lines["code units"]


def test_top_k_units_are_counted():
    model = diabolo.SparseAutoencoder(
        sparsity="top-k", k=2, n_components=12, max_epochs=1, random_state=0, n_threads=1
    )
    codes_line = lines_of(model, rows())["code units"]
    on = model.transform(rows()) != 0
    dead = int((~on.any(0)).sum())
    assert f", {dead} dead, " in codes_line
    assert "target" not in codes_line


@pytest.mark.parametrize(("weight", "active"), [(0.0, 0), (1.0, 4)])
def test_latent_units_that_say_something(weight, active):
    model = diabolo.VariationalAutoencoder(n_components=4, max_epochs=1, **SHORT)
    dataset = open_dataset(rows())
    model.fit(dataset)
    with torch.no_grad():
        last = list(model.module_.encoder.parameters())[-2]
        last.mul_(weight)
    lines = dict(line.partition(": ")[::2] for line in diagnose(model, dataset))
    assert lines["latent units"].startswith(f"{active} of 4 active")
    assert ("the decoder ignores the code" in lines["latent units"]) == (active == 0)


def test_a_classifier_tells_its_error():
    X = rows()
    model = diabolo.StackedAutoencoder(
        n_components=3, layers="plain", fine_tune="labels", max_epochs=5, tol=0, **SHORT
    )
    dataset = open_dataset(X)
    model.fit(dataset, X[:, 0] > 0)
    lines = dict(line.partition(": ")[::2] for line in diagnose(model, dataset))
    held_out = Fits(model, dataset).held_out
    wrong = np.mean(model.predict(X[held_out]) != (X[held_out, 0] > 0))
    assert lines["labels"] == f"{wrong:.1%} of the held-out rows in the wrong class"
    assert "Worse" not in lines["reconstruction"]


def test_constant_columns_are_named():
    X = rows()
    X[:, [2, 5]] = 7.0
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, **SHORT)
    assert lines_of(model, X)["input"] == "2 columns never vary (2, 5) and could be left out"


def test_a_loaded_model_gets_the_same_lines(tmp_path):
    dataset = open_dataset(rows())
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, **SHORT).fit(dataset)
    model.save(tmp_path / "m.st")
    assert diagnose(diabolo.load(tmp_path / "m.st"), dataset) == diagnose(model, dataset)


def test_a_part_of_the_rows_is_spread_evenly():
    part = spread(open_dataset(np.arange(22.0)[:, None]), 10)
    assert part.rows.take(np.arange(len(part)))[:, 0].tolist() == list(range(0, 22, 3))
    few = spread(open_dataset(np.arange(22.0)[:, None]), 10, np.array([3, 7]))
    assert few.rows.take(np.arange(2))[:, 0].tolist() == [3, 7]

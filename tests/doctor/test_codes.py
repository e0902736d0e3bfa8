"""Collapsed units, dimensions and codebooks: each provoked and counted."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import diabolo
from diabolo import open_dataset
from diabolo.estimators.fits import Fits


def test_a_huge_beta_collapses_the_code(findings):
    model = diabolo.VariationalAutoencoder(beta=200.0, max_epochs=15, random_state=0, n_threads=1)
    found = findings(model.fit(load_digits().data))["latent units"]
    assert found.is_warning
    assert found.finding == "0 of 16 active: the decoder ignores the code"
    assert found.remedy == "Use a smaller beta, or a longer warmup"


@pytest.mark.parametrize(
    ("kept", "severity"), [((1, 1, 1, 1), "fine"), ((1, 1, 1, 0), "fine"), ((1, 0, 0, 0), "note")]
)
def test_latent_units_are_counted(rows, short, findings, kept, severity):
    model = diabolo.VariationalAutoencoder(n_components=4, max_epochs=1, **short).fit(rows)
    with torch.no_grad():
        last = model.module_.encoder.layers[-1]
        last.weight[:4] *= torch.tensor(kept)[:, None]
    found = findings(model)["latent units"]
    assert found.finding.startswith(f"{sum(kept)} of 4 active")
    assert found.severity == severity


def test_a_codebook_that_collapsed(findings):
    """Entries far from every vector but one: all rows choose that."""
    model = diabolo.VQVAE(max_epochs=2, random_state=0, n_threads=1).fit(load_digits().data)
    with torch.no_grad():
        model.module_.code.codebook[:, 1:] += 1e3
    found = findings(model)["codebook"]
    assert found.is_warning
    assert found.finding.startswith("perplexity 1 of ")
    assert "places always say the same. It has collapsed" in found.finding


def test_perplexity_is_that_of_the_choices(findings):
    model = diabolo.FSQAutoencoder(max_epochs=20, random_state=0, n_threads=1)
    X = load_digits().data
    found = findings(model.fit(X))["codebook"]
    assert not found.is_warning
    held_out = X[Fits(model, open_dataset(X)).held_out]
    values = np.unique(model.transform(held_out).T, return_inverse=True)[1]
    perplexities = []
    for column in values.reshape(model.module_.code.dim, -1):
        share = np.bincount(column) / len(column)
        share = share[share > 0]
        perplexities.append(np.exp(-(share * np.log(share)).sum()))
    said = float(found.finding.split()[1])
    assert said == pytest.approx(np.mean(perplexities), rel=1e-2)


def test_sparse_units_are_counted(rows, findings):
    model = diabolo.SparseAutoencoder(n_components=12, max_epochs=1, random_state=0, n_threads=1)
    model.fit(rows)
    with torch.no_grad():  # an encoder that says the same of every row
        for parameter in model.module_.encoder.parameters():
            parameter.zero_()
        list(model.module_.encoder.parameters())[-1].fill_(-3.0)
    found = findings(model)["code units"]
    assert found.finding == (
        "12, mean activation 0.0474 (target 0.05), 12 dead, 0 always on. Many say nothing"
    )
    assert found.remedy == "Use fewer units, or a weaker penalty"


def test_units_that_are_always_on(rows, findings):
    model = diabolo.SparseAutoencoder(n_components=12, max_epochs=1, random_state=0, n_threads=1)
    model.fit(rows)
    with torch.no_grad():
        list(model.module_.encoder.parameters())[-1].fill_(9.0)
    found = findings(model)["code units"]
    assert "0 dead, 12 always on. Off its target" in found.finding
    assert found.remedy.startswith("Raise sparsity_weight")


def test_without_a_target_bounded_units_need_only_move(rows, findings):
    model = diabolo.ContractiveAutoencoder(
        n_components=6, max_epochs=1, random_state=0, n_threads=1
    )
    model.fit(rows)
    with torch.no_grad():
        list(model.module_.encoder.parameters())[-1][:] = 2.0
    found = findings(model)["code units"]
    assert not found.is_warning or "hardly move" in found.finding
    with torch.no_grad():
        list(model.module_.encoder.parameters())[-1][:] = 300.0
    del model._findings
    model.partial_fit(rows)
    found = findings(model)["code units"]
    assert found.finding.endswith("0 dead, 6 always on, 6 hardly move. Many say nothing")


def test_top_k_units_are_counted(rows, findings):
    model = diabolo.SparseAutoencoder(
        sparsity="top-k", k=2, n_components=12, max_epochs=1, random_state=0, n_threads=1
    ).fit(rows)
    found = findings(model)["code units"]
    on = model.transform(rows) != 0
    assert f", {int((~on.any(0)).sum())} dead, " in found.finding
    assert "target" not in found.finding


def test_dimensions_that_never_move(rows, short, findings):
    model = diabolo.Autoencoder(n_components=4, max_epochs=2, **short).fit(rows)
    with torch.no_grad():
        model.module_.encoder.layers[-1].weight[2:].zero_()
    found = findings(model)["code"]
    assert found.is_warning
    assert found.finding == "2 of 4 dimensions never move"
    assert found.remedy.startswith("A code of 2 would do")
    healthy = diabolo.Autoencoder(n_components=4, max_epochs=2, **short).fit(rows)
    assert "code" not in findings(healthy)

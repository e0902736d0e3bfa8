import numpy as np
import pytest
import torch

import diabolo


@pytest.fixture
def model(rows, short):
    return diabolo.Autoencoder(n_components=2, max_epochs=2, **short).fit(rows)


def test_far_from_zero_units_are_dead_or_always_on(rows, short, findings):
    X = rows + 1000
    model = diabolo.Autoencoder(n_components=2, scaling="none", max_epochs=3, **short).fit(X)
    found = findings(model)["hidden units"]
    level = model.module_.encoder.levels(torch.from_numpy(X).float())[0]
    dead, always_on = int((level == 0).all(0).sum()), int((level > 0).all(0).sum())
    assert found.is_warning
    assert f"{dead} of 16 dead, {always_on} always on" in found.finding
    assert found.remedy.startswith(("Scale the input", "Use a smaller lr"))


def test_dead_units_are_counted(model, findings):
    with torch.no_grad():
        model.module_.encoder.layers[0].bias[:10] = -1e3
    found = findings(model)["hidden units"]
    assert found.finding.startswith("level 1: 10 of 16 dead")
    assert "leaky_relu" in found.remedy


def test_units_that_are_always_on_are_counted(model, findings):
    with torch.no_grad():
        model.module_.encoder.layers[0].bias[:] = 1e3
    found = findings(model)["hidden units"]
    assert found.finding.startswith("level 1: 0 of 16 dead, 16 always on. It is linear")
    assert found.remedy


def test_healthy_ones_are_only_counted(model, findings):
    assert findings(model)["hidden units"].severity == "fine"


def test_feature_maps_are_on_where_any_place_is(findings):
    X = np.random.default_rng(0).integers(0, 17, (200, 64)).astype(float)
    model = diabolo.ConvolutionalAutoencoder(
        max_epochs=1, channels=(4,), random_state=0, n_threads=1
    ).fit(X)
    assert findings(model)["hidden units"].finding.startswith("4, ")
    with torch.no_grad():
        model.module_.encoder.layers[0].bias[:3] = -1e3
    del model._findings
    model.partial_fit(X)  # gives the doctor rows again; three maps get no gradient and stay dead
    assert findings(model)["hidden units"].finding.startswith("level 1: 3 of 4 dead")


def test_other_activations_are_never_exactly_off(rows, short, findings):
    model = diabolo.Autoencoder(n_components=2, max_epochs=1, activation="tanh", **short)
    assert "hidden units" not in findings(model.fit(rows))

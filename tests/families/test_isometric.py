"""The map is true to scale where there can be one: a rolled-up plane, laid flat."""

import numpy as np
import pytest
from sklearn.datasets import make_swiss_roll

import diabolo
from diabolo import Autoencoder, IsometricAutoencoder
from diabolo.families import isometric

QUICK = {"n_components": 2, "random_state": 0, "n_threads": 1}


def roll(n, seed=0):
    """Rows, and where they are on the plane before it is rolled up."""
    rows, t = make_swiss_roll(n, random_state=seed)
    along = (t * np.sqrt(1 + t * t) + np.arcsinh(t)) / 2
    return rows, np.stack([along, rows[:, 1]], 1)


def error(model, rows, plane):
    """Median relative error of distances in the code, in the units of the rows."""
    a, b = np.random.default_rng(0).integers(len(rows), size=(2, 500))
    codes = model.transform(rows) * model.columns_.scale[0]
    true = np.linalg.norm(plane[a] - plane[b], axis=1)
    found = np.linalg.norm(codes[a] - codes[b], axis=1)
    return np.median(np.abs(found - true)[true > 0] / true[true > 0])


@pytest.fixture(scope="module")
def unrolled():
    rows, plane = roll(800)
    return IsometricAutoencoder(max_epochs=40, **QUICK).fit(rows), rows, plane


def test_distances_in_the_code_are_those_on_the_roll(unrolled):
    model, rows, plane = unrolled
    assert error(model, rows, plane) < 0.05
    assert error(model, *roll(300, seed=1)) < 0.06  # of rows it has not seen
    plain = Autoencoder(max_epochs=30, scaling="shared", **QUICK).fit(rows)
    assert error(plain, rows, plane) > 0.3


def test_the_guide_comes_first_and_lets_go(unrolled):
    model, *_ = unrolled
    phases = [record["phase"] for record in model.history_.records]
    assert set(phases[: phases.index("joint")]) == {"guided"}
    assert set(phases[phases.index("joint") :]) == {"joint"}
    assert "guide" in model.history_.records[0]["train"]
    assert "guide" not in model.history_.records[-1]["train"]
    assert len(phases) <= 40


def test_without_a_guide_there_is_one_phase():
    rows, _ = roll(60)
    model = IsometricAutoencoder(guide=0, max_epochs=4, **QUICK).fit(rows)
    assert {record["phase"] for record in model.history_.records} == {"joint"}


def test_a_context_and_more_passes_go_along(tmp_path):
    rows, _ = roll(80)
    side = np.eye(2)[np.arange(80) % 2]
    model = IsometricAutoencoder(max_epochs=2, **QUICK).fit(rows, context=side)
    model.partial_fit(rows, context=side).save(tmp_path / "m.st")
    again = diabolo.load(tmp_path / "m.st")
    np.testing.assert_array_equal(
        again.transform(rows, context=side), model.transform(rows, context=side)
    )


def test_wide_codes_look_at_some_directions_only():
    rows = np.random.default_rng(0).normal(size=(50, 40))
    model = IsometricAutoencoder(n_components=isometric.EXACT + 1, max_epochs=2, random_state=0)
    assert model.fit(rows).module_.penalties[0].probes == isometric.EXACT // 2
    assert np.isfinite(model.transform(rows)).all()

"""Others' maps of the same rows, and the plane that a model decodes."""

import numpy as np
import pytest

from diabolo.families.parametric_umap import ParametricUMAP
from diabolo.uses import map as maps


def test_pca_is_always_there(monkeypatch):
    monkeypatch.setattr(maps, "find_spec", lambda name: None)
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    (pca,) = maps.rivals(rows)
    assert pca.name == "PCA"
    assert pca.codes.shape == (30, 2)
    line = np.arange(9.0, dtype=np.float32)[:, None]
    (flat,) = maps.rivals(line)  # of one column
    assert flat.codes.shape == (9, 2)
    assert flat.codes[:, 1] == pytest.approx(0)


@pytest.mark.parametrize(("module", "name"), [("umap", "UMAP"), ("openTSNE", "openTSNE")])
def test_others_where_they_are_installed(module, name):
    pytest.importorskip(module)
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    found = {rival.name: rival.codes for rival in maps.rivals(rows)}
    assert found[name].shape == (60, 2)


def test_the_plane_is_decoded_from_the_top_left():
    rows = np.random.default_rng(0).uniform(size=(40, 9)).astype(np.float32)
    model = ParametricUMAP(max_epochs=2, random_state=0, n_threads=1).fit(rows)
    codes = np.array([[0.0, 0.0], [1.0, 2.0]] * 50)
    found = maps.grid(model, codes, 3)
    assert found.shape == (9, 9)
    corner = model.inverse_transform(np.array([[0.0, 2.0]], np.float32))
    assert found[0] == pytest.approx(corner[0], abs=1e-5)


def test_qualities_are_by_name():
    rows = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    found = maps.qualities(rows, {"same": rows, "none": np.ones((40, 2), np.float32)}, None)
    assert found["same"].trustworthiness == pytest.approx(1)
    assert found["none"].stress == pytest.approx(1)

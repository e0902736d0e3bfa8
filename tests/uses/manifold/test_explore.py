"""Manifolds whose geometry is known: a sphere by its formula, and a roll learned from rows."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_swiss_roll

from diabolo import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    GenerativeAdversarialNetwork,
    IsometricAutoencoder,
    Manifold,
)
from diabolo.measures.dimension import significant
from diabolo.uses.manifold import explore

QUICK = {"random_state": 0, "n_threads": 1, "early_stopping": False}


class OntoSphere(torch.nn.Module):
    """Longitude and latitude → a point of the sphere of radius 3."""

    def forward(self, z):
        longitude, latitude = z.unbind(1)
        flat = torch.cos(latitude)
        return 3 * torch.stack(
            [flat * torch.cos(longitude), flat * torch.sin(longitude), torch.sin(latitude)], 1
        )


class FromSphere(torch.nn.Module):
    def forward(self, x):
        return torch.stack([torch.atan2(x[:, 1], x[:, 0]), torch.asin(x[:, 2] / 3)], 1)


@pytest.fixture(scope="module")
def globe():
    """A part of the sphere without a pole or the date line, and a model that is exact on it."""
    random = np.random.default_rng(0)
    z = np.stack([random.uniform(-1.5, 1.5, 600), random.uniform(-1.0, 1.0, 600)], 1)
    rows = OntoSphere()(torch.from_numpy(z)).numpy()
    model = Autoencoder(n_components=2, scaling="none", max_epochs=1, **QUICK).fit(rows)
    model.module_.encoder, model.module_.decoder = FromSphere(), OntoSphere()
    return Manifold(model, rows), rows, z


def on_the_globe(a, b):
    return 3 * np.arccos(np.clip((a * b).sum(-1) / 9, -1, 1))


def test_the_metric_of_a_sphere(globe):
    """r² diag(cos² latitude, 1), and by finite differences."""
    manifold, _, z = globe
    found = manifold.metric([3, 99, 200])
    for one, (_, latitude) in zip(found, z[[3, 99, 200]], strict=True):
        np.testing.assert_allclose(one, np.diag([9 * np.cos(latitude) ** 2, 9]), atol=1e-5)
    step, base = 1e-4, torch.from_numpy(z[[3]])
    decode = OntoSphere()
    sides = [
        (decode(base + move) - decode(base - move))[0].numpy() / (2 * step)
        for move in step * torch.eye(2, dtype=torch.float64)[:, None]
    ]
    np.testing.assert_allclose(found[0], np.inner(sides, sides), atol=1e-5)


def test_tangents_are_at_right_angles_to_the_radius(globe):
    manifold, rows, _ = globe
    bases = manifold.tangents()
    assert bases.shape == (600, 2, 3)
    np.testing.assert_allclose(
        bases @ bases.swapaxes(1, 2), np.tile(np.eye(2), (600, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.einsum("nkd,nd->nk", bases, rows), 0, atol=1e-5)


def test_encoder_and_decoder_undo_each_others_stretch(globe):
    manifold, *_ = globe
    index = np.arange(20)
    decoded, encoded = (manifold.spectrum(of, index) for of in ("decoder", "encoder"))
    assert (np.diff(decoded) <= 0).all()
    # the chart's own inverse off the sphere does not keep to tangents: along longitude it does
    np.testing.assert_allclose(decoded.min(1) * encoded.max(1), 1, rtol=0.05)


def test_geodesics_are_great_circles(globe):
    manifold, rows, _ = globe
    for a, b in [(0, 1), (17, 599)]:
        found = manifold.geodesic(a, b)
        true = on_the_globe(rows[a], rows[b])
        assert found.refined
        assert found.length == pytest.approx(true, rel=2e-3)
        assert found.by_graph >= found.length * (1 - 1e-3)
        assert manifold.distance(a, b) == found.length
        np.testing.assert_allclose(found.codes[[0, -1]], manifold.codes[[a, b]], atol=1e-6)


def test_the_graph_alone_is_a_little_too_long(globe):
    manifold, rows, _ = globe
    found = manifold.graph_distances([0, 7])
    true = np.stack([on_the_globe(rows[k], rows) for k in (0, 7)])
    assert np.median(found[true > 0] / true[true > 0]) == pytest.approx(1.02, abs=0.03)
    way = manifold.geodesic(0, 50, refine=False)
    assert not way.refined
    assert way.length == way.by_graph == pytest.approx(found[0, 50], rel=1e-2)


def test_rows_beside_the_graph_are_reached_through_it(globe, monkeypatch):
    manifold, rows, _ = globe
    monkeypatch.setattr(explore, "MOST", 200)
    sparse = Manifold(manifold.model, rows)
    found = sparse.geodesic(1, 301)  # neither is a third of the rows
    assert found.length == pytest.approx(on_the_globe(rows[1], rows[301]), rel=2e-3)
    with pytest.raises(ValueError, match="at most 200 rows"):
        sparse.graph_distances([0])


def test_a_way_to_itself_has_no_length(globe):
    manifold, *_ = globe
    found = manifold.geodesic(4, 4)
    assert found.length == pytest.approx(0, abs=1e-6)
    assert found.codes.shape == (explore.STEPS, 2)


def test_in_a_code_wider_than_the_manifold_ways_keep_to_the_rows():
    """The straight way through a ball would be shorter than the one over its surface."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(900, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    settings = {"hidden_layer_sizes": (), "activation": "identity", "scaling": "none", "lr": 0.02}
    model = DenoisingAutoencoder(n_components=3, level=0.0, max_epochs=40, **settings, **QUICK)
    model.fit(rows)
    manifold = Manifold(model, rows)
    assert round(manifold.dimension.value) == 2
    a, b = random.integers(900, size=(2, 30))
    found = np.array([manifold.geodesic(i, j).length for i, j in zip(a, b, strict=True)])
    true = np.arccos(np.clip((rows[a] * rows[b]).sum(1), -1, 1))
    assert np.median(np.abs(found - true) / true) < 0.05
    assert not manifold.geodesic(0, 1).refined


def test_a_learned_roll():
    rows, t = make_swiss_roll(800, random_state=0)
    plane = np.stack([(t * np.sqrt(1 + t * t) + np.arcsinh(t)) / 2, rows[:, 1]], 1)
    model = IsometricAutoencoder(n_components=2, max_epochs=40, random_state=0, n_threads=1)
    manifold = Manifold(model.fit(rows), rows)
    pairs = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    found = [manifold.distance(a, b) for a, b in pairs]
    true = [np.linalg.norm(plane[a] - plane[b]) for a, b in pairs]
    assert np.median(np.abs(np.divide(found, true) - 1)) < 0.03
    # the roll's tangents: along its axis, and (cos t − t sin t, sin t + t cos t) across
    across = np.stack([np.cos(t) - t * np.sin(t), 0 * t, np.sin(t) + t * np.cos(t)], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    truth = np.stack([across, np.tile([0.0, 1.0, 0.0], (len(t), 1))], 1)
    cosines = np.linalg.svd(manifold.tangents() @ truth.swapaxes(1, 2), compute_uv=False)
    assert np.median(np.degrees(np.arccos(np.clip(cosines.min(1), 0, 1)))) < 10


def test_what_a_contractive_autoencoder_keeps_has_the_dimension_of_the_rows():
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 2)) @ random.normal(size=(2, 8))
    settings = {"contraction": 1.0, "lr": 1e-2, "max_epochs": 40}
    model = ContractiveAutoencoder(n_components=5, **settings, **QUICK)
    manifold = Manifold(model.fit(rows), rows)
    values = manifold.spectrum()
    assert np.median(significant(values)) == 2
    np.testing.assert_allclose(np.median(values[:, :2], 0), 1, atol=0.15)
    there, back = (
        manifold.jacobians([7])[0],
        model.module_.jacobian(torch.from_numpy(manifold.rows[[7]])),
    )
    whole = np.linalg.svd(there @ back[0].numpy() / manifold.unit, compute_uv=False)
    np.testing.assert_allclose(values[7], whole[:5], atol=1e-5)


def test_a_context_goes_along():
    rows = np.random.default_rng(0).normal(size=(60, 3))
    side = np.eye(2)[np.arange(60) % 2]
    model = IsometricAutoencoder(n_components=2, max_epochs=2, random_state=0, n_threads=1)
    manifold = Manifold(model.fit(rows, context=side), rows, context=side)
    assert manifold.metric().shape == (60, 2, 2)
    assert manifold.geodesic(0, 2).codes.shape == (explore.STEPS, 2)


def test_what_cannot_be_explored_is_one_sentence(globe):
    manifold, rows, _ = globe
    for wrong, sentence in [
        (lambda: manifold.geodesic(0, 600), "row 600 is not among the 600 rows"),
        (lambda: manifold.geodesic(0, 1, steps=1), "pass at least 2"),
        (
            lambda: manifold.spectrum("both"),
            "of='both' is unknown: known are decoder, encoder, reconstruction",
        ),
    ]:
        with pytest.raises(ValueError, match=sentence):
            wrong()
    gan = GenerativeAdversarialNetwork(max_epochs=1, random_state=0, n_threads=1).fit(rows[:40])
    with pytest.raises(ValueError, match="has no encoder, so rows have no codes"):
        Manifold(gan, rows)

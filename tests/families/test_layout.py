"""LayoutAutoencoder: codes at the places of the layout, by the distance that suits the rows."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import diabolo
from diabolo import Autoencoder, LayoutAutoencoder, MixtureVAE
from diabolo.data.neighbours import fuzzy_graph
from diabolo.engine import checkpoint as checkpoints
from diabolo.estimators.layouts import layout
from diabolo.families.layout import as_numbers
from diabolo.families.mixture import settled
from diabolo.parts.priors import Mixture

QUICK = {"max_epochs": 20, "random_state": 0, "n_threads": 1}


@pytest.fixture(scope="module")
def blobs():
    random = np.random.default_rng(0)
    which = np.arange(120) % 3
    return random.normal(size=(120, 5)) + 6 * np.eye(5)[which], which


def test_codes_lie_where_the_layout_says(blobs):
    model = LayoutAutoencoder(n_components=2, lr=0.01, **QUICK | {"max_epochs": 150}).fit(blobs[0])
    x = torch.from_numpy(model.columns_.scaled(torch.from_numpy(blobs[0])).numpy()).float()
    places = layout(fuzzy_graph(x, 15, model._seeds.number("neighbours")), 2, model._seeds)
    away = np.square(model.transform(blobs[0]) - places).sum(1)
    assert np.median(away) < 0.05 * np.square(places).sum(1).mean()
    assert model.history_.phases == ["guided"]


def test_new_rows_are_placed_with_their_kind():
    data = load_digits()
    model = LayoutAutoencoder(random_state=0, n_threads=1, max_epochs=30).fit(data.images[:1300])
    codes = model.transform(data.images)
    nearest = KNeighborsClassifier(5).fit(codes[:1300], data.target[:1300])
    assert nearest.score(codes[1300:], data.target[1300:]) > 0.9  # 0.93


def test_distances():
    images = load_digits().images[:60]
    found = {
        distance: LayoutAutoencoder(distance=distance, **QUICK | {"max_epochs": 2})
        .fit(images)
        .transform(images)
        for distance in ("auto", "tangent", "euclidean")
    }
    np.testing.assert_array_equal(found["auto"], found["tangent"])
    assert not np.allclose(found["auto"], found["euclidean"])
    with pytest.raises(ValueError, match="distance='tangent' is between images"):
        LayoutAutoencoder(distance="tangent").fit(images.reshape(60, 64)[:, :40])


def test_without_a_guide_it_is_an_autoencoder(blobs):
    words = {"n_components": 2, **QUICK}
    free = LayoutAutoencoder(guide=0, **words).fit(blobs[0])
    plain = Autoencoder(**words).fit(blobs[0])
    np.testing.assert_array_equal(free.transform(blobs[0]), plain.transform(blobs[0]))


def test_a_context_goes_along(blobs):
    context = np.eye(3)[blobs[1]]
    model = LayoutAutoencoder(n_components=2, **QUICK).fit(blobs[0], context=context)
    assert model.transform(blobs[0], context=context).shape == (120, 2)
    with pytest.raises(ValueError, match="3 context columns"):
        model.transform(blobs[0])


def test_cells_of_a_mixed_table_have_distances():
    nan = float("nan")
    x = torch.tensor([[0.5, 2.0, 1.0], [nan, 0.0, nan]])
    numbers = as_numbers(x, (0, 3, 2))
    half = 0.5**0.5
    expected = torch.tensor([[0.5, 0, 0, half, 0, half], [0, half, 0, 0, 0, 0]])
    torch.testing.assert_close(numbers, expected)
    assert as_numbers(x, ()) is x
    other = as_numbers(torch.tensor([[0.5, 1.0, 1.0]]), (0, 3, 2))
    assert (numbers[0] - other[0]).norm() == pytest.approx(1)


def test_one_file(blobs, tmp_path):
    model = LayoutAutoencoder(nearby=5, guide=2.0, **QUICK).fit(blobs[0])
    model.save(tmp_path / "m.safetensors")
    again = diabolo.load(tmp_path / "m.safetensors")
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.transform(blobs[0]), model.transform(blobs[0]))


class TestAMixtureToStartFrom:
    def test_is_where_the_codes_are(self):
        random = np.random.default_rng(0)
        codes = random.normal(size=(400, 2)) * (0.3, 1.2) + 6 * (np.arange(400) % 2)[:, None]
        prior = Mixture(2, 2)
        settled(prior, codes.astype(np.float32), 0)
        means, logvars, log_weights = prior.components()
        order = means[:, 0].argsort()
        np.testing.assert_allclose(means[order].detach(), [[0, 0], [6, 6]], atol=0.2)
        np.testing.assert_allclose(
            logvars[order].detach().exp().sqrt(), [[0.3, 1.2]] * 2, rtol=0.15
        )
        np.testing.assert_allclose(log_weights.detach().exp(), [0.5, 0.5], atol=0.01)

    def test_is_fitted_once_in_a_run_that_is_taken_up_again(self, blobs, tmp_path, monkeypatch):
        words = {"start": "mixture", "n_clusters": 3, "n_components": 2, "batch_size": 40}
        whole = MixtureVAE(**words, **QUICK).fit(blobs[0])
        assert whole.history_.phases == ["plain", "joint"]
        path, saves = tmp_path / "run", []
        save = checkpoints.Checkpoint.save

        def broken(self, state):
            save(self, state)
            saves.append(0)
            if len(saves) == 40:  # of 60 steps: the mixture is there
                raise RuntimeError("out of power")

        with monkeypatch.context() as patch:
            patch.setattr(checkpoints.Checkpoint, "save", broken)
            with pytest.raises(RuntimeError, match="out of power"):
                MixtureVAE(**words, **QUICK, checkpoint=path, checkpoint_every=0).fit(blobs[0])
        again = MixtureVAE(**words, **QUICK, checkpoint=path, checkpoint_every=0).fit(blobs[0])
        np.testing.assert_array_equal(again.transform(blobs[0]), whole.transform(blobs[0]))

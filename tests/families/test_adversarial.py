"""The adversarial network finds every mode, obeys labels, and comes back from its file."""

import numpy as np
import pytest

import diabolo
from diabolo import GenerativeAdversarialNetwork
from diabolo.parts import networks

MODES = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])


def ring(rows, seed=0):
    """Eight Gaussians of standard deviation 0.1 on a circle of radius 1, and their numbers."""
    dice = np.random.default_rng(seed)
    which = dice.integers(0, 8, rows)
    return MODES[which] + 0.1 * dice.normal(size=(rows, 2)), which


def nearest(rows):
    far = np.linalg.norm(rows[:, None] - MODES, axis=2)
    return far.argmin(1), far.min(1)


def short(**settings):
    return GenerativeAdversarialNetwork(
        **{"max_epochs": 2, "random_state": 0, "n_threads": 1, **settings}
    )


@pytest.fixture(scope="module")
def told():
    """A network that was told which mode every row is of, by a name."""
    X, y = ring(2000)
    model = short(max_epochs=25, hidden_layer_sizes=(64, 64), batch_size=64)
    return model.fit(X, np.array(list("hgfedcba"))[y])


def test_all_modes_of_a_ring_are_found():
    model = short(max_epochs=30, hidden_layer_sizes=(64, 64), batch_size=64).fit(ring(2000)[0])
    which, far = nearest(model.sample(2000, random_state=0))
    shares = np.bincount(which, minlength=8) / 2000
    assert shares.min() > 0.125 / 2
    assert (far < 0.3).mean() > 0.8


def test_samples_suit_their_labels(told):
    labels = np.array(list("abcdefgh"))[np.arange(400) % 8]
    which, _ = nearest(told.sample(400, random_state=0, labels=labels))
    assert (np.array(list("hgfedcba"))[which] == labels).mean() > 0.9
    which, _ = nearest(told.sample(50, random_state=0, labels="c"))
    assert (which == 5).mean() > 0.9


def test_without_labels_they_are_drawn_with_the_shares_of_the_training():
    X, y = ring(600)
    y = np.where(y < 6, 1, 7)
    model = short().fit(X, y)
    np.testing.assert_allclose(model.class_shares_, [(y == 1).mean(), (y == 7).mean()])
    sides = model._conditions(None, None, 20_000, diabolo.estimators.seeds.Seeds(0).generator("x"))
    np.testing.assert_allclose(sides.mean(0), model.class_shares_, atol=0.015)


def test_labels_and_context_stand_side_by_side():
    X, y = ring(100)
    context = np.random.default_rng(0).normal(size=(100, 3))
    model = short().fit(X, y, context=context)
    assert model.sample(100, context=context).shape == (100, 2)
    with pytest.raises(ValueError, match="fitted with 11 context"):
        model.sample(100)
    model.partial_fit(X, y, context=context)


def test_a_file_keeps_the_classes(told, tmp_path):
    told.save(tmp_path / "model")
    again = diabolo.load(tmp_path / "model")
    X, _ = ring(50)
    assert list(again.classes_) == list("abcdefgh")
    for labels in (None, "b"):
        np.testing.assert_array_equal(
            again.sample(9, random_state=1, labels=labels),
            told.sample(9, random_state=1, labels=labels),
        )
        np.testing.assert_array_equal(
            again.score_samples(X, labels=labels and [labels] * 50),
            told.score_samples(X, labels=labels and [labels] * 50),
        )


def test_without_labels_a_verdict_is_the_mean_over_classes(told):
    X, _ = ring(20)
    each = [np.exp(told.score_samples(X, labels=[c] * 20)) for c in told.classes_]
    wanted = np.log((np.stack(each) * told.class_shares_[:, None]).sum(0))
    np.testing.assert_allclose(told.score_samples(X), wanted, rtol=1e-4, atol=1e-5)


def test_a_new_fit_without_labels_forgets_them():
    X, y = ring(60)
    model = short().fit(X, y).fit(X)
    assert not hasattr(model, "classes_")
    assert model.sample(3).shape == (3, 2)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, networks.Dense),
        ({"network": "convolutional"}, networks.ConvolutionalDecoder),
    ],
)
def test_images_of_any_shape(settings, kind):
    X = np.random.default_rng(0).integers(0, 256, (40, 9, 11, 3)).astype(np.uint8)
    model = short(**settings).fit(X, np.arange(40) % 3)
    assert type(model.module_.generator) is kind
    assert model.sample(5, labels=2).shape == (5, 9, 11, 3)
    assert model.sample(5).min() >= 0
    assert model.sample(5).max() <= 255


def test_large_images_get_convolutions():
    X = np.random.default_rng(0).integers(0, 256, (8, 33, 32)).astype(np.uint8)
    assert type(short(max_epochs=1).fit(X).module_.generator) is networks.ConvolutionalDecoder


@pytest.mark.parametrize("game", ["original", "non-saturating", "relativistic"])
@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
def test_every_game_and_noise_runs_and_says_what_happened(game, noise):
    model = short(game=game, noise=noise).fit(ring(100)[0])
    last = model.history_.records[-1]
    assert set(last["validation"]) == {"loss"}
    assert set(last["train"]) == {
        "generator/loss",
        *(f"discriminator/{t}" for t in ("loss", "game", "R1", "R2", "margin", "told apart")),
    }
    np.testing.assert_array_equal(model.sample(7, random_state=3), model.sample(7, random_state=3))


def test_the_epoch_that_is_kept_has_the_nearest_samples():
    model = short(max_epochs=12).fit(ring(400)[0])
    losses = [r["validation"]["loss"] for r in model.history_.records]
    assert losses[0] > 2 * min(losses)
    assert any("held-out loss" in note for note in model.history_.notes)


def test_bad_input_is_one_sentence(told):
    X, y = ring(40)
    with pytest.raises(ValueError, match="label 'z' was not among those fitted: 'a', 'b'"):
        told.sample(3, labels="z")
    with pytest.raises(ValueError, match="y has 2 labels for 3 rows"):
        told.sample(3, labels=["a", "b"])
    with pytest.raises(ValueError, match="fitted with labels: pass one for every row"):
        told.partial_fit(X)
    with pytest.raises(ValueError, match="fitted without labels: leave them out"):
        short().fit(X).sample(3, labels=1)
    with pytest.raises(ValueError, match="whole number of at least 1"):
        told.sample(0)
    with pytest.raises(ValueError, match="memory"):
        told.sample(10**15)
    with pytest.raises(ValueError, match="y has 39 labels for 40 rows"):
        short().fit(X, y[1:])

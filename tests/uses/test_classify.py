"""Classification on encoder features: labels where there are some, and a control beside it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import diabolo
from battery import carry_out, every_check
from diabolo import (
    Autoencoder,
    DenoisingAutoencoder,
    EncoderClassifier,
    GenerativeAdversarialNetwork,
    MaskedEnsemble,
    open_dataset,
)
from diabolo.families.stacked import StackedAutoencoder
from diabolo.uses import classify as module
from diabolo.uses.classify import Control, known_labels

SMALL = DenoisingAutoencoder(n_components=8, hidden_layer_sizes=(16,), max_epochs=2)
QUICK = {"estimator": SMALL, "max_epochs": 3, "random_state": 0, "n_threads": 1}

LONGER = QUICK | {"max_epochs": 60, "lr": 1e-2}


@pytest.fixture(scope="module")
def blobs():
    """300 rows of 6 numbers in three classes that lie apart, and their labels."""
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    return random.normal(size=(300, 6)) + 6 * np.eye(6)[y], y


@pytest.fixture(scope="module")
def few(blobs):
    """Labels of the first 60 rows alone."""
    y = blobs[1].copy()
    y[60:] = -1
    return y


@pytest.fixture(scope="module")
def fitted(blobs, few):
    return EncoderClassifier(**LONGER).fit(blobs[0], few)


# scikit-learn's contract


def brief():
    return EncoderClassifier(
        estimator=Autoencoder(max_epochs=5, hidden_layer_sizes=(16,)), control=False, n_threads=1
    )


@every_check(brief())
def test_check(check):
    carry_out(check, brief())


def test_same_seed_same_classifier(blobs, few, fitted):
    again = EncoderClassifier(**LONGER).fit(blobs[0], few)
    assert (again.predict_proba(blobs[0]) == fitted.predict_proba(blobs[0])).all()
    assert again.control_ == fitted.control_


# labels


@pytest.mark.parametrize(
    ("y", "known", "labels"),
    [
        ([1, -1, 2], [True, False, True], [1, 2]),
        ([-1, 1, 1], [True, True, True], [-1, 1, 1]),
        ([1.0, np.nan, 0.0], [True, False, True], [1.0, 0.0]),
        (np.array(["a", None, "b"], object), [True, False, True], ["a", "b"]),
        (pd.Series(["a", pd.NA, "b"]), [True, False, True], ["a", "b"]),
        (np.array(["a", "", "b"]), [True, False, True], ["a", "b"]),
        ([True, False, True], [True, True, True], [True, False, True]),
    ],
)
def test_which_rows_have_labels(y, known, labels):
    found = known_labels(y, 3)
    assert found[0].tolist() == known
    assert found[1].tolist() == labels


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (None, "requires y to be passed"),
        ([1, 2], "y has 2 labels for 300 rows"),
        ([-1] * 300, "y names no class"),
        (["a"] + [None] * 299, "one class alone"),
    ],
)
def test_labels_that_say_nothing(blobs, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        EncoderClassifier(**QUICK).fit(blobs[0], y)


def test_rows_without_a_label_are_learned_from(blobs, few):
    """They change the scaling at least; what stands in them has no label to contribute."""
    X, known = blobs[0], few >= 0
    everything = EncoderClassifier(**QUICK, control=False).fit(X, few)
    labelled = EncoderClassifier(**QUICK, control=False).fit(X[known], few[known])
    assert not np.array_equal(everything.predict_proba(X), labelled.predict_proba(X))


# what is learned


def test_probabilities_are_the_softmax_of_the_code(blobs, fitted):
    z = fitted.estimator_.transform(blobs[0][:5])
    head = fitted.estimator_.module_.head.layers[0]
    logits = z @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    odds = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(
        fitted.predict_proba(blobs[0][:5]), odds / odds.sum(1, keepdims=True), atol=1e-5
    )
    assert fitted.score(*blobs) > 0.95


def test_a_frozen_encoder_stays_as_it_was(blobs, few):
    base = DenoisingAutoencoder(n_components=8, max_epochs=2, random_state=0, n_threads=1).fit(
        blobs[0]
    )
    before = base.transform(blobs[0])
    settings = {"pretrained": base, "control": False, "random_state": 0, "max_epochs": 3}
    frozen = EncoderClassifier(**settings, fine_tune=False).fit(blobs[0], few)
    tuned = EncoderClassifier(**settings).fit(blobs[0], few)
    assert (frozen.estimator_.transform(blobs[0]) == before).all()
    assert not np.allclose(tuned.estimator_.transform(blobs[0]), before)
    assert (base.transform(blobs[0]) == before).all(), "what was handed in is not touched"
    parts = ("decoder", "likelihood")
    for name, value in tuned.estimator_.module_.named_parameters():
        if name.startswith(parts):
            assert torch.equal(value, base.module_.get_parameter(name)), name


def test_a_frozen_head_is_multinomial_regression(blobs, few):
    """Trained for long, it ends where scikit-learn's own ends on the same codes."""
    from sklearn.linear_model import LogisticRegression

    base = Autoencoder(n_components=3, max_epochs=5, random_state=0, n_threads=1)
    X = np.random.default_rng(1).normal(size=(300, 6)) + 1.0 * np.eye(6)[blobs[1]]
    model = EncoderClassifier(
        estimator=base,
        fine_tune=False,
        control=False,
        max_epochs=1500,
        lr=1e-2,
        weight_decay=0.0,
        random_state=0,
        n_threads=1,
    ).fit(X, few)
    z, known = model.estimator_.transform(X), few >= 0
    other = LogisticRegression(C=np.inf, tol=1e-8, max_iter=5000).fit(z[known], few[known])
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(z), atol=0.02)


def test_the_layer_learns_before_the_encoder(blobs, few, monkeypatch):
    carried_out, carry = [], module.carry_out

    def watched(phases, *rest, **more):
        carried_out.extend(phases)
        return carry(phases, *rest, **more)

    monkeypatch.setattr(module, "carry_out", watched)
    EncoderClassifier(**QUICK, control=False).fit(blobs[0], few)
    (layer,), (everything,) = (phase.players for phase in carried_out)
    assert {name.split(".")[1] for name in layer.trains} == {"head"}
    assert {name.split(".")[1] for name in everything.trains} == {"encoder", "head"}
    assert layer.lr == 10 * everything.lr


def test_labelled_images_come_moved_as_in_pre_training():
    """Few labels of digits go further if the rows that bear them are moved, too."""
    images, y = load_digits(return_X_y=True)
    images, few = images.reshape(-1, 8, 8), np.where(np.arange(len(y)) < 100, y, -1)
    start = DenoisingAutoencoder(
        noise="moves", level=0.15, n_components=32, max_epochs=40, random_state=0, n_threads=1
    ).fit(images)
    settings = {"pretrained": start, "control": False, "random_state": 0, "n_threads": 1}
    own, still = (
        EncoderClassifier(**settings, corrupt=corrupt).fit(images, few) for corrupt in (True, False)
    )
    assert own.score(images[100:], y[100:]) > still.score(images[100:], y[100:]) > 0.8


def test_images_are_learned_by_undoing_moves():
    images = np.random.default_rng(0).random((30, 8, 8))
    assert EncoderClassifier.suited(open_dataset(images)).noise == ("moves", "masking")
    assert EncoderClassifier.suited(open_dataset(images.reshape(30, -1))).noise == "masking"


# the control


def test_the_control_judges_each_labelled_row_once(fitted):
    assert fitted.control_.rows == 60
    assert 0 <= fitted.control_.own <= 1


def test_what_pretraining_gained():
    line = Control(0.2, 0.1, 200).gain
    assert line == (
        "on 200 held-out labelled rows 10.0% wrong, 20.0% by the same network from random "
        "weights: 50% fewer errors"
    )
    assert "no better" in Control(0.1, 0.2, 200).gain
    assert "no better" in Control(0.0, 0.0, 200).gain


def test_control_of_labels_that_mean_nothing(blobs):
    """Where there is nothing to learn, held-out rows say so; training rows would not."""
    y = np.random.default_rng(3).integers(0, 2, 300)
    settings = QUICK | {"max_epochs": 40}
    control = EncoderClassifier(**settings).fit(blobs[0], y).control_
    assert control.own > 0.35
    assert control.error > 0.35


def test_without_pretraining_there_is_none(blobs, few):
    model = EncoderClassifier(**QUICK, pretrain=False).fit(blobs[0], few)
    assert model.control_ is None
    assert model.estimator_.n_iter_ == 0


# what is handed in


def test_a_file_or_another_use_as_the_start(tmp_path, blobs, few, fitted):
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    settings = {"control": False, "max_epochs": 3, "random_state": 0}
    by_file = EncoderClassifier(pretrained=path, **settings).fit(blobs[0], few)
    by_use = EncoderClassifier(pretrained=fitted, **settings).fit(blobs[0], few)
    assert (by_file.predict_proba(blobs[0]) == by_use.predict_proba(blobs[0])).all()


def test_one_file(tmp_path, blobs, fitted):
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    loaded = diabolo.load(path)
    assert isinstance(loaded, EncoderClassifier)
    assert (loaded.predict_proba(blobs[0]) == fitted.predict_proba(blobs[0])).all()
    assert loaded.control_ == fitted.control_
    assert loaded.classes_.tolist() == [0, 1, 2]
    assert loaded.history_ == fitted.history_
    assert loaded.history_.phases == ["softmax layer", "labels"]


def test_a_file_names_no_other(tmp_path, blobs, few, fitted):
    path = tmp_path / "secret-place.safetensors"
    fitted.save(path)
    model = EncoderClassifier(pretrained=path, control=False, max_epochs=1).fit(blobs[0], few)
    model.save(tmp_path / "second.safetensors")
    assert b"secret-place" not in (tmp_path / "second.safetensors").read_bytes()


def test_mixed_tables_and_names_of_classes(blobs):
    X, y = blobs
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["g"] = np.array(["low", "high"])[(X[:, 0] > 3).astype(int)]
    frame.loc[3, "a"] = np.nan
    names = np.array(["cat", "dog", "cow"])[y].astype(object)
    names[60:] = None
    model = EncoderClassifier(**LONGER).fit(frame, names)
    assert set(model.predict(frame)) <= {"cat", "dog", "cow"}
    assert model.score(frame, np.array(["cat", "dog", "cow"])[y]) > 0.95


@pytest.mark.parametrize("kind", [GenerativeAdversarialNetwork, MaskedEnsemble])
def test_families_without_a_code_are_refused(blobs, few, kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} has no single encoder"):
        EncoderClassifier(estimator=kind(max_epochs=1)).fit(blobs[0], few)


def test_a_start_that_is_none(blobs, few):
    with pytest.raises(ValueError, match="leave pretrained out"):
        EncoderClassifier(pretrained=SMALL, pretrain=False).fit(blobs[0], few)
    with pytest.raises(NotFittedError):
        EncoderClassifier(pretrained=SMALL).fit(blobs[0], few)
    seeing = Autoencoder(max_epochs=1).fit(blobs[0], context=np.ones((300, 1)))
    with pytest.raises(ValueError, match="fitted with a context"):
        EncoderClassifier(pretrained=seeing).fit(blobs[0], few)


def test_as_good_as_a_stack_tuned_by_labels():
    """The same start and as many steps as the family that can do it by itself."""
    X, y = load_digits(return_X_y=True)
    shared = {"hidden_layer_sizes": (64,), "n_components": 32, "max_epochs": 15, "random_state": 0}
    stack = StackedAutoencoder(**shared, fine_tune="labels", n_threads=1).fit(X[:1000], y[:1000])
    start = StackedAutoencoder(**shared, fine_tune=None, n_threads=1)
    settings = {"max_epochs": 15, "batch_size": 16, "lr": 2e-3, "control": False, "random_state": 0}
    own = EncoderClassifier(estimator=start, **settings).fit(X[:1000], y[:1000])
    right = float(np.mean(stack.predict(X[1000:]) == y[1000:]))
    assert own.score(X[1000:], y[1000:]) > right - 0.02

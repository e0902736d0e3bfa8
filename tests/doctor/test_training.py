import numpy as np
import pytest
from sklearn.datasets import load_digits

import diabolo
from diabolo.doctor.training import _length, training
from diabolo.engine.events import History


@pytest.mark.parametrize("epochs", [1, 2])
def test_one_epoch_is_too_short(rows, short, findings, epochs):
    found = findings(diabolo.Autoencoder(max_epochs=epochs, **short).fit(rows))["training"]
    assert found.is_warning
    assert found.finding.startswith("too short: ")
    assert found.remedy.startswith("Train for more epochs")


def test_a_fit_that_stopped_by_itself_is_not(findings):
    model = diabolo.Autoencoder(random_state=0, n_threads=1, hidden_layer_sizes=(32,))
    found = findings(model.fit(load_digits().data))["training"]
    assert found.severity == "fine"
    assert found.finding.startswith("joint: held-out loss ")


class Case:
    """What the length is judged by."""

    epochs, steps = None, None

    def __init__(self, curve):
        self.history = History(
            [{"phase": "joint", "epoch": i, "train": {"loss": v}} for i, v in enumerate(curve)]
        )


def test_a_curve_that_still_falls(findings):
    assert [found.finding for found in _length(Case(range(20, 0, -1)))] == [
        "too short: 21% of what was gained came in the last fifth"
    ]
    assert not list(_length(Case(1 / np.arange(1, 30.0) ** 2)))


def test_a_loss_that_was_no_number():
    case = Case([3.0, 1.0, 1.0])
    remedy = "Use a smaller lr, or look for outliers in the input."
    case.history.notes += [f"loss not finite in joint, epoch 4 again; stopped there. {remedy}"]
    (found,) = training(case)
    assert found.is_warning
    assert found.finding == "loss not finite in joint, epoch 4 again; stopped there"
    assert found.text + "." == case.history.notes[0]

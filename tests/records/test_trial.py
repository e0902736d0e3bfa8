"""A fit inside a trial: finished ones are kept, killed ones go on."""

import numpy as np
import pytest

import diabolo
from diabolo.engine.players import Seat
from diabolo.records.record import Rows
from diabolo.records.trial import Pace, Trial


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)


def model():
    return diabolo.Autoencoder(
        n_components=2, hidden_layer_sizes=(8,), max_epochs=4, checkpoint_every=0
    )


def trial(x, folder):
    return Trial({}, 5, Rows(x), Rows(x), folder=folder, n_threads=1)


def test_a_finished_fit_is_not_made_again(x, tmp_path, steps):
    first = trial(x, tmp_path / "kept").fit(model(), x)
    made = len(steps)
    again = trial(x, tmp_path / "kept")
    assert np.array_equal(again.fit(model(), x).transform(x), first.transform(x))
    assert len(steps) == made > 0
    assert len(again.curves["model"]) == 4
    assert again.seconds["model"] > 0
    again.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_fit_goes_on(x, tmp_path, monkeypatch):
    whole = trial(x, None).fit(model(), x)
    step, made = Seat.differentiate, []

    def killed(*args):
        made.append(1)
        if len(made) == 8:
            raise RuntimeError("killed")
        return step(*args)

    monkeypatch.setattr(Seat, "differentiate", killed)
    with pytest.raises(RuntimeError, match="killed"):
        trial(x, tmp_path).fit(model(), x)
    assert (tmp_path / "model.checkpoint").exists()
    resumed = trial(x, tmp_path).fit(model(), x)
    assert np.array_equal(resumed.transform(x), whole.transform(x))
    assert len(made) < 8 + 4 * 4  # of four epochs, not all were made again


def test_seed_and_pace(x):
    one = trial(x, None)
    assert one.fit(model(), x).random_state == 5
    half = Pace(rows=0.5)
    assert len(half.shortened(Rows(x))) == 32
    assert half.shortened(Rows(x, np.arange(64))).y[-1] == 62

"""The file of a run that can be resumed: what it holds, when it is written, whose it is."""

import numpy as np
import pytest
import torch

from diabolo.engine import checkpoint
from diabolo.engine.checkpoint import Checkpoint
from diabolo.files import DamagedFileError, read_sealed, write_sealed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


@pytest.fixture
def clock(monkeypatch):
    """Seconds that stand still until they are moved."""
    now = [1000.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    return now


def snapshot():
    weight = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    return {"weight": weight.t(), "noise": torch.arange(9, dtype=torch.uint8)}, {"epoch": 3}


def test_what_was_saved_is_loaded(path):
    kept = Checkpoint(path, {"seed": 1, "torch": "2"})
    kept.save(snapshot)
    tensors, run = Checkpoint(path, {"torch": "2", "seed": 1}).load()
    assert run == {"epoch": 3}
    wanted, _ = snapshot()
    assert tensors.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor.detach())


def test_the_file_is_a_sealed_one_and_says_whose_it_is(path):
    Checkpoint(str(path), {"seed": 1}).save(snapshot)
    arrays, header = read_sealed(path)
    assert header == {"fingerprint": {"seed": 1}, "run": {"epoch": 3}}
    assert np.array_equal(arrays["weight"], np.arange(6.0).reshape(2, 3).T)


def test_without_a_file_there_is_nothing_to_resume(path):
    assert Checkpoint(path, {"seed": 1}).load() is None


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ({"seed": 1}, {"seed": 2}, r"another seed \(1, now 2\)"),
        ({"seed": 1}, {}, r"another seed \(1, now None\)"),
        ({}, {"seed": 2}, r"another seed \(None, now 2\)"),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, r"another a \(1, now 2\)"),
    ],
)
def test_another_run_is_refused_with_what_differs(path, theirs, ours, words):
    Checkpoint(path, theirs).save(snapshot)
    with pytest.raises(ValueError, match=words) as caught:
        Checkpoint(path, ours).load()
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} holds a run with another ")
    assert sentence.endswith("name another checkpoint, or delete this one to start anew.")
    assert path.exists()


def test_a_file_of_something_else_belongs_to_another_run(path):
    write_sealed(path, {}, {"family": "Autoencoder"})
    with pytest.raises(ValueError, match=r"another seed \(None, now 1\)"):
        Checkpoint(path, {"seed": 1}).load()


def test_a_damaged_file_is_refused_and_never_started_anew(path):
    kept = Checkpoint(path, {"seed": 1})
    kept.save(snapshot)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="SHA-256"):
        kept.load()


def test_it_is_due_when_the_time_has_passed_since_the_last_write(path, clock):
    kept = Checkpoint(path, {}, every=30)
    assert not kept.is_due()
    clock[0] += 29.5
    assert not kept.is_due()
    clock[0] += 0.5
    assert kept.is_due()
    kept.save(snapshot)
    assert not kept.is_due()
    clock[0] += 30
    assert kept.is_due()


def test_by_default_half_a_minute_and_with_0_always(path, clock):
    clock[0] = 7.0
    kept, always = Checkpoint(path, {}), Checkpoint(path, {}, every=0)
    assert always.is_due()
    clock[0] += 29.9
    assert not kept.is_due()
    clock[0] += 0.2
    assert kept.is_due()


def test_a_snapshot_is_made_only_to_be_written(path):
    made = []
    kept = Checkpoint(path, {}, every=1e9)
    kept.is_due()
    assert not made
    kept.save(lambda: (made.append(1), snapshot())[1])
    assert made == [1]


def test_a_finished_run_leaves_nothing(path):
    kept = Checkpoint(path, {})
    kept.remove()
    kept.save(snapshot)
    kept.remove()
    assert not list(path.parent.iterdir())

"""Fits, saves, loads and files over and over: nothing grows.

Memory is judged by its slope over the second half, after what is cached has been cached. The
controls plant a leak of each kind, and it must be seen.
"""

import os
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

import diabolo
from soaked import counted

MODELS = (diabolo.Autoencoder, diabolo.VariationalAutoencoder, diabolo.SparseAutoencoder)
ROUNDS = 1000


def state(folder: Path) -> dict[str, float]:
    """Memory in MiB, descriptors, threads, files."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "MiB": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "files": len(list(folder.iterdir())),
    }


def growth(rounds: int, folder: Path, leak=lambda: None) -> dict[str, float]:
    """What was gained over the second half of so many rounds."""
    rows = np.random.default_rng(0).random((60, 6))
    for number in range(rounds):
        kind = MODELS[number % len(MODELS)]
        model = kind(n_components=2, hidden_layer_sizes=(8,), max_epochs=1, n_threads=1)
        model.fit(rows).save(folder / "model")
        diabolo.load(folder / "model").transform(rows)
        leak()
        if number == rounds // 2:
            before = state(folder)
    after = state(folder)
    return {name: after[name] - before[name] for name in after}


LEAKS = {
    "MiB": lambda folder, kept: kept.append(np.ones(2**18)),  # 2 MiB
    "descriptors": lambda folder, kept: kept.append(os.dup(0)),
    "threads": lambda folder, kept: kept.append(waiting(kept)),
    "files": lambda folder, kept: kept.append(tempfile.mkstemp(dir=folder)[1]),
}


def waiting(kept: list) -> threading.Thread:
    thread = threading.Thread(target=kept[0].wait)
    thread.start()
    return thread


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="counts what Linux shows in /proc"
)


@needs_proc
def test_little_grows_in_a_few_rounds(tmp_path):
    found = growth(24, tmp_path)
    assert found["MiB"] < 8
    assert (found["descriptors"], found["threads"], found["files"]) == (0, 0, 0)


@needs_proc
@pytest.mark.parametrize("kind", LEAKS)
def test_control_a_planted_leak_is_seen(kind, tmp_path):
    done = threading.Event()
    kept: list = [done]
    try:
        found = growth(24, tmp_path, lambda: LEAKS[kind](tmp_path, kept))
        assert found[kind] >= 10
    finally:
        done.set()
        for one in kept[1:]:
            if kind == "descriptors":
                os.close(one)


@needs_proc
@pytest.mark.soak
def test_a_thousand_fits(tmp_path):
    with counted("a thousand fits, saves and loads") as counts:
        found = growth(ROUNDS, tmp_path)
        print(found)
        assert found["MiB"] < 0.01 * ROUNDS
        assert (found["descriptors"], found["threads"], found["files"]) == (0, 0, 0)
        counts |= {
            "fits": ROUNDS,
            "MiB gained in the second half": round(found["MiB"], 2),
            "descriptors, threads and files gained": 0,
        }

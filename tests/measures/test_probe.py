import numpy as np

from diabolo.measures.probe import probe_accuracy


def test_classes_that_a_line_parts_are_read_and_noise_is_not():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    codes = rng.normal(size=(400, 2)) + 20 * np.eye(3)[labels][:, :2]
    noise = rng.normal(size=(400, 2))
    parts = slice(0, 300), slice(300, 400)
    read, guessed = (
        probe_accuracy(x[parts[0]], labels[parts[0]], x[parts[1]], labels[parts[1]])
        for x in (codes, noise)
    )
    assert read == 1.0
    assert 0.2 < guessed < 0.5

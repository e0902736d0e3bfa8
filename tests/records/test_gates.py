"""Gates and measures against other ways to compute them, and all records' gates on real data."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from diabolo.records import RECORDS, gates
from diabolo.records.record import Rows, Split

GATES = {gate.name: gate for record in RECORDS.values() for gate in record.gates}


def images(rows, seed):
    return np.random.default_rng(seed).integers(0, 256, (rows, 4, 5), dtype=np.uint8)


def test_pca_is_scikit_learns():
    split = Split(Rows(images(300, 0)), Rows(images(40, 1)))
    x, rebuilt = gates.pca(split, 3)
    train, test = (r.x.reshape(len(r), -1) / 255 for r in (split.train, split.test))
    pca = PCA(3).fit(train)
    np.testing.assert_allclose(
        rebuilt - x, pca.inverse_transform(pca.transform(test)) - test, atol=1e-5
    )


def test_entropy_by_hand():
    rows = Rows(np.array([[[0, 255, 51]], [[255, 204, 0]]], np.uint8))
    fifth = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    assert gates.entropy_floor(rows) == pytest.approx(fifth)


def test_drawn_bits_have_the_greys_as_means():
    rows = Rows(np.full((4000, 1, 16), 51, np.uint8))
    bits = np.unpackbits(np.frombuffer(gates.drawn_bits(rows), np.uint8))
    assert bits.mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_published_figure(name, data_directory):
    gate = GATES[name]
    assert gate.holds(gate.measure()), gate
    assert not gate.holds(gate.expected + 2 * gate.tolerance)

"""What is common at an end, and what stands out among its neighbours."""

import numpy as np
import pytest

from diabolo.uses.compress.sources.planes import plane_of


def counted(**more: int) -> np.ndarray:
    """100 of each of 256 symbols, and more of some."""
    counts = np.full(256, 100)
    for symbol, count in more.items():
        counts[int(symbol[1:])] += count
    return counts


@pytest.mark.parametrize(
    ("counts", "edge", "atoms"),
    [
        (counted(), -1, ()),
        (counted(_0=5_000), 0, ()),  # an edge is none of the atoms
        (counted(_255=5_000), 255, ()),
        (counted(_255=900), -1, (255,)),
        (counted(_0=5_000, _252=2_000, _253=4_000, _254=2_000), 0, (252, 253, 254)),
        (counted(_128=200), -1, ()),  # three times as common is not enough
        (counted(_128=400), -1, (128,)),
        (counted(_128=400) // 10, -1, ()),  # it would not pay for its weights
        (counted(**{f"_{9 * k}": 500 + k for k in range(20)}), -1, tuple(range(108, 180, 9))),
        (np.array([5, 5]), 0, ()),
        (np.array([7]), -1, ()),
        (np.array([1, 2, 9000, 1, 2]), -1, ()),  # densities see to so few
    ],
)
def test_edges_and_atoms(counts, edge, atoms):
    plane = plane_of(counts, 5)
    assert (plane.edge, plane.atoms, plane.parts) == (edge, atoms, 5)
    assert (plane.alphabet, plane.ordered) == (len(counts), True)


def test_gradual_counts_have_no_atoms():
    """However steep they are."""
    counts = (1e6 * np.exp(-np.arange(256) / 20)).astype(np.int64)
    assert plane_of(counts).atoms == ()

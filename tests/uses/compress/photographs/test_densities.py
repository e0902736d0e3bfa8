"""Every symbol has slots, as many as its density says; the tables are the same for ever."""

import hashlib

import numpy as np
import pytest
import torch

from diabolo.uses.compress.photographs.codec import bits_of
from diabolo.uses.compress.photographs.densities import costs, densities, starts_of
from diabolo.uses.compress.photographs.design import WIDEST


@pytest.mark.parametrize("width", range(WIDEST))
def test_slots(width):
    starts = starts_of(width)
    assert (starts[0], starts[-1]) == (0, 65536)
    assert (np.diff(starts) >= 1).all()
    k = densities().furthest[width]
    assert len(starts) == 2 * k + 2
    assert abs(starts[k] + starts[k + 1] - 65536) <= 2  # as likely to either side


@pytest.mark.parametrize("width", range(0, WIDEST, 7))
def test_they_are_the_densities_of_training(width):
    """What the tables cost on top, in the mean: 0.5 % and 0.0006 bits at most."""
    k = int(densities().furthest[width])
    symbols = np.arange(-k, k + 1)
    octave = torch.tensor((width - 32) / 8, dtype=torch.float64)
    real = bits_of(torch.from_numpy(symbols).double(), octave).numpy()
    likely = 2.0**-real
    on_top = (likely * (costs(np.full(len(symbols), width), symbols) - real)).sum()
    assert -1e-3 < on_top < 0.0006 + 0.005 * (likely * real).sum()


def test_a_place_is_found_by_its_slot():
    table = densities()
    random = np.random.default_rng(0)
    widths, slots = random.integers(0, WIDEST, 1000), random.integers(0, 65536, 1000)
    place = table.keys.searchsorted(widths * 65536 + slots, "right") - 1
    assert (table.first[place] <= slots).all()
    assert (slots < table.first[place] + table.slots[place]).all()
    assert (abs(place - table.middle[widths]) <= table.furthest[widths]).all()


def test_hash_of_the_tables():
    """A changed entry makes every file unreadable that was written before."""
    table = densities()
    hashed = hashlib.sha256(
        table.keys.astype("<i8").tobytes() + table.middle.astype("<i8").tobytes()
    )
    assert hashed.hexdigest()[:16] == "353ea96e239c56bb"

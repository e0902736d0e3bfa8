"""What training is charged for weights is what the file takes for them."""

import numpy as np
import pytest
import torch
from scipy.stats import logistic
from torch import nn

from compressible import LAYOUTS, symbols
from diabolo.uses.compress.coding import weights
from diabolo.uses.compress.coding.rate import WeightRate
from diabolo.uses.compress.coding.training import train


def test_bits_are_those_of_logistic_densities():
    w = nn.Parameter(torch.tensor([[0.5, -1.0], [2.0, 0.0]], dtype=torch.float64))
    found = WeightRate([(w, 64.0), (nn.Parameter(torch.zeros(0, 3)), 1.0)])()
    s = 64 * 3.5 / 4 / (2 * np.log(2))
    expected = -logistic.logpdf(64 * w.detach().numpy(), scale=s).sum() / np.log(2)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_bits_are_about_what_the_weights_take():
    random = np.random.default_rng(0)
    tensors = [random.logistic(0, s, (50, 60)).round().astype(np.int64) for s in (3, 40, 200)]
    charged = WeightRate([(nn.Parameter(torch.from_numpy(t / 64.0)), 64.0) for t in tensors])()
    assert 8 * len(weights.encode(tensors)) == pytest.approx(charged.item(), rel=0.03)


def test_densities_follow_the_weights():
    w = nn.Parameter(torch.ones(100))
    rate = WeightRate([(w, 64.0)])
    before = rate().item()
    with torch.no_grad():
        w.mul_(0.1)
    held = rate().item()
    rate.renew()
    assert rate().item() < held < before


@pytest.mark.parametrize("name", ["grey", "table"])
def test_charged_weights_take_less(name):
    """And the code hardly more: both together are shorter."""
    layout = LAYOUTS[name]
    rows = symbols(layout, 40)
    cells = len(rows) * layout.cells
    sizes = {}
    for charged in (None, cells):
        units = [(24, 16)] * len(layout.planes)
        done = train(layout, rows, units, steps=600, charged=charged, n_threads=1)
        tensors = [t for one in done.weights if one for t in one]
        code = done.model(layout).encode(rows, 1).bits
        sizes[charged] = 8 * len(weights.encode(tensors)), code
    (free, before), (paid, after) = sizes[None], sizes[cells]
    assert paid < 0.8 * free
    assert paid + after < free + before

"""Figures against other ways to compute them."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity

import diabolo
from diabolo.records import measured
from diabolo.records.papers.vincent import SIZES, work_of_a_layer, work_with_labels
from diabolo.records.record import Rows

RANDOM = np.random.default_rng(0)


def test_parzen_is_a_kernel_density():
    samples, rows = RANDOM.normal(size=(60, 4)), RANDOM.normal(size=(1100, 4))
    for width, found in zip(
        (0.2, 0.5), measured.log_densities(samples, rows, (0.2, 0.5)), strict=True
    ):
        wanted = KernelDensity(bandwidth=width).fit(samples).score_samples(rows)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_the_width_is_the_likeliest_of_rows_that_do_not_count():
    samples, near = np.zeros((1, 2)), RANDOM.normal(size=(500, 2))
    nats, width = measured.parzen(samples, near, np.zeros((3, 2)), (0.5, 1.0, 2.0))
    assert width == 1.0
    assert nats == pytest.approx(-np.log(2 * np.pi))


def test_squared_error_is_on_the_unit_scale():
    class Blank:
        def reconstruct(self, x):
            return np.zeros(x.shape)

    rows = Rows(np.full((3, 2, 2), 51, np.uint8))
    assert measured.squared_error(Blank(), rows) == pytest.approx(4 * 0.04)


def test_the_jacobians_norm_is_that_of_finite_differences():
    x = RANDOM.integers(0, 256, (40, 9), dtype=np.uint8)
    model = diabolo.ContractiveAutoencoder(
        n_components=3, hidden_layer_sizes=(), max_epochs=1, random_state=0, scaling="unit"
    ).fit(x)
    start = torch.from_numpy(x[:5].astype(np.float32) / 255)
    module = model.module_.double()
    with torch.no_grad():
        moved = [module.encode(start.double() + 1e-5 * e) for e in torch.eye(9).double()]
        slopes = [(one - module.encode(start.double())) / 1e-5 for one in moved]
    wanted = torch.stack(slopes, 2).square().sum((1, 2)).sqrt().mean().item()
    module.float()
    assert measured.jacobian_norm(model, Rows(x), 5) == pytest.approx(wanted, rel=1e-3)
    with pytest.raises(ValueError, match="too many values"):
        measured.jacobian_norm(diabolo.Autoencoder(max_epochs=1).fit(x), Rows(x), 5)


def test_the_work_of_layers_is_that_of_their_products():
    """Counted by autograd: the multiplications of matrices in one step of each."""
    from torch.utils.flop_counter import FlopCounterMode

    sizes = (*SIZES, 10)
    weights = [torch.ones(a, b, requires_grad=True) for a, b in pairwise(sizes)]
    x = torch.ones(1, sizes[0])
    with FlopCounterMode(display=False) as whole:
        h = x
        for w in weights:
            h = h @ w
        h.sum().backward()
    assert whole.get_total_flops() == 2 * work_with_labels()
    with FlopCounterMode(display=False) as second:
        with torch.no_grad():
            below = x @ weights[0]
        back = torch.ones(sizes[2], sizes[1], requires_grad=True)
        (below @ weights[1] @ back).sum().backward()
    assert second.get_total_flops() == 2 * work_of_a_layer(1)

"""Layers in whole numbers, against numpy's integers of 64 bits."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from diabolo.parts.int8 import Grid, Int8Linear, in_int8
from diabolo.parts.networks import ConvolutionalEncoder, Dense

SIZES = (20, 33, 17, 5)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def network():
    made = Dense(SIZES)
    made.initialise(torch.Generator().manual_seed(0))
    for layer in made.layers:
        nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(1))
    return made.eval()


def product(layer, q):
    """s t_j Σ_i p_ji (q_i − o) + b_j, the sum in whole numbers."""
    rows, levels = layer.rows.numpy().astype(np.int64), q.numpy().astype(np.int64)
    sums = (levels - layer.grid.offset) @ rows.T
    return sums * (layer.grid.scale * layer.scales.numpy().astype(float)) + layer.bias.numpy()


def levels(grid, x):
    return np.clip(np.round(x / grid.scale) + grid.offset, 0, 255)


@pytest.mark.parametrize("offset", [0, 3, 255])
def test_a_layer_is_a_product_of_integers(network, offset):
    layer = Int8Linear(network.layers[0], Grid(0.02, offset))
    x = noise(50, SIZES[0])
    expected = product(layer, layer.grid.rounded(x))
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_levels_go_from_layer_to_layer(network):
    x = noise(50, SIZES[0])
    coarse = in_int8(network, lambda seen: seen(x))
    first, second, third = coarse.layers
    assert first.onward is second.grid
    assert third.onward is None
    q = first.grid.rounded(x)
    for layer, following in ((first, second), (second, third)):
        exact = np.maximum(product(layer, q), 0)
        q = layer(q)
        assert q.dtype == torch.uint8
        # one apart where the quotient lies half-way, as float32 sees it
        apart = np.abs(q.numpy() - levels(following.grid, exact))
        assert apart.max() <= 1
        assert apart.mean() < 0.01
    np.testing.assert_allclose(coarse(x).numpy(), product(third, q), rtol=1e-5, atol=1e-5)


def test_sums_of_the_largest_terms_are_exact():
    """Kernels that add pairs of products in 16 bits end at 32,767 here."""
    width = 4096
    wide = nn.utils.skip_init(nn.Linear, width, 20, bias=False)
    nn.init.constant_(wide.weight, 127.0)
    nn.init.constant_(wide.weight[1::2], -127.0)
    layer = Int8Linear(wide, Grid(1.0, 0))
    sums = layer(torch.full((3, width), 255, dtype=torch.uint8))
    assert sums[:, 0].tolist() == [255 * 127 * width] * 3
    assert sums[:, 1].tolist() == [-255 * 127 * width] * 3


@pytest.mark.parametrize("other", ["tanh", "gelu", "identity"])
def test_other_activations_see_float32(other):
    network = Dense(SIZES, other)
    network.initialise(torch.Generator().manual_seed(0))
    x = noise(200, SIZES[0])
    coarse = in_int8(network.eval(), lambda seen: seen(x))
    with torch.no_grad():
        exact = network(x)
        assert (coarse(x) - exact).square().mean() < 1e-3 * exact.var()
    assert all(layer.onward is None for layer in coarse.layers)


def test_a_network_that_is_one_layer(network):
    x = noise(200, SIZES[0])
    coarse = in_int8(network.layers[0], lambda seen: seen(x))
    expected = product(coarse, coarse.grid.rounded(x))
    np.testing.assert_allclose(coarse(x).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_weights_are_rounded_row_by_row(network):
    layer = Int8Linear(network.layers[1], Grid(1.0, 0))
    weight = network.layers[1].weight.detach()
    assert layer.rows.abs().amax(1).tolist() == [127] * SIZES[2]
    rounded = layer.rows * layer.scales.unsqueeze(1)
    assert ((rounded - weight).abs() <= 0.5001 * layer.scales.unsqueeze(1)).all()


def test_a_row_of_zeros_gives_the_bias(network):
    nn.init.zeros_(network.layers[0].weight)
    layer = Int8Linear(network.layers[0], Grid(0.01, 7))
    torch.testing.assert_close(layer(noise(4, 20)), layer.bias.expand(4, -1))


@pytest.mark.parametrize(
    "x", [noise(1000), noise(1000).relu(), 5 + noise(1000), torch.zeros(9)], ids=str
)
def test_a_grid_holds_zero_and_rounds_to_the_nearest(x):
    grid = Grid.of(x)
    assert grid.numbers(grid.rounded(torch.zeros(1))) == 0
    q = grid.rounded(x)
    inside = (q > 0) & (q < 255)
    off = (grid.numbers(q) - x).abs()
    assert (off[inside] <= 0.5001 * grid.scale).all()


def test_a_few_far_out_numbers_do_not_make_a_grid_coarse():
    x = torch.cat([noise(10_000).relu(), torch.tensor([12.0])])
    whole = Grid.between(0.0, 12.0)

    def loss(grid):
        return (grid.numbers(grid.rounded(x)) - x).square().sum()

    assert loss(Grid.of(x)) <= loss(whole)
    even = torch.linspace(0, 1, 1000)
    assert Grid.of(even).scale == pytest.approx(1 / 255, rel=0.01)


def test_bytes_come_out_as_they_were():
    x = torch.arange(256) / 255
    assert Grid.of(x).rounded(x).tolist() == list(range(256))


def test_the_network_itself_stays_as_it_is(network):
    before, x = copy.deepcopy(network.state_dict()), noise(50, SIZES[0])
    in_int8(network, lambda seen: seen(x))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in network.layers)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (ConvolutionalEncoder((8, 8, 1), 4), "is convolutional, and eight bits are for dense ones"),
        (nn.Identity(), "has no linear layer"),
        (
            nn.utils.skip_init(nn.Linear, 70_000, 1),
            "70,000 inputs is too wide for whole numbers of 32 bits",
        ),
    ],
    ids=["convolutional", "none", "wide"],
)
def test_what_cannot_be_is_one_sentence(network, sentence):
    with pytest.raises(ValueError, match=sentence):
        in_int8(network, lambda seen: seen(torch.zeros(1, 70_000)))

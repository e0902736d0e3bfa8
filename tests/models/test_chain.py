"""A user's nn.Sequential as a chain of layers."""

import pytest
import torch
from torch import nn

from diabolo.models.chain import chain, depth
from diabolo.parts.networks import Dense
from laws import normal


def linear(inputs, outputs):
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=torch.float32)
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 0.1)
    return layer


@pytest.fixture
def network():
    return nn.Sequential(
        nn.Flatten(), linear(6, 5), nn.LayerNorm(5), nn.Tanh(), linear(5, 4), nn.ReLU()
    )


def test_layers_one_after_the_other_are_the_network(network):
    whole, x = chain(network, 6), normal(3, 6, dtype=torch.float32)
    assert whole.sizes == (6, 5, 4)
    assert depth(network) == len(whole.layers) == 2
    assert torch.equal(whole(x), network(x))
    assert torch.equal(whole.part(1, 2)(whole.part(0, 1)(x)), network(x))
    assert torch.equal(whole.features(x), network(x))
    assert whole.part(0, 0).sizes == (6,)


def test_a_layer_begins_with_a_matrix_and_keeps_what_follows(network):
    first, second = chain(network, 6).layers
    assert [type(module).__name__ for module in first] == ["Flatten", "Linear", "LayerNorm", "Tanh"]
    assert [type(module).__name__ for module in second] == ["Linear", "ReLU"]
    assert first[1].weight is network[1].weight


def test_dense_networks_are_chains_already():
    dense = Dense((6, 4, 2))
    assert chain(dense, 6) is dense
    assert depth(dense) == 2


@pytest.mark.parametrize("network", [nn.Identity(), nn.ModuleList()])
def test_what_has_no_order_is_no_chain(network):
    with pytest.raises(ValueError, match=f"which a {type(network).__name__} cannot be"):
        chain(network, 6)

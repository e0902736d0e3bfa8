"""What an encoder is shown: values and which of them are there."""

import pytest
import torch

from diabolo.parts import networks
from diabolo.parts.lenses import Visible
from laws import drawn, normal


def visible():
    return drawn(lambda: Visible(networks.Dense((8, 5, 3), "tanh", 2)))


def test_every_entry_is_a_value_and_a_flag():
    x = torch.tensor([[3.0, torch.nan], [0.0, -1.0]])
    wanted = torch.tensor([[3.0, 1, 0, 0], [0, 1, -1, 1]])
    assert torch.equal(visible().seen(x), wanted)


def test_it_is_the_network_on_these():
    part, x, context = visible(), normal(6, 4), normal(6, 2, seed=1)
    x[2, 1] = torch.nan
    assert torch.equal(part(x, context), part.network(part.seen(x), context))
    assert torch.equal(part.levels(x, context)[0], part.network.levels(part.seen(x), context)[0])
    assert (part.inputs, part.outputs, part.context) == (4, 3, 2)


def test_what_is_hidden_has_no_influence_and_that_it_is_hidden_has():
    part, x = visible(), normal(6, 4)
    context = torch.zeros(6, 2, dtype=torch.float64)
    hidden, zero = x.clone(), x.clone()
    hidden[:, 1], zero[:, 1] = torch.nan, 0.0
    assert (part(hidden, context) != part(zero, context)).any(1).all()
    x.requires_grad_()
    masked = torch.where(torch.isnan(hidden), torch.nan, x)
    (gradient,) = torch.autograd.grad(part(masked, context).sum(), x)
    assert torch.isfinite(gradient).all()
    assert (gradient[:, 1] == 0).all()
    assert (gradient[:, [0, 2, 3]] != 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_has_a_channel_of_flags_beside_each_channel(channels):
    network = networks.ConvolutionalEncoder((8, 9, 2 * channels), 3, (4,), "tanh")
    part = drawn(lambda: Visible(network))
    x = normal(2, 8 * 9 * channels)
    x[:, ::5] = torch.nan
    assert part(x).shape == (2, 3)
    image = x.view(2, 8, 9, channels)
    folded = part.seen(x).view(2, 8, 9, 2 * channels)
    assert torch.equal(folded[..., 0::2], image.nan_to_num(0))
    assert torch.equal(folded[..., 1::2], (~image.isnan()).double())

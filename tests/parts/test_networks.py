"""Networks: mirror images of each other, their Jacobians, tied weights, images of any size."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from diabolo.parts import networks
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.spec import initialise
from laws import NETWORKS, SHAPES, drawn, noise, normal

every_pair = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def pair(make, context=0):
    """Encoder and decoder with first weights, in double precision."""
    encoder, decoder = make(context)
    if isinstance(decoder, networks.Mirror):
        decoder.reflect(encoder)
    for network in (encoder, decoder):
        initialise(network, noise(3))
        network.double()
    return encoder, decoder


def disturb(network):
    """Biases and context weights start at zero, which would hide them from a test."""
    with torch.no_grad():
        for index, parameter in enumerate(network.parameters()):
            parameter.add_(0.1 * normal(*parameter.shape, seed=index))


@every_pair
def test_the_decoder_gives_back_what_the_encoder_takes(make):
    encoder, decoder = pair(make)
    x = normal(5, encoder.inputs)
    z = encoder(x)
    assert z.shape == (5, 3)
    assert decoder(z).shape == x.shape
    assert decoder.inputs == 3


@every_pair
def test_a_rows_answer_does_not_depend_on_the_others(make):
    for network in pair(make):
        x = normal(4, network.inputs)
        torch.testing.assert_close(network(x)[1:2], network(x[1:2]))


@every_pair
def test_every_weight_matters(make):
    for network in pair(make):
        disturb(network)
        network(normal(20, network.inputs)).square().sum().backward()
        for name, parameter in network.named_parameters():
            assert (parameter.grad != 0).any(), name


@every_pair
def test_a_context_is_seen(make):
    for network in pair(make, context=2):
        disturb(network)
        x, context = normal(5, network.inputs), normal(5, 2, seed=1).requires_grad_()
        out = network(x, context)
        (gradient,) = torch.autograd.grad(out.square().sum(), context)
        assert (gradient != 0).all()
        assert out.shape == network(x, context + 1).shape


@every_pair
def test_a_network_made_without_context_does_not_look_at_one(make):
    for network in pair(make):
        x = normal(5, network.inputs)
        assert torch.equal(network(x, normal(5, 2, seed=1)), network(x))


@every_pair
def test_mirror_images_have_the_same_levels(make):
    encoder, decoder = make()
    inwards = [tuple(p.shape) for p in encoder.parameters() if p.ndim > 1]
    outwards = [tuple(p.shape) for p in decoder.parameters() if p.ndim > 1]
    if isinstance(decoder, networks.Mirror):
        assert decoder.sizes == encoder.sizes[::-1]
    else:
        mirrored = [(shape[1], shape[0], *shape[2:]) for shape in outwards[::-1]]
        assert inwards == mirrored


# dense


@pytest.mark.parametrize("sizes", [(5, 3), (5, 8, 3), (4, 9, 2, 6)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("context", [0, 2])
def test_the_product_of_the_chain_is_the_jacobian(sizes, activation, context):
    network = drawn(lambda: networks.Dense(sizes, activation, context))
    x = normal(4, sizes[0])
    side = normal(4, context, seed=1) if context else None
    weights, slopes, out = network.jacobian_chain(x, side)
    torch.testing.assert_close(out, network(x, side))
    for row in range(4):
        product = weights[0]
        for weight, slope in zip(weights[1:], slopes, strict=True):
            product = weight @ (slope[row, :, None] * product)
        one = None if side is None else side[row : row + 1]
        full = torch.autograd.functional.jacobian(
            lambda v, one=one: network(v[None], one)[0], x[row]
        )
        torch.testing.assert_close(product, full)


def test_parts_of_a_network_are_the_network():
    network = drawn(lambda: networks.Dense((6, 5, 4, 3), "tanh", context=2))
    x, context = normal(5, 6), normal(5, 2, seed=1)
    lower, upper = network.part(0, 2), network.part(2, 3)
    assert (lower.sizes, upper.sizes) == ((6, 5, 4), (4, 3))
    torch.testing.assert_close(upper(lower.features(x, context), context), network(x, context))
    torch.testing.assert_close(lower.features(x, context), network.levels(x, context)[-1])
    assert upper.layers[0].weight is network.layers[2].weight
    assert len(network.part(0, 0).layers) == 0


def test_levels_are_what_is_computed_on_the_way():
    network = drawn(lambda: networks.Dense((6, 5, 4, 3), "tanh"))
    x = normal(5, 6).numpy()
    first, second, third = (
        (p.weight.detach().numpy(), p.bias.detach().numpy()) for p in network.layers
    )
    one = np.tanh(x @ first[0].T + first[1])
    two = np.tanh(one @ second[0].T + second[1])
    levels = network.levels(torch.from_numpy(x))
    np.testing.assert_allclose(levels[0].detach().numpy(), one)
    np.testing.assert_allclose(levels[1].detach().numpy(), two)
    np.testing.assert_allclose(
        network(torch.from_numpy(x)).detach().numpy(), two @ third[0].T + third[1]
    )
    assert len(levels) == 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_first_weights_have_the_variance_that_the_gain_asks_for(activation):
    network = drawn(lambda: networks.Dense((300, 400, 200), activation))
    first, last = (layer.weight.std().item() for layer in network.layers)
    assert first == pytest.approx(ACTIVATIONS[activation].gain / math.sqrt(300), rel=0.02)
    assert last == pytest.approx(1 / math.sqrt(400), rel=0.02)
    assert all((layer.bias == 0).all() for layer in network.layers)


# tied weights


def tied(code_inputs=3, context=0):
    encoder = networks.Dense((7, 5, code_inputs), "tanh", context)
    decoder = networks.Mirror((3, 5, 7), "tanh", context)
    decoder.reflect(encoder)
    initialise(encoder, noise())
    return encoder.double(), decoder.double()


def test_a_mirror_is_the_transposed_encoder():
    encoder, decoder = tied()
    disturb(decoder)
    z = normal(5, 3)
    inner, outer = (layer.weight.detach() for layer in encoder.layers)
    first, second = (bias.detach() for bias in decoder.biases)
    torch.testing.assert_close(decoder(z).detach(), torch.tanh(z @ outer + first) @ inner + second)


def test_a_tied_weights_gradient_is_the_sum_of_both_ends():
    encoder, decoder = tied()
    x = normal(5, 7)
    decoder(encoder(x)).square().sum().backward()
    alone = copy.deepcopy((encoder, decoder))  # the copies are tied no more
    untied_encoder, untied_decoder = alone[0], copy.deepcopy(alone[1])
    for network in (untied_encoder, untied_decoder.encoder):
        network.zero_grad()
    untied_decoder(untied_encoder(x)).square().sum().backward()
    for whole, inwards, outwards in zip(
        encoder.layers, untied_encoder.layers, untied_decoder.encoder.layers, strict=True
    ):
        assert (inwards.weight.grad != 0).any()
        assert (outwards.weight.grad != 0).any()
        torch.testing.assert_close(whole.weight.grad, inwards.weight.grad + outwards.weight.grad)


def test_tied_weights_are_copied_tied_and_stored_once():
    model = nn.ModuleList(tied())
    twin = copy.deepcopy(model)
    assert twin[1].encoder is twin[0]
    assert not any(name.startswith("1.encoder") for name, _ in twin.named_parameters())
    assert {name for name, _ in twin.named_parameters()} == set(twin.state_dict())


def test_a_mirror_of_a_gaussian_encoder_uses_the_means_and_no_context_columns():
    encoder, decoder = tied(code_inputs=6, context=2)
    disturb(decoder)
    z, context = normal(5, 3), normal(5, 2, seed=1)
    inner, outer = encoder.layers[0].weight[:, :7], encoder.layers[1].weight[:3]
    first, second = decoder.biases
    hidden = torch.tanh(z @ outer + first + context @ decoder.context_weight.T)
    torch.testing.assert_close(decoder(z, context), hidden @ inner + second)


@pytest.mark.parametrize(
    "encoder",
    [nn.Linear(7, 3, device="meta"), networks.Dense((7, 4, 3)), networks.Dense((7, 5, 2))],
    ids=["not ours", "another level", "too narrow a code"],
)
def test_a_mirror_needs_something_that_it_can_mirror(encoder):
    with pytest.raises(ValueError, match=r"a dense encoder of the sizes \(7, 5, 3\): pass tied"):
        networks.Mirror((3, 5, 7)).reflect(encoder)


# convolutional


@every_shape
def test_any_image_goes_in_and_comes_out(shape):
    encoder = drawn(lambda: networks.ConvolutionalEncoder(shape, 3))
    decoder = drawn(lambda: networks.ConvolutionalDecoder(shape, 3, parameters_per_entry=2))
    x = normal(2, math.prod(shape))
    assert encoder(x).shape == (2, 3)
    assert decoder(encoder(x)).shape == (2, 2 * math.prod(shape))


@every_shape
def test_levels_halve_each_side_while_it_is_eight_or_more(shape):
    encoder = networks.ConvolutionalEncoder(shape, 3, (3, 4, 5))
    wanted, sides = [], shape[:2]
    for _ in range(3):
        if max(sides) < 8 and wanted:
            break
        sides = tuple(math.ceil(side / 2) if side >= 8 else side for side in sides)
        wanted.append(sides)
    levels = encoder.levels(torch.zeros(1, math.prod(shape)))
    assert [tuple(level.shape[2:]) for level in levels] == wanted
    decoder = networks.ConvolutionalDecoder(shape, 3, channels=(3, 4, 5))
    assert decoder.sizes[::-1] == [shape[:2], *wanted]


@every_shape
def test_pixels_stay_where_they_are(shape):
    """A flat row is (height, width, channels) row by row, on the way in and on the way out."""
    height, width, depth = shape
    encoder = networks.ConvolutionalEncoder(shape, 3, (depth,), "identity")
    decoder = networks.ConvolutionalDecoder(shape, 3, 1, (depth,), "identity")
    where = (height // 2, width // 2, depth - 1)
    x = torch.zeros(1, *shape)
    x[(0, *where)] = 1.0
    with torch.no_grad():
        encoder.layers[0].weight.zero_()
        middle = tuple(side // 2 for side in encoder.layers[0].kernel_size)
        for channel in range(depth):  # each channel to itself
            encoder.layers[0].weight[(channel, channel, *middle)] = 1.0
        encoder.layers[0].bias.zero_()
        maps = encoder.levels(x.flatten(1))[0]
        assert maps[0, : depth - 1].abs().sum() == 0
        steps = encoder.layers[0].stride
        if where[0] % steps[0] == 0 and where[1] % steps[1] == 0:
            assert maps[0, depth - 1, where[0] // steps[0], where[1] // steps[1]] == 1.0
        decoder.foot.weight.zero_()
        decoder.foot.bias.view(decoder.first)[:] = torch.arange(depth, dtype=torch.float32)
        decoder.layers[0].weight.zero_()
        middle = tuple(side // 2 for side in decoder.layers[0].kernel_size)
        for channel in range(depth):
            decoder.layers[0].weight[(channel, channel, *middle)] = 1.0
        decoder.layers[0].bias.zero_()
        out = decoder(torch.zeros(1, 3)).view(shape)
    assert torch.equal(out, torch.arange(depth, dtype=torch.float32).expand(shape))


@every_shape
def test_no_checkerboard(shape):
    """With all weights alike and a constant code, pixels away from the border are all alike.

    Each pixel then shows how many ways lead to it: with strided transposed convolutions, some
    have more than their neighbours.
    """
    decoder = networks.ConvolutionalDecoder(shape, 3, 1, (3, 4), "identity").double()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.fill_(1.0)
        ways = decoder(torch.ones(1, 3, dtype=torch.float64)).view(shape)
    margin = 2 ** len(decoder.layers)  # what the border's zeros can reach
    height, width = (slice(margin, -margin) if side > 1 else slice(None) for side in shape[:2])
    inside = ways[height, width]
    assert inside.numel()
    assert (inside == inside[0, 0, 0]).all()
    assert ways.min() > 0


def test_the_checkerboard_test_sees_a_checkerboard():
    ways = nn.functional.conv_transpose2d(torch.ones(1, 1, 9, 9), torch.ones(1, 1, 3, 3), stride=2)
    assert len(ways[0, 0, 3:-3, 3:-3].unique()) > 1


def test_parameters_come_one_after_the_other():
    """(n, k·d) parameter-major: the first d numbers are every entry's first parameter."""
    shape = (8, 8, 3)
    decoder = networks.ConvolutionalDecoder(shape, 2, 2, (4,), "identity")
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        # output channels of the last layer are (parameter, colour)
        decoder.layers[-1].bias.copy_(torch.arange(6.0))
        first, second = decoder(torch.zeros(1, 2)).unflatten(1, (2, *shape))[0]
    assert torch.equal(first, torch.tensor([0.0, 1.0, 2.0]).expand(shape))
    assert torch.equal(second, torch.tensor([3.0, 4.0, 5.0]).expand(shape))


@pytest.mark.parametrize("kind", [networks.ConvolutionalEncoder, networks.ConvolutionalDecoder])
def test_no_channels_is_no_network(kind):
    with pytest.raises(ValueError, match=r"channels=\(\) leaves no level"):
        kind((8, 8, 1), 3, channels=())


def test_the_identity_is_the_identity():
    x = normal(3, 4)
    assert networks.Identity()(x) is x


def test_an_hourglass_reads_the_same_from_both_ends():
    assert networks.hourglass(9, (7, 5), 2) == (9, 7, 5, 2)


def test_an_early_context_is_more_channels_of_the_image():
    early = drawn(lambda: networks.ConvolutionalEncoder((9, 8, 2), 3, (4,), "tanh", 3, early=True))
    plain = drawn(lambda: networks.ConvolutionalEncoder((9, 8, 5), 3, (4,), "tanh"))
    plain.load_state_dict(early.state_dict())
    x, context = normal(6, 9 * 8 * 2), normal(6, 3, seed=1)
    planes = context[:, None, None].expand(6, 9, 8, 3)
    together = torch.cat([x.unflatten(1, (9, 8, 2)), planes], 3).flatten(1)
    torch.testing.assert_close(early(x, context), plain(together))

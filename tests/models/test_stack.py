"""Layers of a stack: parts of the whole, trained alone; and the classifier on top."""

import copy

import numpy as np
import pytest
import torch

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.stack import Above, Classification, layer_of
from diabolo.parts import codes, likelihoods, networks, penalties
from laws import MODELS, drawn, noise, normal

LATE = torch.tensor(1e9)


def stack(context=0):
    return drawn(
        lambda: AutoencoderModule(
            networks.Dense((7, 6, 5, 3), "tanh", context),
            codes.Deterministic(3, "sigmoid"),
            networks.Dense((3, 5, 6, 7), "tanh", context),
            likelihoods.Gaussian(scale=0.5),
            head=networks.Dense((3, 4)),
        )
    )


def test_layers_one_after_the_other_are_the_stack():
    whole, x = stack(), normal(5, 7)
    layers = [layer_of(whole, index) for index in range(3)]
    up = x
    for layer in layers:
        up = layer.encode(up)
    torch.testing.assert_close(up, whole.encode(x))
    down = up
    for layer in layers[::-1]:
        down = layer.decode(down)
    torch.testing.assert_close(down, whole.reconstruct(x))


def test_layers_share_the_stacks_weights_and_the_lowest_its_likelihood():
    whole = stack()
    for index in range(3):
        layer = layer_of(whole, index)
        assert layer.encoder.layers[0].weight is whole.encoder.layers[index].weight
        assert layer.decoder.layers[0].weight is whole.decoder.layers[2 - index].weight
    assert layer_of(whole, 0).likelihood is whole.likelihood
    assert layer_of(whole, 1).likelihood.link == "tanh"
    assert layer_of(whole, 2).code is whole.code


def test_layers_take_words_of_their_own():
    layer = layer_of(stack(), 1, penalties=(penalties.L1(0.5),))
    assert {"loss", "reconstruction", "l1"} == set(layer(Example(normal(4, 6)), LATE, None))


def test_a_layer_learns_from_the_features_below_by_squared_error():
    whole, x = stack(), normal(5, 7)
    terms = Above(whole.encoder.part(0, 1), layer_of(whole, 1))(Example(x), LATE, None)
    features = np.tanh(_through(whole.encoder.layers[0], x.numpy()))
    hidden = np.tanh(_through(whole.encoder.layers[1], features))
    rebuilt = np.tanh(_through(whole.decoder.layers[1], hidden))
    constant = 6 / 2 * np.log(2 * np.pi)
    wanted = 0.5 * ((features - rebuilt) ** 2).sum(1).mean() + constant
    assert terms["loss"].item() == pytest.approx(wanted)


def _through(layer, x):
    return x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_training_a_layer_leaves_all_others_untouched(index):
    whole = stack()
    before = copy.deepcopy(whole.state_dict())
    objective = Above(whole.encoder.part(0, index), layer_of(whole, index))
    loss = objective(Example(normal(8, 7)), LATE, noise())["loss"]
    loss.backward()
    own = {f"encoder.layers.{index}", f"decoder.layers.{2 - index}"}
    for name, parameter in whole.named_parameters():
        is_own = name.rpartition(".")[0] in own
        assert (parameter.grad is not None) == is_own
        if is_own:
            assert (parameter.grad != 0).any()
    # what the estimator hands to the engine: parameters below the layer are not among them
    named = {name for name, _ in objective.named_parameters() if name.startswith("layer.")}
    with torch.no_grad():
        for name, parameter in objective.named_parameters():
            if name in named:
                parameter.sub_(0.1)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, before[name]) == (name.rpartition(".")[0] not in own)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_context_reaches_the_ends_of_the_stack_alone(index):
    whole = stack(context=2)
    objective = Above(whole.encoder.part(0, index), layer_of(whole, index))
    context = normal(5, 2, seed=1).requires_grad_()
    loss = objective(Example(normal(5, 7), context), LATE, None)["loss"]
    if index == 1:  # sees it through the finished layer below, if at all
        assert torch.autograd.grad(loss, context, allow_unused=True)[0] is None
    else:
        assert (torch.autograd.grad(loss, context)[0] != 0).all()


@pytest.mark.parametrize("name", ["tied", "convolutional, contractive"])
def test_other_networks_have_no_layers_to_take_out(name):
    with pytest.raises(ValueError, match="trained layer by layer, which a .* cannot be"):
        layer_of(MODELS[name](), 0)


def test_classification_is_the_mean_cross_entropy_and_the_share_of_errors():
    whole, x = stack(), normal(50, 7)
    labels = torch.randint(4, (50,), generator=noise())
    terms = Classification(whole)(Example(x, y=labels), LATE, None)
    logits = whole.head(whole.encode(x)).detach().numpy()
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted = -np.log(odds[np.arange(50), labels.numpy()]).mean()
    assert terms["loss"].item() == pytest.approx(wanted)
    assert terms["error"].item() == pytest.approx((logits.argmax(1) != labels.numpy()).mean())


def test_classification_trains_what_the_labels_depend_on():
    whole = stack()
    batch = Example(normal(20, 7), y=torch.randint(4, (20,), generator=noise()))
    Classification(whole)(batch, LATE, None)["loss"].backward()
    trained = {name.split(".")[0] for name, p in whole.named_parameters() if p.grad is not None}
    assert trained == {"encoder", "head"}


def test_dropout_silences_units_of_every_level_and_keeps_their_means():
    whole, x = stack(), normal(1, 7).expand(4000, 7)
    labels = torch.zeros(4000, dtype=torch.long)
    objective = Classification(whole, dropout=0.3, input_dropout=0.2)
    assert dict(objective.named_parameters()).keys() == {
        f"model.{name}" for name, _ in whole.named_parameters()
    }
    seen = {}
    for name, layer in zip(("second", "third"), objective.layers[1:], strict=True):
        layer.register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0]}))
    objective.layers[0].register_forward_pre_hook(lambda _, given: seen.update(first=given[0]))
    whole.head.register_forward_pre_hook(lambda _, given: seen.update(code=given[0]))
    layers = objective.layers
    # `features` calls forward, so that the hooks see what every level is given
    objective(Example(x, y=labels), LATE, noise())
    for name, level in (("first", 0.2), ("second", 0.3), ("third", 0.3), ("code", 0.3)):
        silent = (seen[name] == 0).float().mean().item()
        assert silent == pytest.approx(level, abs=0.02), name
    assert len(layers) == 3
    torch.testing.assert_close(seen["first"].mean(0), x[0], atol=0.05, rtol=0.05)


def test_nothing_is_dropped_when_it_is_judged():
    whole, x = stack(), normal(50, 7)
    batch = Example(x, y=torch.randint(4, (50,), generator=noise()))
    plain = Classification(whole)(batch, LATE, None)
    thinned = Classification(whole, 0.5, 0.5).eval()(batch, LATE, None)
    assert thinned == plain
    assert Classification(whole, 0.5)(batch, LATE, noise())["loss"] != plain["loss"]


def test_classification_without_labels_says_so():
    with pytest.raises(ValueError, match="needs a class number for every row"):
        Classification(stack())(Example(normal(3, 7)), LATE, None)

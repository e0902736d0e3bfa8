"""Encoders and decoders of the user's own, in every family."""

from functools import partial

import pytest
import torch
from sklearn.base import clone
from torch import nn

from bits import same, weights
from diabolo import load
from diabolo.families import family


def linear(inputs, outputs):
    """torch's own start would draw from the global generator."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.weight.normal_(std=0.5, generator=noise)
        layer.bias.zero_()
    return layer


def modules(inputs, outputs, d=6, code=2):
    encoder = nn.Sequential(linear(d, 9), nn.Tanh(), linear(9, inputs))
    decoder = nn.Sequential(linear(code, 9), nn.Tanh(), linear(9, outputs))
    return encoder, decoder


class TestOwnModules:
    def widths(self, name):
        if name == "ParametricTSNE":
            return 13, 6  # anchors, one for every three of 40 rows
        return (4 if issubclass(family(name), family("VariationalAutoencoder")) else 2), 6

    def test_are_trained_as_copies(self, name, make, rows):
        encoder, decoder = modules(*self.widths(name))
        before = encoder[0].weight.detach().clone()
        model = make(n_components=2, encoder=encoder, decoder=decoder).fit(rows)
        assert torch.equal(encoder[0].weight, before)
        assert not torch.equal(model.module_.encoder[0].weight, before)
        assert model.transform(rows).shape == (40, 2)
        assert same(model, clone(model).fit(rows))

    def test_one_of_them_is_enough(self, name, make, rows):
        make = partial(make, hidden_layer_sizes=(9,))  # where layers have to mirror each other
        encoder, decoder = modules(*self.widths(name))
        assert make(n_components=2, encoder=encoder).fit(rows).transform(rows).shape == (40, 2)
        assert make(n_components=2, decoder=decoder).fit(rows).reconstruct(rows).shape == (40, 6)

    def test_come_back_from_a_file_with_the_modules(self, name, make, rows, tmp_path):
        encoder, decoder = modules(*self.widths(name))
        model = make(n_components=2, encoder=encoder, decoder=decoder).fit(rows)
        model.save(tmp_path / "model")
        again = load(tmp_path / "model", encoder=encoder, decoder=decoder)
        assert same(model, again)
        assert (again.reconstruct(rows) == model.reconstruct(rows)).all()
        with pytest.raises(ValueError, match="made with your own encoder"):
            load(tmp_path / "model", decoder=decoder)

    def test_of_wrong_width_are_refused(self, name, make, rows):
        inputs, outputs = self.widths(name)
        encoder, _ = modules(inputs, outputs)
        wrong, _ = modules(inputs + 1, outputs)
        needed = rf"but \(2, {inputs}\) is needed here: let it end in {inputs} outputs"
        with pytest.raises(ValueError, match=f"the encoder you passed turns .* {needed}"):
            make(n_components=2, encoder=wrong).fit(rows)
        _, wrong = modules(inputs, outputs + 1)
        with pytest.raises(ValueError, match="the decoder you passed turns .* let it end in 6"):
            make(n_components=2, decoder=wrong).fit(rows)
        with pytest.raises(ValueError, match=r"encoder you passed cannot take .* \(2, 5\)"):
            make(n_components=2, encoder=encoder).fit(rows[:, :5])

    def test_must_take_the_context_if_there_is_one(self, name, make, rows, context):
        encoder, _ = modules(*self.widths(name))
        with pytest.raises(ValueError, match=r"beside a context of shape \(2, 3\)"):
            make(n_components=2, encoder=encoder).fit(rows, context=context)


class Whole(nn.Module):
    """Does not say what its layers are."""

    def __init__(self):
        super().__init__()
        self.layer = linear(6, 2)

    def forward(self, x):
        return self.layer(x)


class Watching:
    """Weights of a stack after each of its phases."""

    def __init__(self):
        self.after = []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name.startswith("layer"):
            self.after.append(weights(estimator))


class WithContext(nn.Module):
    """What a user writes to take a context along."""

    def __init__(self, inputs, context, outputs):
        super().__init__()
        self.layer = linear(inputs + context, outputs)

    def forward(self, x, context):
        return self.layer(torch.cat([x, context], 1))


def test_own_modules_with_context(rows, context):
    model = family("Autoencoder")(
        n_components=2,
        encoder=WithContext(6, 3, 2),
        decoder=WithContext(2, 3, 6),
        max_epochs=2,
        random_state=0,
    )
    codes = model.fit_transform(rows, context=context)
    assert codes.shape == (40, 2)


def test_own_modules_with_buffers(rows):
    encoder = nn.Sequential(linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), linear(9, 2))
    model = family("Autoencoder")(
        n_components=2, encoder=encoder, max_epochs=3, random_state=0
    ).fit(rows)
    norm = model.module_.encoder[1]
    assert norm.num_batches_tracked == 3 * 3  # epochs, batches of 36 rows: nothing but training
    assert norm.running_mean.abs().sum() > 0
    assert not norm.training
    assert encoder[1].num_batches_tracked == 0


@pytest.mark.parametrize("own", [{"encoder": nn.Identity()}, {"tied": True}])
def test_own_modules_that_make_no_sense(rows, own):
    parameters = {"n_components": 6, "decoder": nn.Identity(), **own}
    with pytest.raises(ValueError, match="nothing to train|tied=True is for networks made here"):
        family("DenoisingAutoencoder")(**parameters).fit(rows)


class TestStack:
    """Its layers are trained one by one: each begins with a matrix of an nn.Sequential."""

    def test_finished_layers_stay_as_they_are(self, rows):
        encoder = nn.Sequential(
            linear(6, 9), nn.BatchNorm1d(9), nn.Tanh(), linear(9, 5), nn.ReLU(), linear(5, 2)
        )
        decoder = nn.Sequential(linear(2, 5), nn.ReLU(), linear(5, 9), nn.Tanh(), linear(9, 6))
        parameters = {"n_components": 2, "max_epochs": 3, "random_state": 0, "fine_tune": None}
        stack = family("StackedAutoencoder")(encoder=encoder, decoder=decoder, **parameters)
        seen = Watching()
        stack.set_callbacks(seen).fit(rows)
        assert stack.history_.phases == ["layer 1", "layer 2", "layer 3"]
        last = weights(stack)
        for layer, places in [(0, (0, 1)), (1, (3,)), (2, (5,))]:
            for place in places:
                own = [name for name in last if name.startswith(f"encoder.{place}.")]
                assert all((seen.after[layer][name] == last[name]).all() for name in own)
                before = encoder.state_dict()[f"{place}.weight"].numpy()
                assert (last[f"encoder.{place}.weight"] != before).any()

    @pytest.mark.parametrize(
        ("parameters", "sentence"),
        [
            ({"encoder": Whole()}, "layer by layer, which a Whole cannot be: pass network='dense'"),
            ({"tied": True}, "which a Mirror cannot be: .* tied=False"),
            ({"network": "convolutional"}, "which a Convolutional.* cannot be"),
            ({"hidden_layer_sizes": (7,), "encoder": modules(2, 6)[0]}, "6-9-2 is answered by 2-7"),
            ({"hidden_layer_sizes": (9, 9), "encoder": modules(2, 6)[0]}, "give both"),
            ({"layers": ["plain"] * 3, "encoder": modules(2, 6)[0]}, "each of the 2 layers"),
        ],
    )
    def test_what_does_not_come_in_layers_is_refused(self, rows, parameters, sentence):
        with pytest.raises(ValueError, match=sentence):
            family("StackedAutoencoder")(n_components=2, **parameters).fit(rows)

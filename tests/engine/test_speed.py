"""Flat parameters are the same module; the flat update is torch's; the eager step is autograd."""

import copy
import pickle

import pytest
import torch
from torch import nn

from diabolo.data.batches import Batch
from diabolo.engine import speed
from diabolo.engine.speed import ALIGNMENT, EagerStep, FlatParameters, FusedAdamW

CLOCK = torch.zeros(())


def seeded(number=0):
    return torch.Generator().manual_seed(number)


class Squares(nn.Module):
    """Mean squared error of a small net, with a tied layer and one that is never used."""

    def __init__(self, generator):
        super().__init__()
        self.inner = nn.utils.skip_init(nn.Linear, 5, 3)
        self.outer = nn.utils.skip_init(nn.Linear, 3, 5)
        self.again = self.outer
        self.unused = nn.utils.skip_init(nn.Linear, 2, 2)
        self.register_buffer("centre", torch.full((5,), 0.5))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)

    def forward(self, batch, clock, generator):
        out = self.again(torch.tanh(self.inner(batch.x - self.centre)))
        error = (out - batch.x).square().mean()
        return {"loss": error, "error": error}


@pytest.fixture
def module():
    return Squares(seeded())


@pytest.fixture
def batch():
    return Batch(torch.rand(7, 5, generator=seeded(1)))


def test_flattening_changes_no_value(module):
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    FlatParameters(module)
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_parameters_are_views_of_the_vector(module):
    flat = FlatParameters(module)
    flat.vector.fill_(2.0)
    assert all((parameter == 2).all() for parameter in module.parameters())
    module.inner.weight.data[1, 2] = 7.0
    assert flat.vector[flat.slices[0]].view(3, 5)[1, 2] == 7.0


def test_every_parameter_begins_aligned(module):
    flat = FlatParameters(module)
    assert all(
        p.data_ptr() % ALIGNMENT == 0 and p.grad.data_ptr() % ALIGNMENT == 0
        for p in flat.parameters
    )


def test_a_tied_layer_counts_once(module):
    flat = FlatParameters(module)
    assert [name for name in flat.names if "again" in name] == []
    assert module.again.weight is module.outer.weight
    assert sum(shape.numel() for shape in flat.shapes) == sum(p.numel() for p in flat.parameters)


def test_only_the_named_parameters_move(module):
    outside = module.outer.weight.data_ptr()
    flat = FlatParameters(module, ["inner.weight", "inner.bias"])
    assert flat.names == ("inner.weight", "inner.bias")
    assert module.outer.weight.data_ptr() == outside


def test_a_copy_of_the_module_is_independent(module):
    flat = FlatParameters(module)
    other = copy.deepcopy(module)
    flat.vector.zero_()
    assert other.inner.weight.abs().sum() > 0
    assert list(dict(other.named_parameters())) == list(dict(module.named_parameters()))


def test_released_parameters_are_small_to_store(module):
    flat = FlatParameters(module)
    flat.vector.fill_(3.0)
    flat.release()
    flat.vector.zero_()
    assert all((p == 3).all() and p.grad is None for p in flat.parameters)
    assert len(pickle.dumps(module.inner.bias)) < len(pickle.dumps(flat.vector))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["inner.weights"], "has no parameter 'inner.weights'; it has inner.weight"),
        ([], "has no parameter to train"),
    ],
)
def test_names_that_cannot_be_trained_are_refused(module, names, sentence):
    with pytest.raises(ValueError, match=sentence):
        FlatParameters(module, names)


def test_mixed_types_are_refused(module):
    module.inner.double()
    with pytest.raises(ValueError, match="torch.float32 on cpu and torch.float64 on cpu"):
        FlatParameters(module)


def test_eager_step_is_autograd(module, batch):
    plain = copy.deepcopy(module)
    loss = plain(batch, CLOCK, None)["loss"]
    loss.backward()
    flat = FlatParameters(module)
    flat.gradient.fill_(9.0)
    terms = EagerStep(module, flat)(batch, CLOCK)
    assert torch.equal(terms["loss"], loss.detach())
    assert not any(term.requires_grad for term in terms.values())
    expected = dict(plain.named_parameters())
    for name, gradient in flat.views(flat.gradient).items():
        grad = expected[name].grad
        assert torch.equal(gradient, torch.zeros_like(gradient) if grad is None else grad)


def test_eager_step_touches_nothing_else(module, batch):
    flat = FlatParameters(module, ["inner.weight"])
    EagerStep(module, flat)(batch, CLOCK)
    assert module.outer.weight.grad is None


def test_eager_step_survives_a_cleared_gradient(module, batch):
    flat = FlatParameters(module)
    step = EagerStep(module, flat)
    step(batch, CLOCK)
    before = flat.gradient.clone()
    module.zero_grad(set_to_none=True)
    step(batch, CLOCK)
    assert torch.equal(flat.gradient, before)


@pytest.mark.parametrize("update", [speed._fused, speed._plain], ids=["fused", "plain"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_update_is_torchs_adamw(module, batch, update, weight_decay):
    flat = FlatParameters(module)
    adam = FusedAdamW(flat, betas=(0.8, 0.95), eps=1e-7, weight_decay=weight_decay)
    adam._update = update
    twin = nn.Parameter(flat.vector.clone())
    reference = torch.optim.AdamW(
        [twin],
        betas=(0.8, 0.95),
        eps=1e-7,
        weight_decay=weight_decay,
        fused=update is speed._fused,
        foreach=False,
    )
    step = EagerStep(module, flat)
    for lr in (1e-2, 3e-3, 1e-3, 0.0, 1e-2):
        step(batch, CLOCK)
        twin.grad = flat.gradient.clone()
        reference.param_groups[0]["lr"] = lr
        reference.step()
        adam.step(lr)
        assert torch.equal(flat.vector, twin)


def test_clipping_scales_long_gradients_only(module, batch):
    flat = FlatParameters(module)
    adam = FusedAdamW(flat, clip=0.01)
    EagerStep(module, flat)(batch, CLOCK)
    long = flat.gradient.clone()
    assert adam.norm().item() == pytest.approx(long.norm().item(), rel=1e-6)
    adam.step()
    torch.testing.assert_close(flat.gradient, long * (0.01 / long.norm()))
    short = flat.gradient.copy_(long * 1e-4).clone()
    adam.step()
    assert torch.equal(flat.gradient, short)


def test_norm_does_not_depend_on_threads():
    flat = FlatParameters(nn.Linear(1500, 700, bias=False, device="meta").to_empty(device="cpu"))
    flat.gradient.normal_(generator=seeded())
    adam = FusedAdamW(flat)
    threads = torch.get_num_threads()
    try:
        norms = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            norms.append(adam.norm())
    finally:
        torch.set_num_threads(threads)
    assert norms[0] == norms[1] == norms[2]


def test_a_reloaded_optimiser_goes_on_exactly(module, batch):
    def train(flat, adam, steps):
        step = EagerStep(module, flat)
        for _ in range(steps):
            step(batch, CLOCK)
            adam.step()

    flat = FlatParameters(module)
    adam = FusedAdamW(flat, 1e-2)
    train(flat, adam, 3)
    vector, state = flat.vector.clone(), adam.state()
    train(flat, adam, 4)
    unbroken = flat.vector.clone()
    flat.vector.copy_(vector)
    resumed = FusedAdamW(flat, 1e-2)
    resumed.load(state)
    train(flat, resumed, 4)
    assert torch.equal(flat.vector, unbroken)


def test_anothers_state_is_refused(module):
    adam = FusedAdamW(FlatParameters(module))
    before = adam.state()
    with pytest.raises(ValueError, match="it belongs to another network"):
        adam.load({**before, "second": torch.zeros(3)})
    with pytest.raises(ValueError, match="the state to load has none"):
        adam.load({"first": before["first"]})

"""A model in a stack is trained as if alone: same terms, weights and stream, bit by bit."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from diabolo.data.batches import Batch
from diabolo.engine.speed import EagerStep, FlatParameters, FusedAdamW
from diabolo.engine.stack import StackedStep

COUNT = 5


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def fresh(kind, seed):
    """A module of this kind with weights from a seed; torch's layers draw theirs globally."""
    before = torch.get_rng_state()
    module = kind()
    torch.set_rng_state(before)
    generator = seeded(seed)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)
    return module


class Dense(nn.Module):
    sizes = (12, 9, 4)
    outputs = 1  # of the encoder, for every unit of the code

    def __init__(self):
        super().__init__()
        d, h, k = self.sizes
        self.encoder = nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, self.outputs * k))
        self.decoder = nn.Sequential(nn.Linear(k, h), nn.Tanh(), nn.Linear(h, d))

    def error(self, z, batch):
        return 0.5 * (torch.sigmoid(self.decoder(z)) - batch.x).square().sum(1).mean()

    def forward(self, batch, clock, generator):
        return {"loss": self.error(self.encoder(batch.x), batch)}


class Small(Dense):
    sizes = (64, 16, 2)


class Wide(Dense):
    """Here torch's vectorised addmm differs from its plain one in the last bit."""

    sizes = (784, 32, 8)


class Noisy(Dense):
    def forward(self, batch, clock, generator):
        x = batch.x * torch.empty_like(batch.x).bernoulli_(0.7, generator=generator)
        x = x + torch.empty(x.shape).normal_(generator=generator)
        donors = torch.randint(len(x), x.shape, generator=generator)
        z = self.encoder(x.gather(0, donors))
        z = z * torch.bernoulli(torch.full_like(z, 0.5), generator=generator)
        return {"loss": self.error(z[torch.randperm(len(z), generator=generator)], batch)}


class Variational(Dense):
    outputs = 2

    def forward(self, batch, clock, generator):
        mu, logvar = self.encoder(batch.x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)
        rate = 0.5 * (mu * mu + logvar.exp() - logvar - 1).sum(1).mean()
        return {"loss": self.error(z, batch) + clock * rate, "rate": rate, "clock": clock * 1.0}


class Buffered(Dense):
    """Buffers that change, a frozen weight that differs between models, top-k, labels, context."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.side = nn.Linear(2, 4)
        self.frozen = nn.Parameter(torch.zeros(4), requires_grad=False)
        self.register_buffer("running", torch.zeros(4))

    def forward(self, batch, clock, generator):
        h = self.norm(self.encoder(batch.x) + self.side(batch.context)) * self.frozen
        with torch.no_grad():
            self.running.lerp_(h.mean(0), 0.1)
        values, units = h.topk(2, dim=1)
        z = h.new_zeros(h.shape).scatter(1, units, values) + self.running
        classes = F.cross_entropy(z, batch.y)
        return {"loss": self.error(z, batch) + classes, "buffer/mean": h.detach().mean(0)}


def batch_of(kind, generator, rows=8):
    return Batch(
        torch.rand(COUNT, rows, kind.sizes[0], generator=generator),
        torch.rand(COUNT, rows, 2, generator=generator),
        torch.randint(3, (COUNT, rows), generator=generator),
    )


@pytest.mark.parametrize("kind", [Dense, Small, Wide, Noisy, Variational, Buffered])
def test_every_model_is_trained_as_if_alone(kind):
    models = [fresh(kind, seed) for seed in range(COUNT)]
    alone = copy.deepcopy(models)
    streams, own = [[seeded(k) for k in range(COUNT)] for _ in range(2)]
    stack = StackedStep(models)
    adam = FusedAdamW(stack, 1e-2)
    flats = [FlatParameters(model) for model in alone]
    steps = [EagerStep(model, flat) for model, flat in zip(alone, flats, strict=True)]
    adams = [FusedAdamW(flat, 1e-2) for flat in flats]
    data = seeded(7)
    for number in range(8):
        batch, clock = batch_of(kind, data, rows=8 - (number == 4)), torch.tensor(number / 3)
        together = stack(batch, clock, streams)
        adam.step()
        for k in range(COUNT):
            terms = steps[k](Batch(*(field[k] for field in batch)), clock, own[k])
            adams[k].step()
            assert list(terms) == list(together)
            for name, term in terms.items():
                assert torch.equal(together[name][k], term), name
            assert torch.equal(stack.rows[k].gradient, flats[k].gradient)
            assert torch.equal(streams[k].get_state(), own[k].get_state())
            for mine, its in zip(
                alone[k].state_dict().values(), models[k].state_dict().values(), strict=True
            ):
                assert torch.equal(mine, its)
    assert stack.reason is None
    assert [replay.runs for replay in stack._step._replays.values()] == [6, 0]


def test_a_stack_asks_little_more_often_than_one_model():
    def calls(count):
        stack = StackedStep([fresh(Wide, seed) for seed in range(count)])
        for _ in range(2):
            stack(Batch(torch.rand(count, 32, 784, generator=seeded())), torch.zeros(()))
        (replay,) = stack._step._replays.values()
        return len(replay.plan.calls)

    assert calls(9) <= calls(3) < 60


def test_models_leave_the_stack_whole():
    models = [fresh(Buffered, seed) for seed in range(COUNT)]
    stack = StackedStep(models)
    before = copy.deepcopy(models[1].state_dict())
    stack.release()
    stack.vector.zero_()
    for name, tensor in models[1].state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def test_models_of_different_code_are_trained_one_by_one():
    class Other(Dense):
        def forward(self, batch, clock, generator):
            return {"loss": 2 * super().forward(batch, clock, generator)["loss"]}

    models = [fresh(Dense, 0), fresh(Other, 0)]
    stack = StackedStep(models)
    x = torch.rand(8, 12, generator=seeded())
    for _ in range(3):
        terms = stack(Batch(torch.stack([x, x])), torch.zeros(()))
    assert terms["loss"][1] == 2 * terms["loss"][0]
    assert "differed from the eager step" in stack.reason


def test_different_architectures_are_refused():
    with pytest.raises(ValueError, match="model 1 differs from model 0 in 'decoder.0.bias'"):
        StackedStep([fresh(Dense, 0), fresh(Small, 0)])
    with pytest.raises(ValueError, match="no model to stack"):
        StackedStep([])

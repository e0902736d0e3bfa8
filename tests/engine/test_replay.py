"""A replayed step is the eager step: same terms, gradients, buffers and random streams, bit by bit.

Each objective below is trained twice from one start, once eagerly and once by `best_step`, over
batches of two sizes. Both must stay equal in every bit at every step.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from diabolo.data.batches import Batch
from diabolo.engine.replay import WORTHWHILE, best_step
from diabolo.engine.speed import EagerStep, FlatParameters, FusedAdamW

D, H, K = 12, 9, 4  # inputs, hidden units, code


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def fresh(kind):
    """A module of this kind with weights from a seed; torch's layers draw theirs globally."""
    before = torch.get_rng_state()
    module = kind()
    torch.set_rng_state(before)
    generator = seeded()
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)
    return module


class Dense(nn.Module):
    """Half the squared error of a one-layer autoencoder with a given activation."""

    outputs = D

    def __init__(self, activation=nn.ReLU, code=K):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(D, H), activation(), nn.Linear(H, code))
        self.decoder = nn.Sequential(nn.Linear(K, H), activation(), nn.Linear(H, self.outputs))

    def forward(self, batch, clock, generator):
        out = self.decoder(self.encoder(batch.x))
        return {"loss": 0.5 * (torch.sigmoid(out) - batch.x).square().sum(1).mean()}


class Logits(Dense):
    def forward(self, batch, clock, generator):
        out = self.decoder(self.encoder(batch.x))
        nats = F.binary_cross_entropy_with_logits(out, batch.x, reduction="sum")
        return {"loss": nats / len(batch.x), "mean": out.mean()}


class LibraryLosses(Dense):
    """Losses whose own `.out` forms resize a 0-d result."""

    def forward(self, batch, clock, generator):
        out = torch.sigmoid(self.decoder(self.encoder(batch.x)))
        mse, bce = F.mse_loss(out, batch.x), F.binary_cross_entropy(out, batch.x)
        return {"loss": mse + bce + F.smooth_l1_loss(out, batch.x), "mse": mse, "bce": bce}


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(D, K)

    def forward(self, batch, clock, generator):
        out = F.linear(torch.tanh(self.layer(batch.x)), self.layer.weight.t())
        decay = sum((p * p).sum() for p in self.parameters())
        return {"loss": (out - batch.x).square().mean() + 0.01 * decay, "decay": decay}


class Normed(Dense):
    def __init__(self):
        super().__init__()
        self.encoder.insert(1, nn.LayerNorm(H))


class BatchNormed(Dense):
    """Buffers change in place at every step."""

    def __init__(self):
        super().__init__()
        self.encoder.insert(1, nn.BatchNorm1d(H))


class RunningMean(Dense):
    def __init__(self):
        super().__init__()
        self.register_buffer("running", torch.zeros(K))

    def forward(self, batch, clock, generator):
        z = torch.sigmoid(self.encoder(batch.x))
        with torch.no_grad():
            self.running.lerp_(z.mean(0), 0.1)
        rho = (self.running + z.mean(0) - z.mean(0).detach()).clamp(1e-6, 1 - 1e-6)
        error = (self.decoder(z) - batch.x).square().mean()
        return {"loss": error - 0.1 * rho.log().sum(), "buffer/fresh": z.detach().mean(0)}


class Masked(Dense):
    def forward(self, batch, clock, generator):
        keep = torch.empty_like(batch.x).bernoulli_(0.7, generator=generator)
        out = self.decoder(self.encoder(batch.x * keep))
        return {"loss": (out - batch.x).square().mean()}


class Swapped(Dense):
    """Columns swapped between rows, and dropout by hand."""

    def forward(self, batch, clock, generator):
        donors = torch.randint(len(batch.x), batch.x.shape, generator=generator)
        coins = torch.rand(batch.x.shape, generator=generator) < 0.3
        h = self.encoder(torch.where(coins, batch.x.gather(0, donors), batch.x))
        h = h * torch.bernoulli(torch.full_like(h, 0.5), generator=generator) * 2
        return {"loss": (self.decoder(h) - batch.x).square().mean()}


class Variational(Dense):
    """Gaussian code with an annealed rate: β grows with the clock."""

    def __init__(self):
        super().__init__(nn.Tanh, 2 * K)

    def forward(self, batch, clock, generator):
        mu, logvar = self.encoder(batch.x).chunk(2, dim=1)
        noise = torch.randn(mu.shape, generator=generator)
        rate = 0.5 * (mu * mu + logvar.exp() - logvar - 1).sum(1).mean()
        out = self.decoder(mu + torch.exp(0.5 * logvar) * noise)
        distortion = F.softplus(out).sum(1).mean() - (batch.x * out).sum(1).mean()
        beta = (clock / 3).clamp(max=1.0)
        return {"loss": distortion + beta * rate, "rate": rate, "beta": beta}


class TopK(Dense):
    def forward(self, batch, clock, generator):
        values, units = self.encoder(batch.x).topk(2, dim=1)
        z = batch.x.new_zeros(len(batch.x), K).scatter(1, units, values)
        return {"loss": (self.decoder(z) - batch.x).abs().mean()}


class Contractive(Dense):
    """Closed form for one layer, Σ_j (h_j (1 − h_j))² Σ_i W_ji²."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(D, K)

    def forward(self, batch, clock, generator):
        h = torch.sigmoid(self.encoder(batch.x))
        slope = h * (1 - h)
        contraction = (slope.square() @ self.encoder.weight.square().sum(1)).mean()
        error = (self.decoder(h) - batch.x).square().mean()
        return {"loss": error + 0.1 * contraction, "contraction": contraction}


class ContractiveByAutograd(Dense):
    """The Jacobian by a backward pass inside the forward pass."""

    def forward(self, batch, clock, generator):
        x = batch.x.detach().requires_grad_()
        z = torch.tanh(self.encoder(x))
        (row,) = torch.autograd.grad(z[:, 0].sum(), x, create_graph=True)
        return {"loss": (self.decoder(z) - x).square().mean() + row.square().sum(1).mean()}


class Conditional(Dense):
    """Uses context and labels, with integers, indexing, and a term that is a constant."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(3, K)
        self.side = nn.Linear(2, K)

    def forward(self, batch, clock, generator):
        z = self.encoder(batch.x) + self.table(batch.y) + self.side(batch.context)
        picked = z[torch.arange(len(z)), batch.y]
        spread = z.std(0).sum() + torch.logsumexp(z, 1).mean()
        error = (self.decoder(z) - batch.x).square().mean()
        classes = F.cross_entropy(z[:, :3], batch.y)
        loss = error + 0.1 * picked.mean() + 0.01 * spread + classes
        return {"loss": loss, "constant": batch.x.new_ones(())}


class Discretised(Dense):
    """Where-branches, log-sigmoids and clamps, element by element."""

    outputs = 2 * D

    def forward(self, batch, clock, generator):
        location, scale = self.decoder(self.encoder(batch.x)).chunk(2, dim=1)
        upper = (batch.x - location + 0.1) * torch.exp(-scale.clamp(-3, 3))
        lower = upper - 0.2 * torch.exp(-scale)
        inside = torch.log(torch.sigmoid(upper) - torch.sigmoid(lower) + 1e-6)
        nats = torch.where(batch.x < 0.1, F.logsigmoid(upper), inside)
        return {"loss": -nats.sum(1).mean()}


class Unused(Dense):
    """A parameter that the loss does not depend on has gradient 0."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Linear(2, 2)


class Constant(nn.Module):
    """One parameter of no dimension, whose gradient is a view of something else."""

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.zeros(()))
        self.shift = nn.Parameter(torch.zeros(1, D))

    def forward(self, batch, clock, generator):
        return {"loss": (batch.x + self.shift - self.level).square().sum()}


class Treacherous(Dense):
    """What a careless plan would leave out, keep, or overwrite too early."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(K))

    def forward(self, batch, clock, generator):
        torch.rand(5, generator=generator)  # drawn, not used
        z = torch.tanh(self.encoder(batch.x))
        gram = z.t() @ z
        symmetric = torch.exp(gram * 1.5 + gram.t())  # one memory, two ways to read it
        marks = torch.zeros_like(z)
        marks.scatter_(1, z.argmax(1, keepdim=True), 1.0)  # zeros that do not stay so
        with torch.no_grad():
            before = self.seen * 1.0  # a copy, not another name
            self.seen.add_(marks.sum(0))
        signs = torch.copysign(before + 1, -0.0 * marks[0] + 0)  # −0 + 0 is +0
        loss = (self.decoder(z * signs) - batch.x).square().mean() + 0.01 * symmetric.sum()
        return {"loss": loss, "before": before.sum(), "marks": marks.sum(0), "sign": signs[0]}


ACTIVATIONS = [
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.LeakyReLU, nn.Softplus,
    nn.Identity, nn.Hardtanh,
]  # fmt: skip
OBJECTIVES = {f"Dense-{a.__name__}": lambda a=a: Dense(a) for a in ACTIVATIONS} | {
    kind.__name__: kind
    for kind in (
        Logits, LibraryLosses, Tied, Normed, BatchNormed, RunningMean, Masked, Swapped,
        Variational, TopK, Contractive, ContractiveByAutograd, Conditional, Discretised, Unused,
        Constant, Treacherous,
    )
}  # fmt: skip


def batches(count=12, sizes=(8, 7)):
    generator = seeded(5)
    for number in range(count):
        n = sizes[number % 3 == 2]
        yield Batch(
            torch.rand(n, D, generator=generator),
            torch.rand(n, 2, generator=generator),
            torch.randint(3, (n,), generator=generator),
        )


class Training:
    """An objective with its step, optimiser and stream."""

    def __init__(self, objective, make_step):
        self.objective = objective
        self.flat = FlatParameters(objective)
        self.step = make_step(objective, self.flat)
        self.adam = FusedAdamW(self.flat, 1e-2)
        self.generator = seeded(3)

    def __call__(self, batch, clock):
        terms = self.step(batch, clock, self.generator)
        self.gradient = self.flat.gradient.clone()
        self.adam.step()
        return terms

    def state(self):
        buffers = list(self.objective.buffers())
        return [self.flat.vector, self.gradient, *buffers, self.generator.get_state()]


def twins(objective):
    return Training(copy.deepcopy(objective), EagerStep), Training(objective, best_step)


def assert_equal(left, right):
    assert list(left) == list(right)
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.mark.parametrize("make", OBJECTIVES.values(), ids=OBJECTIVES)
def test_replay_is_eager_bit_by_bit(make):
    eager, replayed = twins(fresh(make))
    for number, batch in enumerate(batches()):
        clock = torch.tensor(number / 4)
        assert_equal(eager(batch, clock), replayed(batch, clock))
        for a, b in zip(eager.state(), replayed.state(), strict=True):
            assert torch.equal(a, b)
    assert replayed.step.reason is None
    replays = replayed.step._replays.values()
    assert [r.runs for r in replays] == [7, 3]  # the plans were run, not only made


@pytest.fixture
def dense():
    return fresh(Dense)


def replay_of(training):
    for batch in batches(4, (8, 8)):
        training(batch, torch.zeros(()))
    (replay,) = training.step._replays.values()
    return replay


def test_gradients_land_in_the_flat_vector_without_a_copy(dense):
    training = Training(dense, best_step)
    calls = replay_of(training).plan.calls
    into = [call.keywords["out"] for call in calls if "out" in call.keywords]
    landed = {out.data_ptr() for out in into if out.numel() > 1}
    assert {g.data_ptr() for g in training.flat.gradients} <= landed
    assert not any(call.func.__name__ == "copy_" for call in calls)


def test_buffers_are_reused(dense):
    """Eleven layers need no more memory for activations than they keep for the backward pass."""
    calls = replay_of(Training(dense, best_step)).plan.calls
    outs = [call.keywords["out"] for call in calls if "out" in call.keywords]
    assert len({out.untyped_storage().data_ptr() for out in outs}) < len(outs)


def test_kept_terms_are_not_overwritten(dense):
    training = Training(dense, best_step)
    kept = [training(batch, torch.zeros(()))["loss"] for batch in batches(8, (8, 8))]
    assert len({loss.item() for loss in kept}) == 8
    assert not kept[-1].is_inference()
    kept[-1].add_(1)  # an ordinary tensor


def test_the_module_stays_an_ordinary_module(dense):
    training = Training(dense, best_step)
    replay_of(training)
    copy.deepcopy(dense)(next(batches()), torch.zeros(()), None)["loss"].backward()
    assert set(dense.state_dict()) == set(fresh(Dense).state_dict())


def test_weights_changed_from_outside_are_seen(dense):
    eager, replayed = twins(dense)
    for number, batch in enumerate(batches(9, (8, 8))):
        if number == 6:  # as after a back-off
            eager.flat.vector.mul_(0.5)
            replayed.flat.vector.mul_(0.5)
        assert_equal(eager(batch, torch.zeros(())), replayed(batch, torch.zeros(())))


def test_a_new_generator_is_heard():
    eager, replayed = twins(fresh(Masked))
    for number, batch in enumerate(batches(15, (8, 8))):
        if number == 6:
            eager.generator, replayed.generator = seeded(9), seeded(9)
        assert_equal(eager(batch, torch.zeros(())), replayed(batch, torch.zeros(())))


def test_the_global_random_state_stays_where_eager_leaves_it():
    _, replayed = twins(fresh(Masked))
    before = torch.get_rng_state()
    for batch in batches(6, (8, 8)):
        replayed(batch, torch.zeros(()))
        assert torch.equal(torch.get_rng_state(), before)


class ReadsBack(Dense):
    def forward(self, batch, clock, generator):
        terms = super().forward(batch, clock, generator)
        return {"loss": terms["loss"] * (2.0 if terms["loss"].item() > 1 else 1.0)}


class ShapedByValues(Dense):
    def forward(self, batch, clock, generator):
        return super().forward(Batch(batch.x[batch.x[:, 0] > 0.3]), clock, generator)


class Rebinds(Dense):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, batch, clock, generator):
        self.count = self.count + 1
        return super().forward(batch, clock, generator)


class Convolved(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(1, 1, 3))

    def forward(self, batch, clock, generator):
        out = F.conv1d(batch.x.unsqueeze(1), self.kernel, padding=1).squeeze(1)
        return {"loss": (out - batch.x).square().mean()}


class Recurrent(Dense):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTM(D, K, batch_first=True)

    def forward(self, batch, clock, generator):
        z, _ = self.cell(batch.x.unsqueeze(1))
        return {"loss": (self.decoder(z[:, 0]) - batch.x).square().mean()}


class Counts(Dense):
    """The weight of the loss changes in Python at every step."""

    def __init__(self):
        super().__init__()
        self.steps = 0

    def forward(self, batch, clock, generator):
        self.steps += 1
        loss = super().forward(batch, clock, generator)["loss"]
        return {"loss": loss / self.steps}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (ReadsBack, "hands a tensor's value to Python"),
        (ShapedByValues, "depends on values"),
        (Rebinds, "replaces its buffer 'count'"),
        (Convolved, "convolutions gain nothing"),
    ],
)
def test_what_cannot_be_replayed_is_eager(kind, reason):
    eager, best = twins(fresh(kind))
    for batch in batches():
        assert_equal(eager(batch, torch.zeros(())), best(batch, torch.zeros(())))
    assert torch.equal(eager.flat.vector, best.flat.vector)
    assert reason in best.step.reason


def test_a_python_counter_is_found_at_once():
    training = Training(fresh(Counts), best_step)
    for batch in batches(4):
        training(batch, torch.zeros(()))
    assert "differed from the eager step at run 1" in training.step.reason


def test_a_recurrent_net_trains_in_whatever_form():
    eager, best = twins(fresh(Recurrent))
    for batch in batches():
        assert_equal(eager(batch, torch.zeros(())), best(batch, torch.zeros(())))
    assert torch.equal(eager.flat.vector, best.flat.vector)


class Anneals(Dense):
    """Trap: a weight that Python changes once in a while is frozen until the next comparison."""

    weight = 1.0

    def forward(self, batch, clock, generator):
        return {"loss": self.weight * super().forward(batch, clock, generator)["loss"]}


def test_a_frozen_python_number_is_found_at_the_next_comparison():
    training = Training(fresh(Anneals), best_step)
    stream = batches(30, (8, 8))
    clock = torch.zeros(())
    for _ in range(6):  # eager, then runs 1 to 5 of the replay
        training(next(stream), clock)
    training.objective.weight = 2.0
    for _ in range(10):  # runs 6 to 15
        training(next(stream), clock)
    with pytest.warns(RuntimeWarning, match="computed from the clock, or be a buffer"):
        terms = training(next(stream), clock)
    assert "run 16" in training.step.reason
    assert terms["loss"] > 0
    loss = training(batch := next(stream), clock)["loss"]  # eager from now on
    assert loss > 0
    assert batch.x.shape == (8, D)


def test_few_steps_and_convolutional_modules_are_not_written_down(dense):
    flat = FlatParameters(dense)
    few = best_step(dense, flat, expected_steps=WORTHWHILE - 1)
    assert isinstance(few, EagerStep)
    assert "too few" in few.reason
    convolutional = fresh(lambda: nn.Sequential(nn.Conv2d(1, 1, 3)))
    step = best_step(convolutional, FlatParameters(convolutional))
    assert isinstance(step, EagerStep)
    assert "convolutions" in step.reason


def test_ever_new_shapes_end_eagerly(dense):
    eager, best = twins(dense)
    generator = seeded(1)
    for _ in range(3):
        for n in range(1, 9):
            batch = Batch(torch.rand(n, D, generator=generator))
            assert_equal(eager(batch, torch.zeros(())), best(batch, torch.zeros(())))
    assert len(best.step._replays) < 8


def test_an_error_of_the_objective_comes_through(dense):
    step = best_step(dense, FlatParameters(dense))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        step(Batch(torch.zeros(3, D + 1)), torch.zeros(()), None)

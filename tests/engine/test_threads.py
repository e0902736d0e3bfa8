"""Races are run against simulated machines; real threads only have to leave no trace."""

import copy

import pytest
import torch
from torch import nn

from diabolo.data.batches import Batch
from diabolo.engine import threads
from diabolo.engine.replay import best_step
from diabolo.engine.speed import EagerStep, FlatParameters, FusedAdamW
from diabolo.engine.threads import Lone, Race, ThreadedStep, threads_restored

# Milliseconds a step on 2 and on 1 threads, alone and with a busy neighbour on one core
# (docs/performance.md, batch 128).
ALONE, NEIGHBOUR = {2: 15.0, 1: 24.0}, {2: 60.0, 1: 26.0}


def run(race, machine, seconds):
    """Steps on a machine for so long; the threads used, and the mean time a step."""
    used, total = [], 0.0
    while total < seconds:
        used.append(race.count)
        took = machine[race.count] / 1000
        total += took
        race.took(took)
    return used, 1000 * total / len(used)


def test_alone_two_threads_win():
    race = Race([2, 1])
    used, mean = run(race, ALONE, 5)
    assert race.count == 2
    assert set(used[2 * (Race.TIMED + 1) :]) == {2}
    assert mean < 1.05 * ALONE[2]


def test_with_a_neighbour_one_thread_wins():
    race = Race([2, 1])
    used, mean = run(race, NEIGHBOUR, 20)
    assert race.count == 1
    assert mean < 1.1 * NEIGHBOUR[1] < 2.0 * ALONE[2]
    assert used.count(2) < 0.05 * len(used)


def test_a_neighbour_that_comes_and_goes():
    race = Race([2, 1])
    run(race, ALONE, 3)
    _, mean = run(race, NEIGHBOUR, 20)
    assert race.count == 1
    assert mean < 2.0 * ALONE[2]
    run(race, ALONE, Race.PATIENCE[1])
    assert race.count == 2


def test_a_single_slow_step_changes_nothing():
    race = Race([2, 1])
    run(race, ALONE, 3)
    for slow in range(100):
        race.took(0.5 if slow % Race.STREAK == 0 else 0.015)
        assert race.count == 2


def test_one_way_is_no_race():
    race = Race([3])
    assert race.settled
    race.took(1.0)
    assert race.count == 3


class Dense(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        state = torch.get_rng_state()  # torch's layers draw their weights globally
        self.net = nn.Sequential(nn.Linear(d, h), nn.Tanh(), nn.Linear(h, d))
        torch.set_rng_state(state)
        generator = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1, generator=generator)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, batch, clock, generator):
        self.steps.add_(1)
        x = batch.x + torch.empty_like(batch.x).normal_(generator=generator)
        return {"loss": (self.net(x) - batch.x).square().sum(1).mean()}


def training(objective, wrap):
    """A function that does one step; returns flat vector, buffer and stream."""
    flat = FlatParameters(objective)
    step, adam = wrap(objective, flat), FusedAdamW(flat, 1e-2)
    generator = torch.Generator().manual_seed(1)
    batch = Batch(torch.rand(64, objective.net[0].in_features, generator=generator))

    def go():
        step(batch, torch.zeros(()), generator)
        adam.step()
        return flat.vector.clone(), objective.steps.clone(), generator.get_state()

    return go, step


@pytest.fixture
def two_threads():
    with threads_restored():
        torch.set_num_threads(2)
        yield


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("form", [EagerStep, best_step])
def test_trials_leave_no_trace(form):
    """Whatever the race decides, weights, buffers and random stream are those of two threads."""
    objective = Dense(200, 120)
    plain, _ = training(copy.deepcopy(objective), EagerStep)
    raced, step = training(objective, lambda o, flat: ThreadedStep(form(o, flat), o, flat))
    for number in range(16):
        torch.set_num_threads(2)
        expected = plain()
        found = raced()
        assert all(map(torch.equal, expected, found)), number
    assert step.race.counts[0] == 2


@pytest.mark.usefixtures("two_threads")
def test_counts_that_change_the_result_do_not_take_part(monkeypatch):
    monkeypatch.setattr(threads, "EMERGENCY", float("inf"))  # whatever else the machine does
    objective = Dense(200, 120)
    flat = FlatParameters(objective)
    step = ThreadedStep(EagerStep(objective, flat), objective, flat)
    plain = step._plain

    def depends(batch, clock, generator):
        terms = plain(batch, clock, generator)
        return {"loss": terms["loss"] + torch.get_num_threads()}

    depends.objective, depends.flat = objective, flat
    step._plain = depends
    batch = Batch(torch.rand(64, 200, generator=torch.Generator().manual_seed(0)))
    for _ in range(3):
        step(batch, torch.zeros(()), torch.Generator())
    assert step.race.counts == [2]


@pytest.mark.usefixtures("two_threads")
def test_tiny_steps_get_one_thread_and_no_race():
    objective = Dense(64, 16)
    flat = FlatParameters(objective)
    step = ThreadedStep(best_step(objective, flat), objective, flat)
    step(Batch(torch.zeros(32, 64)), torch.zeros(()), torch.Generator())
    assert torch.get_num_threads() == 1
    assert step.race.settled


@pytest.mark.usefixtures("two_threads")
def test_a_given_number_is_kept():
    objective = Dense(64, 16)
    flat = FlatParameters(objective)
    step = ThreadedStep(EagerStep(objective, flat), objective, flat, n_threads=2)
    for _ in range(5):
        torch.set_num_threads(1)
        step(Batch(torch.zeros(32, 64)), torch.zeros(()), torch.Generator())
        assert torch.get_num_threads() == 2


def test_threads_are_restored_after_an_error():
    before = torch.get_num_threads()

    def fail():
        with threads_restored():
            torch.set_num_threads(before + 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before


def test_convolutions_count_at_every_entry():
    convolution = nn.Conv2d(1, 16, 3, device="meta").to_empty(device="cpu")
    flat = FlatParameters(convolution)
    digits, mnist = torch.zeros(32, 8 * 8), torch.zeros(128, 28 * 28)
    assert threads._largest_product(flat, digits) == 2 * 32 * 64 * 16 * 9 < threads.TINY
    assert threads._largest_product(flat, mnist) > threads.TINY


def dependent_step(seconds_on_two):
    """A step whose result depends on the number of threads, with times as on a loaded machine."""
    objective = Dense(200, 120)
    flat = FlatParameters(objective)
    step = ThreadedStep(EagerStep(objective, flat), objective, flat)
    outcomes = {2: [torch.zeros(1)], 1: [torch.ones(1)]}
    step._tried = lambda *_: (outcomes, {2: seconds_on_two, 1: 1.0})
    batch = Batch(torch.rand(64, 200, generator=torch.Generator().manual_seed(0)))
    for _ in range(2):
        step(batch, torch.zeros(()), torch.Generator())
    return step


@pytest.mark.usefixtures("two_threads")
def test_only_an_emergency_may_show_in_the_result():
    calm, desperate = dependent_step(1.5), dependent_step(9.0)
    assert (calm.race.count, calm.note) == (2, None)
    assert desperate.race.count == 1
    assert "9 times slower" in desperate.note


def test_an_emergency_is_noticed_when_it_comes():
    race = Lone(2)
    for _ in range(20):
        race.took(0.015)
    for _ in range(Race.STREAK - 1):
        race.took(0.4)
    assert not race.alarmed
    race.took(0.4)
    assert race.alarmed

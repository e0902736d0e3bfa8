"""The loop: what it learns, keeps, notes, survives; with objectives small enough to check."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from diabolo.engine.checkpoint import Checkpoint
from diabolo.engine.events import Nobody
from diabolo.engine.fit import DivergedWarning, Run, Table, fit
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase


class Rows(NamedTuple):
    x: Tensor


class Line(nn.Module):
    """Least squares with noise on the input: last column of x from the others."""

    def __init__(self, width: int, noise: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.noise = noise
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, batch, clock, generator):
        x = batch.x[:, :-1]
        x = x + self.noise * torch.empty_like(x).normal_(generator=generator)
        error = x @ self.weight - batch.x[:, -1]
        loss = (error * error).mean()
        return {"loss": loss, "bias": error.mean(), "buffer/steps": self.steps + 1}


class Supply:
    """Batches of fixed rows in an order that the epoch's number decides; may misbehave."""

    def __init__(self, rows: Tensor, size: int, trouble=None) -> None:
        self.rows, self.size, self.trouble, self.asked = rows, size, trouble, 0

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.size)

    def epoch(self, number: int, start: int = 0):
        order = np.random.default_rng(number).permutation(len(self.rows))
        for j in range(start, len(self)):
            batch = Rows(self.rows[order[j * self.size : (j + 1) * self.size]])
            self.asked += 1
            yield self.trouble(self.asked, batch) if self.trouble else batch


def rows(n: int = 64, width: int = 3) -> Tensor:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(n, width + 1))).float()
    x[:, -1] = x[:, :-1] @ torch.arange(1.0, width + 1) + 0.1 * x[:, -1]
    return x


def phase(objective, supply, **settings) -> Phase:
    player = Player("line", objective, lr=settings.pop("lr", 0.05), weight_decay=0.0)
    return Phase("joint", (player,), supply, **{"max_epochs": 5, "patience": None, **settings})


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_reaches_the_least_squares_solution():
    x, line = rows(), Line(3)
    fit([phase(line, Supply(x, 16), max_epochs=150)], line, noise())
    exact = np.linalg.lstsq(x[:, :-1].numpy(), x[:, -1].numpy(), rcond=None)[0]
    np.testing.assert_allclose(line.weight.detach(), exact, atol=1e-3)


def test_history_is_the_mean_over_rows_whatever_the_batches():
    # 64 rows in batches of 24, 24, 16, at a learning rate that changes nothing
    x, line = rows(), Line(3)
    outcome = fit([phase(line, Supply(x, 24), max_epochs=1, lr=1e-12)], line, noise())
    (record,) = outcome.history.records
    expected = float((x[:, -1] ** 2).mean())
    assert record["train"]["loss"] == pytest.approx(expected, rel=1e-5)
    assert set(record["train"]) == {"loss", "bias"}


def test_buffers_are_stored_after_each_step():
    x, line = rows(), Line(3)
    fit([phase(line, Supply(x, 16), max_epochs=3)], line, noise())
    assert line.steps == 12


def test_stops_and_keeps_the_best_weights():
    x, line, seen = rows(), Line(3), []

    def evaluate(briefly=False):
        seen.append(line.weight.detach().clone())
        return {"loss": [9.0, 5.0, 3.0, 4.0, 4.0, 4.0, 0.0][len(seen) - 1]}

    outcome = fit(
        [phase(line, Supply(x, 16), evaluate=evaluate, patience=3, max_epochs=50)], line, noise()
    )
    assert len(outcome.history.records) == 5, "three epochs without improvement after the second"
    assert torch.equal(line.weight, seen[2])
    assert "9 → 3" in outcome.history.notes[0]


def test_small_gains_do_not_count_for_patience():
    losses = iter([10.0, 9.0, 8.9999, 8.9998, 8.9997, 8.9996])
    x, line = rows(), Line(3)
    settings = {
        "evaluate": lambda briefly=False: {"loss": next(losses)},
        "patience": 2,
        "tol": 1e-3,
    }
    outcome = fit([phase(line, Supply(x, 16), max_epochs=50, **settings)], line, noise())
    assert len(outcome.history.records) == 3


def test_ctrl_c_keeps_the_best_so_far():
    def interrupt(asked, batch):
        if asked == 11:
            raise KeyboardInterrupt
        return batch

    x, line, seen = rows(), Line(3), []

    def evaluate(briefly=False):
        seen.append(line.weight.detach().clone())
        return {"loss": 1.0 / len(seen)}

    supply = Supply(x, 16, interrupt)
    outcome = fit([phase(line, supply, evaluate=evaluate)], line, noise())
    assert outcome.interrupted
    assert torch.equal(line.weight, seen[2]), "two epochs of four steps were complete"
    assert "interrupted in joint, epoch 3" in outcome.history.notes[-1]


def spoil(*steps):
    """Trouble: the batch of these steps has a row that float32 cannot hold."""

    def trouble(asked, batch):
        if asked in steps:
            batch.x[2] = math.inf
        return batch

    return trouble


def test_backs_off_once_and_says_what_where_and_which_rows():
    line = Line(3)
    outcome = fit([phase(line, Supply(rows(), 16, spoil(6)), max_epochs=3)], line, noise())
    assert len(outcome.history.records) == 3
    assert outcome.history.notes[0] == (
        "loss and bias not finite in joint, epoch 2, step 6, rows [2]; "
        "went on with a tenth of the learning rate"
    )
    assert torch.isfinite(line.weight).all()
    rates = [record["lr"] for record in outcome.history.records]
    assert rates[1] < 0.2 * rates[0]


def test_ends_with_the_last_good_weights_the_second_time():
    line = Line(3)
    with pytest.warns(DivergedWarning, match=r"weights of epoch 1 were kept.*smaller lr"):
        outcome = fit([phase(line, Supply(rows(), 16, spoil(6, 8)))], line, noise())
    alone = Line(3)
    first = phase(alone, Supply(rows(), 16))
    table = Table(first, alone, noise(), Run())
    table._epoch(Nobody())
    assert torch.equal(line.weight, alone.weight)
    assert len(outcome.history.records) == 1


def test_without_a_good_epoch_there_is_an_error():
    line = Line(3)
    with pytest.raises(FloatingPointError, match="loss and bias not finite in joint, epoch 1"):
        fit([phase(line, Supply(rows(), 16, spoil(1, 2)))], line, noise())


def test_players_take_turns_on_every_batch():
    turns = []

    class Side(nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name, self.weight = name, nn.Parameter(torch.zeros(1))

        def forward(self, batch, clock, generator):
            turns.append(self.name)
            return {"loss": (self.weight - 1).square().sum()}

    sides = nn.ModuleDict({"a": Side("a"), "b": Side("b")})
    players = tuple(Player(name, side) for name, side in sides.items())
    plan = [Phase("game", players, Supply(rows(32), 16), max_epochs=1, patience=None)]
    outcome = fit(plan, sides, noise())
    assert turns == ["a", "b"] * 2
    assert set(outcome.history.records[0]["train"]) == {"a/loss", "b/loss"}


def test_the_clock_counts_epochs():
    class Clocked(Line):
        def forward(self, batch, clock, generator):
            return super().forward(batch, clock, generator) | {"clock": clock.clone()}

    line = Clocked(3)
    outcome = fit([phase(line, Supply(rows(), 16), max_epochs=2)], line, noise())
    clocks = [record["train"]["clock"] for record in outcome.history.records]
    assert clocks == [pytest.approx(0.375), pytest.approx(1.375)]


# exact resume


class Killed(BaseException):
    """Ends a run at once, as SIGKILL does; tests/faults/test_resume.py sends the real one."""


def kill_at(step):
    def trouble(asked, batch):
        if asked == step:
            raise Killed
        return batch

    return trouble


def two_phases(path=None, trouble=None):
    """Noise, two phases, sizes that do not divide, held-out rows, early stopping, buffers."""
    x = rows(50)
    first, second = Line(3, noise=0.3), Line(3, noise=0.3)
    both = nn.ModuleList([first, second])

    def evaluation(line):  # best somewhere on the way, so that the best weights matter
        return lambda briefly=False: {"loss": float((line.weight.sum() - 0.6) ** 2)}

    supply = Supply(x, 16, trouble)
    plan = [
        phase(line, supply, evaluate=evaluation(line), max_epochs=4, patience=2)
        for line in (first, second)
    ]
    checkpoint = Checkpoint(path, {"settings": 1}, every=0) if path else None
    return plan, both, checkpoint


def run_to_the_end(path=None, trouble=None):
    plan, module, checkpoint = two_phases(path, trouble)
    outcome = fit(plan, module, noise(), checkpoint=checkpoint)
    state = [t.clone() for t in (*module.parameters(), *module.buffers())]
    return state, outcome.history.records, outcome.history.notes


@pytest.fixture(scope="module")
def unbroken():
    return run_to_the_end()


def same(a, b):
    return all(map(torch.equal, a[0], b[0])) and a[1:] == b[1:]


@pytest.mark.parametrize("step", range(1, 25))
def test_a_run_killed_at_any_step_goes_on_to_the_same_bits(step, tmp_path, unbroken):
    path = tmp_path / "run.safetensors"
    try:
        result = run_to_the_end(path, kill_at(step))
    except Killed:
        assert path.exists() == (step > 1)
        result = run_to_the_end(path)
    assert same(result, unbroken)
    assert not path.exists(), "nothing is left to resume"


FORGETS = {
    "noise": lambda table, tensors: tensors.update(noise=noise().get_state()),
    "moments": lambda table, tensors: [
        tensors[name].zero_() for name in tensors if name.endswith(("/first", "/second"))
    ],
    "position": lambda table, tensors: setattr(table.run, "position", 0),
    "best weights": lambda table, tensors: [
        tensors[name].zero_() for name in tensors if name.startswith("best/")
    ],
}


# in the middle of an epoch; after the best epoch of the first phase
KILLED_AT = {"noise": 7, "moments": 7, "position": 7, "best weights": 10}


@pytest.mark.parametrize("forgotten", FORGETS)
def test_control_a_resume_that_forgets_something_differs(
    forgotten, tmp_path, monkeypatch, unbroken
):
    load = Table.load

    def forgetful(table, tensors):
        FORGETS[forgotten](table, tensors)
        load(table, tensors)

    monkeypatch.setattr(Table, "load", forgetful)
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        run_to_the_end(path, kill_at(KILLED_AT[forgotten]))
    assert not same(run_to_the_end(path), unbroken)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        run_to_the_end(path, kill_at(3))
    plan, module, _ = two_phases()
    other = Checkpoint(path, {"settings": 2}, every=0)
    with pytest.raises(ValueError, match=r"another settings \(1, now 2\).*delete this one"):
        fit(plan, module, noise(), checkpoint=other)


class Following(nn.Module):
    """A weight that is drawn to a target, which is held fixed for an epoch at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("target", torch.zeros(1))

    def forward(self, batch, clock, generator):
        return {"loss": (self.weight - self.target).square().sum()}


class TestTargetsAreRenewed:
    def test_before_every_epoch_until_it_is_enough(self):
        following, seen = Following(), []

        def renew():
            assert not following.training
            seen.append(float(following.weight.detach()))
            following.target.copy_(following.weight.detach() + 1)
            return len(seen) == 4

        outcome = fit(
            [phase(following, Supply(rows(), 16), renew=renew, max_epochs=9)], following, noise()
        )
        assert len(outcome.history.records) == 3
        assert seen[0] == 0
        assert sorted(set(seen)) == seen
        assert len(seen) == 4
        assert following.weight == seen[-1], "nothing is trained after the end"

    def test_once_for_an_epoch_that_is_resumed(self, tmp_path):
        def made(stop_after=None):
            following = Following()

            def trouble(asked, batch):
                if asked == stop_after:
                    raise KeyboardInterrupt
                return batch

            def renew():
                calls.append(0)
                following.target.copy_(following.weight.detach() + 1)
                return False

            return following, [phase(following, Supply(rows(), 16, trouble), renew=renew)]

        calls = []
        whole, plan = made()
        fit(plan, whole, noise())
        assert len(calls) == 5
        calls = []
        path = tmp_path / "run"
        broken, plan = made(stop_after=11)  # in the third epoch of four batches
        fit(plan, broken, noise(), checkpoint=Checkpoint(path, {}, every=0))
        again, plan = made()
        fit(plan, again, noise(), checkpoint=Checkpoint(path, {}, every=0))
        assert len(calls) == 5
        assert torch.equal(again.weight, whole.weight)

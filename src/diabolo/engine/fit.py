"""The loop; the only loop. It knows players, batches and phases, and no word of autoencoders.

    for phase in plan:                       # a stacked network has several
        for epoch in …:
            for batch in batches:
                for seat in seats:           # an autoencoder has one, a GAN two
                    forward, backward, step
            evaluate, remember the best, perhaps stop

Concerns that wrap a step (precision, threads) belong to `Seat`, not in here.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diabolo.engine.checkpoint import Checkpoint, Snapshot
from diabolo.engine.events import History, Nobody, Tally, Watcher, as_floats, not_finite
from diabolo.engine.players import Seat
from diabolo.engine.schedule import Phase, Stopper
from diabolo.engine.threads import threads_restored

Moments = Sequence[dict[str, Tensor]]  # one a player

BACK_OFF = 0.1  # of the learning rate, once, after a loss that is not a number


class DivergedWarning(UserWarning):
    """The loss stopped being a number; the last good weights were kept."""


@dataclass
class Run:
    """Where a fit is: everything but the tensors; goes into the checkpoint as it stands."""

    phase: int = 0
    epoch: int = 0
    position: int = 0  # batches done in this epoch
    step: int = 0  # in this phase
    rate: float = 1.0  # of the learning rate: below 1 after a back-off
    renewed: int = -1  # the epoch before which targets were renewed last
    backed_off: bool = False
    done: bool = False  # this phase has ended; nothing but its best weights is left to take
    interrupted: bool = False
    stopper: Stopper = field(default_factory=Stopper)
    sums: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    seconds: float = 0.0  # spent on the phase's current epoch before the last checkpoint
    history: History = field(default_factory=History)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        stopper = Stopper(**{k: _number(v) for k, v in data["stopper"].items()})
        return cls(**{**data, "stopper": stopper, "history": History.from_json(data["history"])})

    def to_json(self) -> dict[str, Any]:
        stopper = {key: _text(value) for key, value in asdict(self.stopper).items()}
        return {**vars(self), "stopper": stopper, "history": self.history.to_json()}


class Outcome(NamedTuple):
    """How a fit ended; `interrupted` after Ctrl-C, which keeps the best weights so far."""

    history: History
    interrupted: bool
    moments: Moments


def _text(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # strict JSON knows no infinity


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def fit(
    plan: Sequence[Phase],
    module: nn.Module,
    generator: torch.Generator,
    *,
    watcher: Watcher | None = None,
    checkpoint: Checkpoint | None = None,
    moments: Moments = (),
    n_threads: int | None = None,
) -> Outcome:
    """Carry out the plan; `module` ends with the best weights of the last phase.

    module : holds every player's parameters and buffers (what a checkpoint stores).
    generator : the only source of noise.
    moments : of the optimisers, where a fit of one phase goes on from an earlier one.
    n_threads : of every step; None: as many as are quickest, as long as the bits are the same.
    """
    watcher = watcher or Nobody()
    stored = checkpoint.load() if checkpoint else None
    run = Run.from_json(stored[1]) if stored else Run()
    watcher.begin([(phase.name, phase.max_epochs) for phase in plan])
    for number in range(run.phase, len(plan)):
        phase = plan[number]
        watcher.begin_phase(phase.name, phase.max_epochs)
        table = Table(phase, module, generator, run, checkpoint, n_threads)
        table.take_up(moments)
        if stored:
            table.load(stored[0])
            stored = None
        table.play(watcher)
        last = table.moments()
        watcher.end_phase(run.history)
        if run.interrupted:
            break
        run = Run(phase=number + 1, history=run.history)
        moments = ()
    watcher.end(run.history)
    if checkpoint and not run.interrupted:
        checkpoint.remove()
    return Outcome(run.history, run.interrupted, last)


class Table:
    """One phase being played: seats, the best weights, the weights to go back to."""

    def __init__(
        self,
        phase: Phase,
        module: nn.Module,
        generator: torch.Generator,
        run: Run,
        checkpoint: Checkpoint | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.phase, self.module, self.generator = phase, module, generator
        self.run, self.checkpoint = run, checkpoint
        self.seats = [Seat(player, phase.steps, generator, n_threads) for player in phase.players]
        self.clock = torch.zeros(())
        self.best: dict[str, Tensor] = {}
        self.good = self._positions()

    def play(self, watcher: Watcher) -> None:
        """All epochs, then the best weights; on Ctrl-C the best so far."""
        try:
            if self.phase.evaluate and math.isnan(self.run.stopper.first):
                self.run.stopper.first = self._held_out(briefly=True)["loss"]
            with threads_restored(), _training(self.seats):
                while not self._is_over():
                    self._epoch(watcher)
            self._note_gain()
            self.run.history.notes += [note for seat in self.seats for note in seat.notes()]
        except KeyboardInterrupt:
            self.run.interrupted = True
            self.run.history.notes.append(
                f"interrupted in {self.phase.name}, epoch {self.run.epoch + 1}; best kept"
            )
        self._take_best()
        for seat in self.seats:
            seat.flat.release()

    def _is_over(self) -> bool:
        """Whether no epoch is left; else what objectives hold fixed is renewed, once for each."""
        run, renew = self.run, self.phase.renew
        if renew is not None and not run.done and run.renewed != run.epoch:
            run.renewed = run.epoch
            with _evaluating(self.seats):
                run.done = renew()
            self.good = self._positions()
        return run.done

    def _epoch(self, watcher: Watcher) -> None:
        run, phase, began = self.run, self.phase, time.perf_counter()
        watcher.begin_epoch()
        tally = Tally(run.sums, run.rows)
        for batch in phase.batches.epoch(run.epoch, start=run.position):
            if not self._round(batch, tally):
                return self._diverged()
            run.position += 1
            run.step += 1
            if self.checkpoint and self.checkpoint.is_due():
                run.sums, run.rows = tally.sums, tally.rows
                run.seconds += time.perf_counter() - began
                began = time.perf_counter()
                self.checkpoint.save(self.snapshot)
        self._close_epoch(tally, run.seconds + time.perf_counter() - began, watcher)

    def _round(self, batch: Any, tally: Tally) -> bool:
        """One step of every player; False, with nothing updated, where a term is not finite."""
        run, rows = self.run, batch.x.shape[-2]
        self.clock.fill_(run.step / len(self.phase.batches))
        rate = run.rate * self.phase.rate(run.step)
        for seat in self.seats:
            terms, fresh = seat.differentiate(batch, self.clock, self.generator)
            values = as_floats(terms)
            if not math.isfinite(values["loss"]):
                self.sick = (not_finite(values.items()), _bad_rows(batch.x))
                return False
            seat.update(rate, fresh)
            tally.add(self._named(seat, values), rows)
        tally.count(rows)
        return True

    @property
    def _judged(self) -> str:
        """The term that judges an epoch where no rows are held out: the first player's loss."""
        return "loss" if len(self.seats) == 1 else f"{self.seats[0].name}/loss"

    def _named(self, seat: Seat, terms: dict[str, float]) -> dict[str, float]:
        if len(self.seats) == 1:
            return terms
        return {f"{seat.name}/{name}": value for name, value in terms.items()}

    def _close_epoch(self, tally: Tally, seconds: float, watcher: Watcher) -> None:
        run, phase = self.run, self.phase
        train = tally.means()
        record = {"phase": phase.name, "epoch": run.epoch + 1, "train": train}
        record["lr"] = run.rate * phase.rate(run.step - 1) * self.seats[0].lr
        held_out = self._held_out()
        if held_out:
            record["validation"] = held_out
        loss = held_out["loss"] if held_out else train[self._judged]
        if not math.isfinite(loss):
            self.sick = (not_finite((held_out or train).items()), [])
            return self._diverged()
        if run.stopper.improves(loss, run.epoch, phase.tol, phase.floor):
            with _averaged(self.seats):
                self.best = self._weights()
        run.history.records.append(record)
        run.history.seconds.append(seconds)
        run.epoch, run.position, run.sums, run.rows, run.seconds = run.epoch + 1, 0, {}, 0, 0.0
        self.good = self._positions()
        asked = watcher.end_epoch(record, seconds, run.history)
        tired = run.stopper.gives_up(phase.patience)
        run.done = asked or tired or run.epoch >= phase.max_epochs
        return None

    def _held_out(self, briefly: bool = False) -> dict[str, float]:
        if not self.phase.evaluate:
            return {}
        with _evaluating(self.seats), _averaged(self.seats):
            return self.phase.evaluate(briefly)

    def _note_gain(self) -> None:
        run, stopper = self.run, self.run.stopper
        if self.phase.evaluate and stopper.best_epoch >= 0:
            run.history.notes.append(
                f"{self.phase.name}: held-out loss {stopper.first:.4g} → {stopper.best:.4g}, "
                f"best of {run.epoch} epochs at {stopper.best_epoch + 1}"
            )

    def _diverged(self) -> None:
        """Back to the last good epoch at a tenth of the rate, once; then the end."""
        run = self.run
        terms, rows = self.sick
        where = f"{self.phase.name}, epoch {run.epoch + 1}, step {run.step + 1}"
        what = f"{' and '.join(terms)} not finite in {where}" + (f", rows {rows}" if rows else "")
        for seat, state in zip(self.seats, self.good, strict=True):
            seat.load(state)
        run.sums, run.rows = {}, 0
        if not run.backed_off:
            run.backed_off, run.rate = True, run.rate * BACK_OFF
            run.history.notes.append(f"{what}; went on with a tenth of the learning rate")
            run.step -= run.position
            run.position = 0
            return
        run.done = True
        remedy = "Use a smaller lr, or look for outliers in the input."
        run.history.notes.append(f"{what} again; stopped there. {remedy}")
        if run.stopper.best_epoch < 0:
            raise FloatingPointError(f"The loss is not a number: {what}, twice. {remedy}")
        warnings.warn(
            f"The loss is not a number: {what}, twice. The weights of epoch "
            f"{run.stopper.best_epoch + 1} were kept. {remedy}",
            DivergedWarning,
            stacklevel=2,
        )

    def moments(self) -> Moments:
        return [seat.optimiser.state() for seat in self.seats]

    def take_up(self, moments: Moments) -> None:
        for seat, state in zip(self.seats, moments, strict=False):
            seat.optimiser.load(state)

    def _positions(self) -> list[dict[str, Tensor]]:
        return [seat.state() for seat in self.seats]

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in _tensors(self.module)}

    @torch.no_grad()
    def _take_best(self) -> None:
        # without held-out rows the best epoch would be chosen by a mean over moving weights
        if self.phase.evaluate and self.best:
            for name, tensor in _tensors(self.module):
                tensor.copy_(self.best[name])
        else:
            for seat in self.seats:
                seat.exchange()

    def snapshot(self) -> Snapshot:
        """All that the next step depends on."""
        tensors = {f"module/{name}": tensor.detach() for name, tensor in _tensors(self.module)}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        for index, (seat, good) in enumerate(zip(self.seats, self.good, strict=True)):
            tensors |= {f"seat/{index}/{name}": t for name, t in seat.state().items()}
            tensors |= {f"good/{index}/{name}": t for name, t in good.items()}
        tensors["noise"] = self.generator.get_state()
        return tensors, self.run.to_json()

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on exactly where `snapshot()` was taken."""
        for name, tensor in _tensors(self.module):
            tensor.copy_(tensors[f"module/{name}"])
        self.best = _under("best/", tensors)
        for index, seat in enumerate(self.seats):
            seat.load(_under(f"seat/{index}/", tensors))
            self.good[index] = _under(f"good/{index}/", tensors)
        self.generator.set_state(tensors["noise"])


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, each once."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _bad_rows(x: Tensor) -> list[int]:
    """Rows of the batch with entries that float32 could not hold, at most five.

    Not a number is what a missing cell is, and no reason.
    """
    return torch.nonzero(torch.isinf(x.flatten(0, -2)).any(1)).flatten()[:5].tolist()


@contextmanager
def _training(seats: list[Seat]) -> Iterator[None]:
    for seat in seats:
        seat.objective.train()
    try:
        yield
    finally:
        for seat in seats:
            seat.objective.eval()


@contextmanager
def _evaluating(seats: list[Seat]) -> Iterator[None]:
    modes = [seat.objective.training for seat in seats]
    for seat in seats:
        seat.objective.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for seat, training in zip(seats, modes, strict=True):
            seat.objective.train(training)


@contextmanager
def _averaged(seats: list[Seat]) -> Iterator[None]:
    """Inside, the weights are their moving averages, for players that keep one."""
    for seat in seats:
        seat.exchange()
    try:
        yield
    finally:
        for seat in seats:
            seat.exchange()

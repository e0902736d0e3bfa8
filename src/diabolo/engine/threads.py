"""How many threads a step gets: as many as are quickest on this machine, now.

Two rules of thumb fail. On nets of a few thousand weights a second thread costs more than it
gives. And with a busy neighbour on one core all torch threads wait, at every operation, for the
one that is not scheduled: two threads are then 4 times slower, not 2 times (docs/performance.md).
So real steps are timed, and timed again when they slow down.

The number of threads must not show in the result. It nearly never does; where it does, as with
convolutions, it is the most threads always, unless that is an emergency: beside a busy neighbour
a step was seen to take 240 times as long (1.8 → 428 ms). Then it is one thread, and a note says so.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from diabolo.engine.replay import Generators, State, same

if TYPE_CHECKING:
    from diabolo.data.batches import Batch

TINY = 2e6  # operations of the largest matrix product, under which one thread is quickest
EMERGENCY = 2.0  # times slower than one thread: no idle machine is that slow with several


@contextmanager
def threads_restored() -> Iterator[None]:
    """Inside, torch's number of threads may be changed; afterwards it is what it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Trainable(Protocol):
    """Parameters of one model, or of several, as the steps know them."""

    gradient: Tensor
    shapes: tuple[torch.Size, ...]


class Step(Protocol):
    """Any form of step: eager, replayed, or of a crowd."""

    @property
    def eager(self) -> Callable[..., dict[str, Tensor]]:
        """The step in its plain form."""
        ...

    @property
    def reason(self) -> str | None:
        """Why the step is eager, or None."""
        ...

    def __call__(self, batch: Batch, clock: Tensor, generator: Any, /) -> dict[str, Tensor]: ...


class ThreadedStep:
    """A step that sets the number of threads it runs on; use it within `threads_restored()`.

    step      : any form of step for `objective` and `flat`.
    n_threads : if given, that many always.
    """

    def __init__(
        self,
        step: Step,
        objective: nn.Module,
        flat: Trainable,
        n_threads: int | None = None,
    ) -> None:
        self.step, self._objective, self._flat = step, objective, flat
        self._plain = step.eager
        self._most = torch.get_num_threads()
        self._calls = 0
        self.note: str | None = None
        self.race: Race | None = None
        if n_threads is not None:
            self.race = Race([n_threads])

    @property
    def reason(self) -> str | None:
        """Why the step is eager, or None."""
        return self.step.reason

    def __call__(
        self, batch: Batch, clock: Tensor, generator: Generators = None
    ) -> dict[str, Tensor]:
        race = self.race or self._race(batch, clock, generator)
        if torch.get_num_threads() != race.count:
            torch.set_num_threads(race.count)
        if race.settled:
            return self.step(batch, clock, generator)
        start = time.perf_counter()
        terms = self.step(batch, clock, generator)
        race.took(time.perf_counter() - start)
        if race.alarmed:
            self.race = None
        return terms

    def _race(self, batch: Batch, clock: Tensor, generator: Generators) -> Race:
        self._calls += 1
        if self._most == 1 or _largest_product(self._flat, batch.x) < TINY:
            self.race = Race([1])
            return self.race
        if self._calls == 1:  # the first step has to come at once
            return Race([self._most])
        counts = sorted({self._most, (self._most + 1) // 2, 1}, reverse=True)
        outcomes, seconds = self._tried(counts, batch, clock, generator)
        alike = [c for c in counts if all(map(same, outcomes[c], outcomes[self._most]))]
        self.race = Race(alike, seconds) if len(alike) > 1 else self._lone(seconds)
        return self.race

    def _tried(
        self, counts: list[int], batch: Batch, clock: Tensor, generator: Generators
    ) -> tuple[dict[int, list[Tensor]], dict[int, float]]:
        """What a step gives with each count of threads, and its seconds; nothing is changed."""
        state = State(list(self._objective.buffers()), generator)
        before, outcomes, seconds = state.copy(), {}, {}
        for count in counts:
            torch.set_num_threads(count)
            start = time.perf_counter()
            terms = self._plain(batch, clock, generator)
            seconds[count] = time.perf_counter() - start
            state.restore(before)
            outcomes[count] = [*terms.values(), self._flat.gradient.clone()]
        return outcomes, seconds

    def _lone(self, seconds: dict[int, float]) -> Race:
        """The most threads, watched; one for good in an emergency, since the bits will differ."""
        if seconds[self._most] < EMERGENCY * seconds[1]:
            return Lone(self._most)
        slower = seconds[self._most] / seconds[1]
        self.note = (
            f"one thread instead of {self._most}, which were {slower:.0f} times slower beside a "
            "busy neighbour; the last bits differ from an undisturbed run"
        )
        return Race([1])


def _largest_product(flat: Trainable, x: Tensor) -> float:
    """Operations of the largest matrix product; of convolutions, as if at every entry of a row.

    Of a stack's products, as many as there are models, as if they were one.
    """
    rows, entries = x.shape[:-1].numel(), x.shape[-1]
    return max(2.0 * rows * s.numel() * (entries if len(s) > 2 else 1) for s in flat.shapes)


class Race:
    """Which of several ways is quickest, judged by how long real steps took.

        while …:
            … do a step in the way of race.count …
            race.took(seconds)

    counts : the ways, the one that is best on an idle machine first.
    seen : seconds of a step in each way, where they are known; they settle a hopeless case.

    A trial goes from the last way to the first, so that what waiting for a neighbour costs is seen
    in its first step and ends there. It is repeated when steps slow down, and from time to time
    while the first way is not the one in use.
    """

    TIMED = 4  # steps of each way in a trial, after one to warm up
    HOPELESS = 2.0  # times slower than another way: no more steps of it
    WINDOW = 31  # last steps, whose median is the usual time
    SLOW, STREAK = 1.5, 5  # so many times the usual, so often in a row: try again
    PATIENCE = 2.0, 60.0  # least and most seconds until the first way gets its next chance
    COST = 50  # times what the last trial took, so that chances take a fiftieth of the time

    alarmed = False

    def __init__(self, counts: Sequence[int], seen: dict[int, float] | None = None) -> None:
        self.counts = list(counts)
        self.settled = len(self.counts) == 1
        self._begin_trial()
        if seen and seen[self.counts[0]] > self.HOPELESS * min(seen[c] for c in self.counts):
            self._times.update({count: [seen[count]] for count in self.counts})
            self._waiting.clear()
            self._end_trial()

    def took(self, seconds: float) -> None:
        """Tell how long a step took in the way of `count`."""
        if self.settled:
            return
        if self._waiting:
            self._try(seconds)
        else:
            self._watch(seconds)

    def _begin_trial(self) -> None:
        self._waiting = self.counts[::-1]
        self._times: dict[int, list[float]] = {count: [] for count in self.counts}
        self.count = self._waiting[0]

    def _try(self, seconds: float) -> None:
        times = self._times[self.count]
        times.append(seconds)
        if len(times) <= self.TIMED and not self._hopeless(seconds):
            return
        self._waiting.pop(0)
        if self._waiting:
            self.count = self._waiting[0]
        else:
            self._end_trial()

    def _hopeless(self, seconds: float) -> bool:
        rivals = [_usual(t) for count, t in self._times.items() if t and count != self.count]
        return bool(rivals) and seconds > self.HOPELESS * min(rivals)

    def _end_trial(self) -> None:
        self.count = min(self.counts, key=lambda count: _usual(self._times[count]))
        cost = self.COST * sum(map(sum, self._times.values()))
        self._patience = min(max(cost, self.PATIENCE[0]), self.PATIENCE[1])
        self._last = deque([_usual(self._times[self.count])], maxlen=self.WINDOW)
        self._streak, self._since = 0, 0.0

    def _watch(self, seconds: float) -> None:
        self._since += seconds
        self._streak = self._streak + 1 if seconds > self.SLOW * median(self._last) else 0
        self._last.append(seconds)
        may_return = self.count != self.counts[0] and self._since > self._patience
        if self._streak >= self.STREAK or may_return:
            self._begin_trial()


def _usual(times: Sequence[float]) -> float:
    """What a step takes, by the steps of a trial; the first is only to warm up."""
    return median(times[1:] or times)


class Lone(Race):
    """The only way, watched for an emergency: `alarmed` after so many steps that are so slow."""

    def __init__(self, count: int) -> None:
        super().__init__([count])
        self.settled = False
        self._last, self._streak = deque(maxlen=self.WINDOW), 0

    def took(self, seconds: float) -> None:
        slow = bool(self._last) and seconds > EMERGENCY * median(self._last)
        self._streak = self._streak + 1 if slow else 0
        self._last.append(seconds)
        self.alarmed = self._streak >= self.STREAK

"""The fastest form of a training step that is equal, bit for bit, to the eager one.

Of an eager step on a small net, Python and autograd take nine tenths of the time. So the step is
written down once (`tape`), bound to memory (`plan`) and replayed: a quarter of the eager time on
64-16-2, nine tenths on 784-1000-500-250-30 at batch 128 (bench/step.py).

A replay knows nothing of Python: what varies from step to step has to be a tensor among batch,
clock, parameters and buffers, or come from the generator. An objective with a Python counter
would be frozen at the value it had. Therefore a replay is compared with the eager step, bit for
bit and on the batch at hand, at its 1st, 2nd, 16th, 128th, 1024th … run; after one difference
everything is eager for good.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from diabolo.engine.plan import Plan
from diabolo.engine.speed import EagerStep, FlatParameters, bare
from diabolo.engine.tape import NotReplayable, Tape

if TYPE_CHECKING:
    from diabolo.data.batches import Batch

# Writing down, binding and comparing take four steps, for each of an epoch's two batch sizes. That
# is saved again in 10 to 60 steps on small nets, in 200 on the largest, which gain 4 %.
WORTHWHILE = 200

# Batches of the data layer come in two sizes; a few more are a user's partial_fit. Every size has
# its own buffers, so there must be an end.
MOST_PLANS = 4


class Recording(NamedTuple):
    """A step as it was written down."""

    tape: Tape
    terms: dict[str, Tensor]
    landing: list[tuple[Tensor, Tensor]]  # each gradient, and where it belongs


Generators = torch.Generator | Sequence[torch.Generator] | None
Record = Callable[..., Recording]  # of (batch, clock, generator)


def best_step(
    objective: nn.Module,
    flat: FlatParameters,
    *,
    expected_steps: int | None = None,
    precision: str = "float32",
) -> EagerStep | ReplayedStep:
    """The step that trains `flat` soonest if it is called so often (None: very often).

    `step(batch, clock, generator)` fills `flat.gradient` and returns the detached terms;
    `step.reason` says why it is eager, or is None.
    """
    eager = EagerStep(objective, flat, precision)
    if reason := better_eager(objective, flat, expected_steps):
        eager.reason = reason
        return eager
    return ReplayedStep(eager, partial(record, eager), flat.gradient, [*objective.buffers()])


def better_eager(
    objective: nn.Module, flat: FlatParameters, expected_steps: int | None
) -> str | None:
    """Why a step is not to be written down; None where it is."""
    if flat.vector.device.type != "cpu":
        return f"replay is made for CPUs, and the parameters are on {flat.vector.device}"
    if expected_steps is not None and expected_steps < WORTHWHILE:
        return f"{expected_steps} steps are too few to gain by writing them down"
    if any(isinstance(m, nn.modules.conv._ConvNd) for m in objective.modules()):
        return CONVOLUTIONS
    return None


# They write only into memory of their own, and hide the dispatch behind their own time.
CONVOLUTIONS = "convolutions gain nothing from a replay"


def record(
    step: EagerStep, batch: Batch, clock: Tensor, generator: torch.Generator | None
) -> Recording:
    """Write down loss and gradient of a step; its parameters are left as they were."""
    objective, flat = step.objective, step.flat
    buffers = dict(objective.named_buffers())
    with Tape() as tape:
        terms = step.forward(batch, clock, generator)
        gradients = torch.autograd.grad(terms["loss"], flat.parameters, materialize_grads=True)
    _require_same_buffers(objective, buffers)
    return Recording(tape, terms, list(zip(gradients, flat.gradients, strict=True)))


def _require_same_buffers(objective: nn.Module, before: dict[str, Tensor]) -> None:
    """Refuse a step that gives a buffer's name to another tensor, and take the name back."""
    replaced = [name for name, old in before.items() if objective.get_buffer(name) is not old]
    for name in replaced:
        owner, _, leaf = name.rpartition(".")
        objective.get_submodule(owner)._buffers[leaf] = before[name]
    if replaced:
        raise NotReplayable(f"it replaces its buffer {replaced[0]!r} instead of changing it")


class ReplayedStep:
    """A step that is eager at first, then replayed, and eager for good after one difference.

    eager    : the step in its plain form.
    record   : writes it down.
    gradient : what the step fills.
    buffers  : what it may change besides, in place.

    Keep to one generator: for every new one, as for every new shape of batch, the step is written
    down anew.
    """

    def __init__(
        self,
        eager: Callable[..., dict[str, Tensor]],
        record: Record,
        gradient: Tensor,
        buffers: Iterable[Tensor] = (),
    ) -> None:
        self.eager, self.record, self.gradient = eager, record, gradient
        self.buffers = list(buffers)
        self.reason: str | None = None
        self._replays: dict[Hashable, _Replay] = {}

    def __call__(
        self, batch: Batch, clock: Tensor, generator: Generators = None
    ) -> dict[str, Tensor]:
        if self.reason is not None:
            return self.eager(batch, clock, generator)
        key = generator, *[None if t is None else (t.shape, t.dtype) for t in batch]
        replay = self._replays.get(key)
        if replay is None:  # the first step has to come at once
            if len(self._replays) < MOST_PLANS:
                self._replays[key] = _Replay()
            return self.eager(batch, clock, generator)
        replay.runs += 1
        if replay.runs < replay.proof:
            return replay(batch, clock)
        return self._prove(replay, batch, clock, generator)

    def _prove(
        self, replay: _Replay, batch: Batch, clock: Tensor, generator: Generators
    ) -> dict[str, Tensor]:
        """Take the step both ways; the eager one counts."""
        state = State(self.buffers, generator)
        before = state.copy()
        if replay.plan is None:
            self.reason = self._write_down(replay, state, batch, clock, generator)
        terms = self.eager(batch, clock, generator)
        if self.reason is not None:
            return terms
        expected = [*terms.values(), self.gradient.clone(), *state.copy()]
        after = state.copy()
        state.restore(before)
        replayed = replay(batch, clock)
        found = [*replayed.values(), self.gradient, *state.copy()]
        if not all(map(same, expected, found)):
            self.gradient.copy_(expected[len(terms)])
            state.restore(after)
            self._give_up(replay)
        replay.proof *= 2 if replay.proof == 1 else 8
        return terms

    def _write_down(
        self,
        replay: _Replay,
        state: State,
        batch: Batch,
        clock: Tensor,
        generator: Generators,
    ) -> str | None:
        """Record and bind, leaving everything as it was; a reason if that cannot be done."""
        before = state.copy()
        try:
            replay.build(self.record, batch, clock, generator)
        except NotReplayable as error:
            return str(error)
        except Exception as error:  # whatever a user's module does not like about being watched
            return f"recording it failed: {type(error).__name__}: {error}"
        finally:
            state.restore(before)
        return None

    def _give_up(self, replay: _Replay) -> None:
        self.reason = f"its replay differed from the eager step at run {replay.runs}"
        if replay.runs > 2:
            warnings.warn(
                f"The objective depends on something that changes in Python: {self.reason}. Some "
                f"of the last {replay.runs} steps used an old value; from here on all are "
                "eager. Let whatever varies be computed from the clock, or be a buffer.",
                RuntimeWarning,
                stacklevel=4,
            )


class _Replay:
    """One plan, for one shape of batch and one generator."""

    def __init__(self) -> None:
        self.runs = 0
        self.proof = 1  # the run that is compared next
        self.plan: Plan | None = None
        self.names: list[str] = []
        self.inputs: dict[str, Tensor] = {}

    def build(self, record: Record, batch: Batch, clock: Tensor, generator: Generators) -> None:
        self.inputs = {name: t.clone() for name, t in batch._asdict().items() if t is not None}
        self.clock = clock.clone()
        tape, terms, landing = record(batch._replace(**self.inputs), self.clock, generator)
        if any("convolution" in call.function._schema.name for call in tape.calls):
            raise NotReplayable(CONVOLUTIONS)
        self.names = list(terms)
        self.plan = Plan(tape, list(terms.values()), landing)

    def __call__(self, batch: Batch, clock: Tensor) -> dict[str, Tensor]:
        assert self.plan is not None
        with bare():
            self.clock.copy_(clock)
            for name, own in self.inputs.items():
                own.copy_(getattr(batch, name))
            self.plan.run()
        # copies: the next run overwrites what the plan holds
        return {n: t.clone() for n, t in zip(self.names, self.plan.results, strict=True)}


class State:
    """What a step changes besides the gradient: buffers and random streams."""

    def __init__(self, buffers: Sequence[Tensor], generator: Generators) -> None:
        streams = generator if isinstance(generator, Sequence) else [generator]
        self.buffers = buffers
        self.streams = [torch.default_generator, *(s for s in streams if s is not None)]

    def copy(self) -> list[Tensor]:
        return [b.clone() for b in self.buffers] + [s.get_state() for s in self.streams]

    def restore(self, copy: list[Tensor]) -> None:
        with torch.no_grad():
            for buffer, value in zip(self.buffers, copy, strict=False):
                buffer.copy_(value)
        for stream, value in zip(self.streams, copy[len(self.buffers) :], strict=True):
            stream.set_state(value)


def same(a: Any, b: Any) -> bool:
    """Equal in every bit, but for the sign of zeros; NaN equals NaN."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())

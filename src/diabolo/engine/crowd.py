"""Many models of one architecture in one seat, each with rows and a random stream of its own.

A crowd is an objective like any other: it is trained, judged, stopped and resumed by the one loop.
Its step is that of `diabolo.engine.stack`, so that every member learns what it would learn alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from diabolo.engine.speed import BUFFER
from diabolo.engine.stack import StackedStep

if TYPE_CHECKING:
    from diabolo.data.batches import Batch

Streams = Sequence[torch.Generator]


class Crowd(nn.Module):
    """The members' losses as one: the mean over members of every term.

    members : objectives of one architecture, K of them.

    Rows (n, d) are for every member the same; of rows (K, n, d) each has its own.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(
        self, batch: Batch, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """Terms by name, as each member gives them; one after the other draws from the stream."""
        each = [
            member(own, clock, generator)
            for member, own in zip(self.members, _apart(batch, len(self.members)), strict=True)
        ]
        return _means({name: torch.stack([terms[name] for terms in each]) for name in each[0]})


class CrowdStep:
    """The step of all members, and the memory of their parameters: what a seat needs of both.

    trains : names of a member's parameters, as in FlatParameters.
    expected_steps : how often it will be called.
    precision : of products with weights, as of an EagerStep.

    vector, gradient : of all members together.
    parts : how many equal pieces of the vector are a member's each.
    shapes : of one member's parameters.
    """

    def __init__(
        self,
        objective: Crowd,
        trains: Sequence[str] | None,
        expected_steps: int | None = None,
        precision: str = "float32",
    ) -> None:
        self.objective = objective
        self.stack = StackedStep(list(objective.members), trains, expected_steps, precision)
        self.vector, self.gradient = self.stack.vector, self.stack.gradient
        self.parts, self.shapes = len(objective.members), self.stack.rows[0].shapes
        self.release = self.stack.release

    @property
    def reason(self) -> str | None:
        """Why the members are trained one by one; None while they are not."""
        return self.stack.reason

    def __call__(self, batch: Batch, clock: Tensor, streams: Streams) -> dict[str, Tensor]:
        """Fill all gradients; the terms' means, and the new values of every member's buffers."""
        return _means(self.stack(_for_each(batch, self.parts), clock, streams))

    def eager(self, batch: Batch, clock: Tensor, streams: Streams) -> dict[str, Tensor]:
        """The same in its plain form."""
        return _means(self.stack.one_by_one(_for_each(batch, self.parts), clock, streams))


def streams_from(generator: torch.Generator, count: int) -> tuple[torch.Generator, ...]:
    """So many random streams that follow from one."""
    device = generator.device
    seeds = torch.randint(2**62, (count,), generator=generator, device=device).tolist()
    return tuple(torch.Generator(device).manual_seed(seed) for seed in seeds)


def _means(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """Terms (K,) → (); new values of buffers (K, …) → each under its member's name."""
    means: dict[str, Tensor] = {}
    for name, values in terms.items():
        if name.startswith(BUFFER):
            own = name.removeprefix(BUFFER)
            means |= {f"{BUFFER}members.{k}.{own}": value for k, value in enumerate(values)}
        else:
            means[name] = values.mean(0)
    return means


def _for_each(batch: Batch, count: int) -> Batch:
    """Rows (n, d) for everybody as (K, n, d)."""
    if batch.x.dim() == 3:
        return batch
    fields = {n: t.expand(count, *t.shape) for n, t in batch._asdict().items() if t is not None}
    return batch._replace(**fields)


def _apart(batch: Batch, count: int) -> list[Batch]:
    fields = {n: t for n, t in _for_each(batch, count)._asdict().items() if t is not None}
    return [batch._replace(**{n: t[k] for n, t in fields.items()}) for k in range(count)]

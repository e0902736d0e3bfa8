"""Players: who trains what. An autoencoder is a game with one player, a GAN one with two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from diabolo.engine.crowd import Crowd, CrowdStep, streams_from
from diabolo.engine.precision import chosen, remark
from diabolo.engine.replay import best_step
from diabolo.engine.speed import BUFFER, FlatParameters, FusedAdamW
from diabolo.engine.threads import ThreadedStep

if TYPE_CHECKING:
    from diabolo.data.batches import Batch


@dataclass(frozen=True)
class Player:
    """One side of the game.

    objective : `objective(batch, clock, generator)` returns 0-d terms by name, "loss" among them.
        A `Crowd` of many is trained as one stack; what follows is then for each of its members.
    trains : names of the parameters that are this player's; None: all that require a gradient.
    lr : the highest learning rate of the schedule.
    weight_decay : of AdamW, relative to the learning rate.
    clip : longest norm of the gradient; None: never clipped.
    averaging : decay d of a moving average of the weights, w̄ ← d w̄ + (1 − d) w after every step.
        Training goes on with w; held-out rows are judged, and the fit ends, with w̄
        (Polyak & Juditsky 1992; for generators Yazıcı et al. 2019). None: no average.
    betas : decay of Adam's first and second moment.
    precision : of products with weights, "float32", "bfloat16" or "auto", which takes what is
        quicker on this machine (`diabolo.engine.precision`).
    """

    name: str
    objective: nn.Module
    trains: tuple[str, ...] | None = None
    lr: float = 1e-3
    weight_decay: float = 0.01
    clip: float | None = None
    averaging: float | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    precision: str = "float32"


class Seat:
    """A player at the table: its step, its optimiser, its flat parameters; for one fit.

    generator : of the fit; a crowd's members get streams that follow from it.
    """

    def __init__(
        self,
        player: Player,
        expected_steps: int,
        generator: torch.Generator,
        n_threads: int | None = None,
    ) -> None:
        self.name = player.name
        self.objective = player.objective
        self.lr = player.lr
        self.asked = player.precision
        self.precision = chosen(self.asked, player.objective.parameters())
        self.streams: tuple[torch.Generator, ...] = ()
        self.flat: FlatParameters | CrowdStep
        if isinstance(player.objective, Crowd):
            self.flat = stack = CrowdStep(
                player.objective, player.trains, expected_steps, self.precision
            )
            self.streams = streams_from(generator, stack.parts)
            self.step = ThreadedStep(stack, player.objective, stack, n_threads)
        else:
            self.flat = flat = FlatParameters(player.objective, player.trains)
            step = best_step(
                player.objective, flat, expected_steps=expected_steps, precision=self.precision
            )
            self.step = ThreadedStep(step, player.objective, flat, n_threads)
        self.optimiser = FusedAdamW(
            self.flat,
            player.lr,
            betas=player.betas,
            weight_decay=player.weight_decay,
            clip=player.clip,
            parts=max(1, len(self.streams)),
        )
        self.averaging = player.averaging
        self.average = None if player.averaging is None else self.flat.vector.clone()
        self.buffers = dict(player.objective.named_buffers())

    def notes(self) -> list[str]:
        """What should be known of how the steps were taken."""
        precision = remark(self.asked, self.precision, self.objective.parameters())
        return [note for note in (self.step.note, precision) if note]

    def differentiate(
        self, batch: Batch, clock: Tensor, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Fill the gradient; the terms, and the buffers' new values, both by name."""
        terms = self.step(batch, clock, self.streams or generator)
        fresh = {name: terms.pop(name) for name in list(terms) if name.startswith(BUFFER)}
        return terms, fresh

    def update(self, rate: float, fresh: dict[str, Tensor]) -> None:
        """Move along the gradient at `rate` of the highest learning rate; store the buffers."""
        self.optimiser.step(self.lr * rate)
        for name, value in fresh.items():
            self.buffers[name.removeprefix(BUFFER)].copy_(value)
        if self.average is not None and self.averaging is not None:
            steps = float(self.optimiser.count)  # the first weights are soon forgotten
            decay = min(self.averaging, (1 + steps) / (10 + steps))
            self.average.lerp_(self.flat.vector, 1 - decay)

    def exchange(self) -> None:
        """Swap the weights with their moving average, where there is one."""
        if self.average is not None:
            held = self.flat.vector.clone()
            self.flat.vector.copy_(self.average)
            self.average.copy_(held)

    def state(self) -> dict[str, Tensor]:
        """Copies of weights, moments and buffers: all that the next step depends on."""
        weights = {"weights": self.flat.vector.clone(), **self.optimiser.state()}
        if self.average is not None:
            weights["average"] = self.average.clone()
        weights |= {f"{BUFFER}{name}": b.clone() for name, b in self.buffers.items()}
        return weights | {f"stream/{k}": s.get_state() for k, s in enumerate(self.streams)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on exactly where `state()` was taken."""
        self.flat.vector.copy_(state["weights"])
        self.optimiser.load(state)
        if self.average is not None:
            self.average.copy_(state["average"])
        for name, buffer in self.buffers.items():
            buffer.copy_(state[f"{BUFFER}{name}"])
        for k, stream in enumerate(self.streams):
            stream.set_state(state[f"stream/{k}"])

"""A network that is trained as the integers that it will be.

Weights and activations are real numbers that are rounded on the way forward (`rounding`), to where
the whole numbers of `network` lie. What is trained is what codes; only the tables of probabilities
come on top, and what they cost is measured.

The loss is the length of the code, in bits a symbol position.
"""

from __future__ import annotations

import copy
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.engine.events import History, Nobody
from diabolo.engine.fit import fit
from diabolo.engine.players import Player
from diabolo.engine.replay import ReplayedStep, best_step
from diabolo.engine.schedule import Phase
from diabolo.engine.speed import EagerStep, FlatParameters
from diabolo.uses.compress.coding import network
from diabolo.uses.compress.coding.autoencoder import WARM, Autoencoder
from diabolo.uses.compress.coding.chunks import Model, Sizes
from diabolo.uses.compress.coding.heads import Plane
from diabolo.uses.compress.coding.latents import Looking, Painting
from diabolo.uses.compress.coding.layers import Above
from diabolo.uses.compress.coding.layout import FULL, Inputs, Layout, Place
from diabolo.uses.compress.coding.network import HIGHEST, SAFE, Weights
from diabolo.uses.compress.coding.picking import Picker, RowPicker, Samples
from diabolo.uses.compress.coding.rans import SLOTS
from diabolo.uses.compress.coding.rate import WeightRate
from diabolo.uses.compress.coding.rounding import (
    ACTIVE,
    LARGEST,
    activated,
    floored,
    grained,
    unrounded,
    within,
)

GRAIN = {"first": 64, "where": 64, "second": 64, "third": 256, "skip": 4096}  # 1 of a weight
BIAS = {"first_bias": 2**14, "second_bias": 2**14, "third_bias": 2**16}
GRAINS = {**GRAIN, **BIAS}
FAR = 1e30  # a sigmoid of it is 1, and has no slope
LEFT, ABOVE, CORNER, RIGHT = (0, -1), (-1, 0), (-1, -1), (-1, 1)
GUESSES = (
    {LEFT: 1.0},
    {ABOVE: 1.0},
    {LEFT: 1.0, ABOVE: 1.0, CORNER: -1.0},  # Weinberger et al. 2000, LOCO-I
    {LEFT: 0.5, ABOVE: 0.5},
    {ABOVE: 1.0, RIGHT: 1.0, CORNER: -1.0},
)


class Predictor(nn.Module):
    """One plane's network, rounded on the way forward; in whole numbers: `network`."""

    first: nn.Parameter
    where: nn.Parameter
    first_bias: nn.Parameter
    second: nn.Parameter
    second_bias: nn.Parameter
    third: nn.Parameter
    third_bias: nn.Parameter
    skip: nn.Parameter
    atoms: Tensor  # (atoms,) symbols

    def __init__(
        self, layout: Layout, plane: int, units: tuple[int, int], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.plane: Plane = layout.planes[plane]
        self.inputs = Inputs(layout, plane)
        self.layout = layout
        self.register_buffer("atoms", torch.tensor(self.plane.atoms, dtype=torch.float32))
        wanted = network.shapes(self.plane, self.inputs, layout.positions.shape[1], units)
        for name, shape in wanted.items():
            value = torch.zeros(shape)
            if name in ("first", "second"):
                value.normal_(0, 1 / math.sqrt(max(1, shape[1])), generator=generator)
            if name == "first_bias":
                value.uniform_(0.0, 0.5, generator=generator)
            if name == "third":
                value.normal_(0, 0.2 / math.sqrt(shape[1]), generator=generator)
            setattr(self, name, nn.Parameter(value, requires_grad=value.numel() > 0))
        with torch.no_grad():
            if len(self.skip):
                self._look_around(layout, plane)
                self._spread()

    def _look_around(self, layout: Layout, plane: int) -> None:
        """Each density at first around another guess of the symbol from those beside it.

        In images: left; above; the plane through three of them; halfway; on as the line above goes;
        and moved by what the channel before is off the same guess. Training that starts from 0, or
        from one guess, does not find the others: MNIST took .07 bits a pixel more. In columns of
        numbers: the symbol before.
        """
        if layout.width == 1 and not layout.differences:
            return
        places = [p for p in layout.context(plane) if layout.planes[p.plane].ordered]
        index = {place: i for i, place in enumerate(places)}
        guesses = GUESSES if layout.width > 1 else ({ABOVE: 1.0},)
        for part, guess in zip(range(len(self.skip)), itertools.cycle(guesses)):
            own = {Place(*cell, plane): weight for cell, weight in guess.items()}
            off = {Place(*cell, plane - 1): -weight for cell, weight in guess.items()}
            moved = own | off | {Place(0, 0, plane - 1): 1.0}
            for weights in (own, moved if layout.width > 1 else own):
                if set(weights) <= set(index):
                    for place, weight in weights.items():
                        self.skip[part, index[place]] = weight

    def _spread(self) -> None:
        """Means at first over all symbols, where nothing is guessed; an edge as likely as not."""
        edge, parts = int(self.plane.edge >= 0), self.plane.parts
        means = self.third_bias[edge + parts : edge + 2 * parts]
        if not self.skip.any():
            means.copy_(torch.linspace(1.0, 7.0, parts))
            return
        self.third_bias[edge + 2 * parts : edge + 3 * parts] = -2.0
        if self.layout.width == 1:  # one guess for all: beside it, too
            means.copy_(torch.linspace(-1.0, 1.0, parts))

    def rounded(self, name: str) -> Tensor:
        weight, grain = getattr(self, name), GRAIN[name]
        return grained(weight, grain, LARGEST)

    def outputs(self, hidden: Tensor, where: Tensor) -> Tensor:
        """(outputs, b), multiples of 1/4096: the whole numbers of `Network.run` by 4096.

        hidden (inputs, b), where (positions, b). Rows stand side by side all the way, for what
        follows adds up a few outputs of many rows.
        """
        matrix = torch.cat([self.rounded("where"), self.rounded("first")], 1) / ACTIVE
        x = torch.cat([where, hidden])
        h = activated(matrix @ x + self._bias("first_bias"))
        h = activated(self.rounded("second") @ h + self._bias("second_bias"))
        return floored(self.rounded("third") @ h + self._bias("third_bias"), 4096)

    def _bias(self, name: str) -> Tensor:
        return grained(getattr(self, name), BIAS[name])[:, None]

    def bits(self, hidden: Tensor, where: Tensor, linear: Tensor, y: Tensor) -> Tensor:
        """Length of the code of symbols y (b,), in bits, (b,).

        hidden (inputs, b), where (positions, b), linear (ordered, b): whole numbers.
        """
        o = self.outputs(hidden, where)
        if not self.plane.ordered:
            likely = F.log_softmax(o, 0).gather(0, y.long()[None])[0].exp()
            return -_with_slots(likely, self.plane.alphabet).log2()
        total = torch.zeros_like(y)
        inside = torch.ones_like(y)
        if self.plane.edge >= 0:
            inside = (y != self.plane.edge).to(y.dtype)
            sign = 1 - 2 * inside  # + for the edge
            likely = within(torch.sigmoid(sign * o[0]), 1 / SLOTS, 1 - 1 / SLOTS)
            total = total - likely.log2()
            o = o[1:]
        if self.plane.inner > 1:
            total = total - inside * self._mixture(o, linear, y).log2()
        return total

    def _mixture(self, o: Tensor, linear: Tensor, y: Tensor) -> Tensor:
        """Probability of y (b,). o (outputs, b), linear (ordered, b)."""
        plane = self.plane
        logits, means, flatness, atoms = o.split([*[plane.parts] * 3, len(plane.atoms)])
        mean = floored(means * plane.unit, 16)
        mean = mean + floored(self.rounded("skip") @ linear, 16)
        octaves = within(floored(flatness, 8) + (plane.broad - 32) / 8, -4.0, 95 / 8)
        sharpness = torch.exp2(-octaves)
        below = (y - 0.5 - mean) * sharpness
        above = below + sharpness
        first, last = plane.first, plane.first + plane.inner - 1
        up = torch.sigmoid(above + FAR * (y >= last))  # all that is beyond an end belongs to it
        down = torch.sigmoid(below - FAR * (y <= first))
        pieces = up - down
        if plane.atoms:
            logits = torch.cat([logits, atoms])
            pieces = torch.cat([pieces, (y == self.atoms[:, None]).to(y.dtype)])
        likely = (F.softmax(logits, 0) * pieces).sum(0)
        return _with_slots(likely.clamp_min(0), plane.inner)

    @torch.no_grad()
    def confine(self) -> None:
        """Shrink what feeds a unit whose sum could reach 2²⁴, so that training goes on from there.

        Seldom needed: where columns have values far out, the sharpest outputs grow that large.
        """
        inputs = torch.from_numpy(self.inputs.largest.astype(np.float32))
        for names, most in (
            (("first", "where", "first_bias"), FULL),
            (("second", "second_bias"), HIGHEST),
            (("third", "third_bias"), HIGHEST),
            (("skip",), inputs),
        ):
            parts = [getattr(self, name) for name in names]
            if not parts[0].numel():
                continue
            reach, rounding = torch.zeros(len(parts[0])), 0.0
            for name, part in zip(names, parts, strict=True):
                by = 1 if name in BIAS else most
                wide = part.reshape(len(part), -1)
                reach += (wide.abs() * GRAINS[name] * by).sum(1)
                rounding += float((torch.full_like(wide[0], 0.5) * by).sum())
            factor = ((SAFE - 2**10 - rounding) / reach).clamp(max=1)
            if (factor < 1).any():
                for part in parts:
                    part.mul_(factor.reshape(-1, *[1] * (part.ndim - 1)))

    def grained(self) -> list[tuple[nn.Parameter, float]]:
        """Tensors, and how many whole numbers are 1 of each."""
        return [(getattr(self, name), GRAINS[name]) for name in Weights._fields]

    @torch.no_grad()
    def weights(self) -> Weights:
        """The whole numbers."""
        found = {}
        for name in Weights._fields:
            value = (getattr(self, name) * GRAINS[name]).round()
            if name in GRAIN:
                value = value.clamp(-LARGEST, LARGEST)
            found[name] = value.numpy().astype(network.TENSORS[name])
        return Weights(**found)


def _with_slots(likely: Tensor, symbols: int) -> Tensor:
    """Every symbol has one slot for certain."""
    return likely * (1 - symbols / SLOTS) + 1 / SLOTS


class CodeLength(nn.Module):
    """The objective: bits a cell, all planes together, and a cell's share of those of the weights.

    charged : cells that the weights are for; None: weights cost nothing.
    """

    rate: WeightRate

    def __init__(
        self,
        layout: Layout,
        units: Sequence[tuple[int, int]],
        seed: int,
        charged: int | None = None,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.which = [c for c, plane in enumerate(layout.planes) if plane.outputs]
        self.predictors = nn.ModuleList(
            Predictor(layout, c, units[c], generator) for c in self.which
        )
        self.positions = layout.positions.shape[1]
        self.autoencoder = None if layout.code is None else Autoencoder(layout, generator)
        self.cells = float(layout.cells)  # of a row, on average
        self.charged = charged
        predictors = cast(Iterable[Predictor], self.predictors)
        self.rate = WeightRate([one for predictor in predictors for one in predictor.grained()])

    def renewed(self) -> bool:
        """Weights' densities as wide as they are now; training goes on."""
        self.rate.renew()
        return False

    def confine(self) -> None:
        """Keep every sum below 2²⁴."""
        for predictor in self.predictors:
            assert isinstance(predictor, Predictor)
            predictor.confine()

    def forward(
        self, batch: Samples, clock: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        _, y, weight, rows, place = batch
        x = batch.x.T  # as it lies in memory
        where, start, total = x[: self.positions], self.positions, torch.zeros(())
        painted, rate = None, torch.zeros(())
        if self.autoencoder is not None:
            assert rows is not None
            assert place is not None
            values, bits = self.autoencoder(rows, generator)
            painted = self.autoencoder.canvas(values).index_select(0, place)
            rate = bits.mean() / self.cells
            total = self.autoencoder.charge(clock) * rate
        for c, predictor in zip(self.which, self.predictors, strict=True):
            assert isinstance(predictor, Predictor)
            middle = start + predictor.inputs.count
            end = middle + len(predictor.inputs.linear)
            hidden = x[start:middle]
            if painted is not None:
                hidden = torch.cat([hidden, painted.T])
            bits = predictor.bits(hidden, where, x[middle:end], y[:, c])
            total = total + (bits * weight[:, 0]).mean()
            start = end
        if self.charged is not None:
            total = total + self.rate() / self.charged
        return {"loss": total, "rate": rate}


class Trained(NamedTuple):
    """Whole numbers for every plane (None where nothing has to be said), and how it went."""

    weights: list[Weights | None]
    bits: float  # a cell, mean over the last steps; with its share of the weights where charged
    seconds: float
    steps: int
    rounding: float = 0.0  # share of the bits that whole numbers cost, beside floats
    painting: Painting | None = None
    looking: Looking | None = None
    above: Sequence[Above] = ()

    def model(self, layout: Layout) -> Model:
        return Model(
            layout, self.weights, painting=self.painting, looking=self.looking, above=self.above
        )


def train(
    layout: Layout,
    rows: np.ndarray,
    units: Sequence[tuple[int, int]],
    *,
    sizes: Sizes = None,
    steps: int = 4000,
    seconds: float = 60.0,
    lr: float | None = None,
    charged: int | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    report: Callable[[float, float, float], None] | None = None,
) -> Trained:
    """Learn to predict the symbols of these rows, for at most so many steps and seconds.

    rows : (n, height, width, planes) symbols.
    lr : the highest learning rate; None: `rate_for` as many steps as there will be.
    charged : cells among which the length of the weights is shared; None: they cost nothing.
    report : told (seconds gone, seconds expected, bits a cell) now and then.
    """
    objective = CodeLength(layout, units, seed, charged)
    if not objective.which:
        return Trained([None] * len(layout.planes), 0.0, 0.0, 0)
    began = time.monotonic()
    kind = Picker if layout.code is None else RowPicker
    picker = kind(layout, rows, sizes, min(PER_EPOCH, steps), seed)
    if sizes is not None:
        objective.cells = float(sizes.prod(1).mean())
    each = _seconds_a_step(objective, picker, steps, seconds - (time.monotonic() - began))
    left = max(0.0, seconds - (time.monotonic() - began))
    steps = max(1, int(min(steps, left / each)))
    picker.batches = min(len(picker), steps)
    epochs = steps // len(picker)
    if objective.autoencoder is not None:
        objective.autoencoder.warm = WARM * epochs
    player = Player(
        "code length",
        objective,
        lr=rate_for(epochs * len(picker)) if lr is None else lr,
        weight_decay=0.0,
        betas=(0.9, 0.99),
        clip=1.0,
    )
    watch = _Watch(objective, began, seconds, epochs, report)
    phase = Phase(
        "predict",
        (player,),
        picker,
        max_epochs=epochs,
        patience=None,
        warmup=0.02,
        renew=objective.renewed,
    )
    outcome = fit(
        [phase],
        objective,
        torch.Generator().manual_seed(seed),
        watcher=watch,
        n_threads=n_threads,
    )
    if outcome.interrupted:
        raise KeyboardInterrupt
    weights: list[Weights | None] = [None] * len(layout.planes)
    for c, predictor in zip(objective.which, objective.predictors, strict=True):
        assert isinstance(predictor, Predictor)
        weights[c] = predictor.weights()
    bits = outcome.history.records[-1]["train"]["loss"]
    objective.charged = None  # what follows is of the code alone
    seconds = time.monotonic() - began
    done = len(outcome.history.records) * len(picker)
    parts = objective.autoencoder.parts() if objective.autoencoder is not None else ()
    return Trained(weights, bits, seconds, done, rounding_cost(objective, picker), *parts)


PER_EPOCH = 100


def rate_for(steps: int) -> float:
    """The highest learning rate for so many steps.

    Bits a pixel of MNIST, means of two seeds, with .01 and with .005: 1.115 and 1.128 after 2,000
    steps, 1.056 and 1.058 after 8,000, 1.031 and 1.013 after 60,000; of CIFAR 3.829 and 3.778 after
    15,000. With .0025 both took more.
    """
    return max(5e-3, 1e-2 * min(1.0, (2000 / steps) ** 0.5))


@torch.no_grad()
def rounding_cost(objective: nn.Module, picker: Picker) -> float:
    """Share of the bits that the same network takes more in whole numbers than in floats."""
    batches = list(picker.epoch(-1 & 0xFFFF, start=max(0, len(picker) - 16)))
    late = torch.full((), math.inf)  # when codes are charged in full

    def bits() -> float:
        generator = torch.Generator()  # the same noise both times
        return sum(float(objective(batch, late, generator)["loss"]) for batch in batches)

    whole = bits()
    with unrounded():
        real = bits()
    return whole / real - 1 if real > 0 else 0.0


def _seconds_a_step(objective: nn.Module, picker: Picker, steps: int, left: float) -> float:
    """By some steps of a copy, as training that has so many seconds takes them."""
    copied = copy.deepcopy(objective)
    flat, batches = FlatParameters(copied), picker.epoch(-1 & 0xFFFF)
    clock, generator = torch.zeros(()), torch.Generator()

    def median(step: EagerStep | ReplayedStep, first: int, count: int) -> float:
        took, began = [0.0], time.perf_counter()
        for batch in itertools.islice(batches, first + count):
            step(cast(Any, batch), clock, generator)
            took.append(time.perf_counter() - began)
            began += took[-1]
        return statistics.median(took[1 + first :] or took)

    eager = median(best_step(copied, flat, expected_steps=0), 1, 2)
    if 1.5 * eager * steps <= left:  # there is time for all of them: no need to know more
        return eager
    step = best_step(copied, flat, expected_steps=int(left / eager))
    each = median(step, WRITTEN_DOWN, 5) or eager
    return 1.1 * each  # the optimiser takes a tenth


WRITTEN_DOWN = 3  # steps, after which those of the next dozen are replayed


class _Watch(Nobody):
    """Tells how far training is; ends it when its time is over; keeps sums safe on the way."""

    def __init__(
        self,
        objective: CodeLength,
        began: float,
        seconds: float,
        epochs: int,
        report: Callable[[float, float, float], None] | None,
    ) -> None:
        self.objective = objective
        self.began, self.seconds, self.epochs, self.report = began, seconds, epochs, report

    def end_epoch(self, record: dict, seconds: float, history: History) -> bool:
        self.objective.confine()
        gone = time.monotonic() - self.began
        if self.report:
            expected = gone * self.epochs / record["epoch"]
            self.report(gone, expected, record["train"]["loss"])
        return gone > 1.5 * self.seconds

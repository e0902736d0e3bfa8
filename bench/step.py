"""How fast a training step is, against the limit of the machine and against code by hand.

    python bench/step.py [--quick] [--threads 2] [--only D128 D1000 S stack]

D is 784-1000-500-250-30 and its mirror image, S is 64-16-2 and its mirror image: ReLU, linear code,
sigmoid output, half the squared error, rows of bytes scaled a batch at a time. All contestants do
the same arithmetic in one process, taking turns; what is printed are medians over rounds.

    limit     bare matrix products at their own shapes, and one fused Adam: nothing else
    hand      no autograd, everything in memory reserved before, one fused Adam
    torch     the loop everybody writes, with Adam(fused=True)
    eager     ours without replay
    diabolo   ours
    bfloat16  ours, its products in bfloat16

Figures go to results/step.json, a section for each net and batch.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from kept import keep

from diabolo.data.batches import Batch
from diabolo.data.sources import open_dataset
from diabolo.engine.replay import best_step
from diabolo.engine.speed import EagerStep, FlatParameters, FusedAdamW
from diabolo.engine.stack import StackedStep
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Deterministic
from diabolo.parts.likelihoods import Gaussian
from diabolo.parts.networks import Dense
from diabolo.records.machine import processor

D = (784, 1000, 500, 250, 30, 250, 500, 1000, 784)
S = (64, 16, 2, 16, 64)
STACK = 32
CLOCK = torch.zeros(())
aten = torch.ops.aten


def objective(sizes: tuple[int, ...], seed: int = 0) -> AutoencoderModule:
    """The library's own autoencoder."""
    half = len(sizes) // 2
    module = AutoencoderModule(
        Dense(sizes[: half + 1]),
        Deterministic(sizes[half]),
        Dense(sizes[half:]),
        Gaussian(link="sigmoid"),
    )
    generator = torch.Generator().manual_seed(seed)
    for part in (module.encoder, module.decoder):
        part.initialise(generator)
    return module


class Rows:
    """Bytes in memory, drawn in a new order every epoch."""

    def __init__(self, width: int, batch: int) -> None:
        self.data = images() if width == 784 else digits()
        self.scale = 1 / float(self.data.max())
        self.batch, self.generator = batch, torch.Generator().manual_seed(0)
        self.order = torch.empty(0, dtype=torch.int64)

    def index(self) -> Tensor:
        if len(self.order) < self.batch:
            self.order = torch.randperm(len(self.data), generator=self.generator)
        index, self.order = self.order[: self.batch], self.order[self.batch :]
        return index

    def __call__(self) -> Tensor:
        return self.data.index_select(0, self.index()).float().mul_(self.scale)


def images() -> Tensor:
    if os.environ.get("DIABOLO_DATA"):
        return torch.from_numpy(np.array(open_dataset("mnist").rows.array)).view(-1, 784)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (60000, 784), dtype=torch.uint8, generator=generator)


def digits() -> Tensor:
    return torch.from_numpy(np.array(open_dataset("digits").rows.array)).view(-1, 64).byte()


def limit(sizes: tuple[int, ...], batch: int) -> Callable[[], None]:
    """Matrix products of forward and backward pass, and the update, on memory of their own."""
    calls = []
    for number, (a, b) in enumerate(pairwise(sizes)):
        x, w, y = torch.rand(batch, a), torch.rand(b, a), torch.rand(batch, b)
        calls.append((x, w.t(), torch.empty(batch, b)))
        calls.append((y.t(), x, torch.empty(b, a)))
        if number:
            calls.append((y, w, torch.empty(batch, a)))
    adam = FusedAdamW(FlatParameters(objective(sizes)), weight_decay=0.0)

    def step() -> None:
        for left, right, out in calls:
            torch.mm(left, right, out=out)
        adam.step()

    return torch.inference_mode()(step)


class ByHand:
    """The step as one would write it who has nothing else to do."""

    def __init__(self, sizes: tuple[int, ...], rows: Rows) -> None:
        self.rows, batch = rows, rows.batch
        self.flat = FlatParameters(objective(sizes))
        self.adam = FusedAdamW(self.flat, weight_decay=0.0)
        weights = [p.detach() for p in self.flat.parameters]
        self.w, self.b = weights[::2], [bias.detach() for bias in weights[1::2]]
        self.gw, self.gb = self.flat.gradients[::2], self.flat.gradients[1::2]
        self.bytes = torch.empty(batch, sizes[0], dtype=rows.data.dtype)
        self.h = [torch.empty(batch, width) for width in sizes]
        self.g = [torch.empty(batch, width) for width in sizes]
        self.loss = torch.empty(())

    @torch.inference_mode()
    def __call__(self) -> None:
        h, g, last = self.h, self.g, len(self.w)
        torch.index_select(self.rows.data, 0, self.rows.index(), out=self.bytes)
        h[0].copy_(self.bytes).mul_(self.rows.scale)
        for i in range(last):
            torch.addmm(self.b[i], h[i], self.w[i].t(), out=h[i + 1])
            if i + 1 < last and i + 1 != last // 2:
                h[i + 1].relu_()
        y, error = h[last].sigmoid_(), g[last]
        torch.sub(y, h[0], out=error)
        flat = error.view(-1)
        torch.dot(flat, flat, out=self.loss)
        aten.sigmoid_backward.grad_input(error, y, grad_input=error)
        error.mul_(1 / len(error))
        for i in reversed(range(last)):
            torch.mm(g[i + 1].t(), h[i], out=self.gw[i])
            torch.sum(g[i + 1], 0, out=self.gb[i])
            if i:
                torch.mm(g[i + 1], self.w[i], out=g[i])
                if i != last // 2:
                    aten.threshold_backward.grad_input(g[i], h[i], 0, grad_input=g[i])
        self.adam.step()


class Torch:
    """Plain modules, plain loss, Adam(fused=True)."""

    def __init__(self, sizes: tuple[int, ...], rows: Rows, seed: int = 0) -> None:
        self.rows = rows
        layers = []
        for number, widths in enumerate(pairwise(sizes), start=1):
            layers.append(nn.utils.skip_init(nn.Linear, *widths))
            if number != len(sizes) // 2:
                layers.append(nn.ReLU())
        self.net = nn.Sequential(*layers[:-1], nn.Sigmoid())
        with torch.no_grad():
            for own, other in zip(
                self.net.parameters(), objective(sizes, seed).parameters(), strict=True
            ):
                own.copy_(other)
        self.adam = torch.optim.Adam(self.net.parameters(), fused=True)

    def __call__(self) -> None:
        x = self.rows()
        loss = 0.5 * (self.net(x) - x).square().sum(1).mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


class Ours:
    def __init__(self, sizes: tuple[int, ...], rows: Rows, make: Callable) -> None:
        self.rows, module = rows, objective(sizes)
        self.flat = FlatParameters(module)
        self.step, self.adam = make(module, self.flat), FusedAdamW(self.flat, weight_decay=0.0)

    def __call__(self) -> None:
        self.step(Batch(self.rows()), CLOCK, None)
        self.adam.step()


class Stack:
    """32 nets, each with its own start and order."""

    def __init__(self, sizes: tuple[int, ...], rows: list[Rows]) -> None:
        self.rows = rows
        self.step = StackedStep([objective(sizes, seed) for seed in range(len(rows))])
        self.adam = FusedAdamW(self.step, weight_decay=0.0)

    def __call__(self) -> None:
        index = torch.cat([rows.index() for rows in self.rows])
        x = self.rows[0].data.index_select(0, index).float().mul_(self.rows[0].scale)
        self.step(Batch(x.view(len(self.rows), -1, x.shape[1])), CLOCK)
        self.adam.step()


Contestants = dict[str, Callable[[], None]]


def single(sizes: tuple[int, ...], batch: int) -> Contestants:
    return {
        "limit": limit(sizes, batch),
        "hand": ByHand(sizes, Rows(sizes[0], batch)),
        "torch": Torch(sizes, Rows(sizes[0], batch)),
        "eager": Ours(sizes, Rows(sizes[0], batch), EagerStep),
        "diabolo": Ours(sizes, Rows(sizes[0], batch), best_step),
        "bfloat16": Ours(sizes, Rows(sizes[0], batch), partial(best_step, precision="bfloat16")),
    }


def stacked() -> Contestants:
    rows = [copy.copy(Rows(S[0], 32)) for _ in range(STACK)]
    for number, each in enumerate(rows):
        each.generator = torch.Generator().manual_seed(number)
    alone = [Torch(S, each, seed) for seed, each in enumerate(copy.deepcopy(rows))]

    def one_after_another() -> None:
        for net in alone:
            net()

    return {"torch": one_after_another, "diabolo": Stack(S, rows)}


def race(
    contestants: Contestants, rounds: int, seconds: float, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds a step in every round; a turn takes about as long as asked."""
    steps = {}
    for name, step in contestants.items():
        for _ in range(5):
            step()
        start = clock()
        step()
        steps[name] = max(1, round(seconds / (clock() - start)))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, step in contestants.items():
            start = clock()
            for _ in range(steps[name]):
                step()
            times[name].append((clock() - start) / steps[name])
    return times


def ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    return median(a / b for a, b in zip(times[above], times[below], strict=True))


def report(title: str, times: dict[str, list[float]], models: int = 1) -> None:
    print(f"\n{title}")
    for name, seconds in times.items():
        line = f"  {name:8s} {1e6 * median(seconds) / models:9.1f} µs"
        line += f"   best {1e6 * min(seconds) / models:9.1f}"
        if "limit" in times:
            line += f"   {ratio(times, 'limit', name):5.2f} of the limit"
        print(line)


def figures(times: dict[str, list[float]], models: int = 1) -> dict[str, dict[str, float]]:
    """Of each contestant: µs a step of one model, and how many times as long as ours it takes."""
    return {
        name: {
            "µs": 1e6 * median(seconds) / models,
            "best µs": 1e6 * min(seconds) / models,
            "times diabolo": ratio(times, name, "diabolo"),
        }
        for name, seconds in times.items()
    }


def verdict(text: str, value: float, bound: float, at_least: bool) -> None:
    met = value >= bound if at_least else value <= bound
    sign = "≥" if at_least else "≤"
    print(f"  {text}: {value:.3f}  (asked: {sign} {bound:g}; {'met' if met else 'MISSED'})")


def hardware(threads: int) -> str:
    machine = f"{processor()}, {os.cpu_count()} CPUs"
    return f"{machine}, load {os.getloadavg()[0]:.1f}, {threads} threads, torch {torch.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--threads", type=int, default=2, help="for net D; S gets one")
    parser.add_argument("--only", nargs="+", default=["D128", "D1000", "S", "stack"])
    parser.add_argument(
        "--cpu", action="store_true", help="processor time, where others use the machine: 1 thread"
    )
    arguments = parser.parse_args()
    if arguments.cpu:
        arguments.threads = 1
    clock = time.process_time if arguments.cpu else time.perf_counter
    rounds = 7 if arguments.quick else 21
    settings = {"clock": "processor" if arguments.cpu else "wall", "rounds": rounds}
    whole = not (arguments.quick or arguments.cpu)

    def kept(name: str, times: dict[str, list[float]], threads: int = 1, models: int = 1) -> None:
        own = {**settings, "threads": threads, "models": models}
        keep("step", settings=own, whole=whole, **{name: figures(times, models)})

    print(hardware(arguments.threads))
    for batch in (128, 1000):
        if f"D{batch}" in arguments.only:
            torch.set_num_threads(arguments.threads)
            times = race(single(D, batch), rounds, 0.5, clock)
            report(f"D, batch {batch}, {arguments.threads} threads, a step", times)
            verdict("speed, by hand = 1", ratio(times, "hand", "diabolo"), 0.95, True)
            verdict("speed, torch = 1", ratio(times, "torch", "diabolo"), 1.0, True)
            kept(f"D{batch}", times, arguments.threads)
    torch.set_num_threads(1)
    if "S" in arguments.only:
        times = race(single(S, 32), rounds, 0.1, clock)
        report("S, batch 32, 1 thread, a step", times)
        verdict("time, torch = 1", ratio(times, "diabolo", "torch"), 0.30, False)
        kept("S", times)
    if "stack" in arguments.only:
        times = race(stacked(), rounds, 0.1, clock)
        report(f"{STACK} × S, batch 32, 1 thread, a step of one model", times, STACK)
        verdict("time, torch = 1", ratio(times, "diabolo", "torch"), 0.06, False)
        kept("stack", times, models=STACK)


if __name__ == "__main__":
    main()

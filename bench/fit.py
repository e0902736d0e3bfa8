"""What `fit` costs as a whole, from the call to the last step, against the loop everybody writes.

    python bench/fit.py

Net 64-16-2 and its mirror image on scikit-learn's digits, batch 32, one thread; both sides shuffle,
scale, step and keep the mean loss of every epoch. Rounds take turns; medians are printed. Then the
time from the call of `fit` to the end of its first step, on the small net and on
784-1000-500-250-30. Figures go to results/fit.json.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from kept import keep
from step import D, Rows, S, Torch, hardware, images, verdict

from diabolo import Autoencoder
from diabolo.engine.players import Seat

EPOCHS, ROUNDS, BATCH = 100, 7, 32


def ours(epochs: int = EPOCHS) -> Autoencoder:
    return Autoencoder(
        n_components=2,
        hidden_layer_sizes=(16,),
        scaling="unit",
        likelihood="gaussian",
        batch_size=BATCH,
        max_epochs=epochs,
        early_stopping=False,
        n_threads=1,
        random_state=0,
    )


def everybodys(rows: Rows) -> list[float]:
    """As many epochs with plain modules and Adam(fused=True)."""
    net = Torch(S, rows)
    means = []
    for _ in range(EPOCHS):
        order = torch.randperm(len(rows.data), generator=rows.generator)
        total = torch.zeros(())
        for start in range(0, len(order), BATCH):
            index = order[start : start + BATCH]
            x = rows.data.index_select(0, index).float().mul_(rows.scale)
            loss = 0.5 * (net.net(x) - x).square().sum(1).mean()
            net.adam.zero_grad()
            loss.backward()
            net.adam.step()
            total += loss.detach() * len(index)
        means.append(float(total) / len(order))
    return means


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def until_first_step(model: Autoencoder, X: np.ndarray) -> float:
    """Seconds from the call of `fit` to the end of its first step."""

    class Done(Exception):
        pass

    step, ended = Seat.update, []

    def first(*arguments) -> None:
        step(*arguments)
        ended.append(time.perf_counter())
        raise Done

    Seat.update = first
    start = time.perf_counter()
    try:
        model.fit(X)
    except Done:
        pass
    finally:
        Seat.update = step
    return ended[0] - start


def main() -> None:
    print(hardware(1))
    torch.set_num_threads(1)
    rows = Rows(S[0], BATCH)
    X = rows.data.numpy()
    times: dict[str, list[float]] = {"diabolo": [], "torch": []}
    ours(1).fit(X)
    for _ in range(ROUNDS):
        times["diabolo"].append(timed(lambda: ours().fit(X)))
        times["torch"].append(timed(lambda: everybodys(rows)))
    steps = EPOCHS * -(-len(X) // BATCH)
    print(f"\nfit of {EPOCHS} epochs, {steps:,} steps")
    for name, seconds in times.items():
        print(
            f"  {name:8s} {median(seconds):6.2f} s   {1e6 * median(seconds) / steps:6.1f} µs a step"
        )
    ratio = median(a / b for a, b in zip(times["diabolo"], times["torch"], strict=True))
    verdict("time, torch = 1", ratio, 0.30, False)
    of_step = {name: 1e6 * median(seconds) / steps for name, seconds in times.items()}
    found = {"epochs": EPOCHS, "steps": steps, "µs a step": of_step, "time, torch = 1": ratio}
    keep("fit", **{"whole fit": found})

    print("\nfrom the call of fit to the end of its first step")
    small = median(until_first_step(ours(), X) for _ in range(9))
    verdict(f"S, {len(X):,} rows, seconds", small, 0.1, False)
    pictures = images().numpy()
    large = Autoencoder(n_components=D[4], hidden_layer_sizes=D[1:4], random_state=0, n_threads=2)
    seconds = median(until_first_step(large, pictures) for _ in range(5))
    verdict(f"D, {len(pictures):,} rows, seconds", seconds, 0.1, False)
    first = {
        "S": {"rows": len(X), "seconds": small},
        "D": {"rows": len(pictures), "seconds": seconds},
    }
    keep("fit", **{"first step": first})


if __name__ == "__main__":
    main()

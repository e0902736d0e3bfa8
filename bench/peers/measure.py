"""One measurement of one contestant, in a process of its own; prints one line of JSON.

    python measure.py MODULE TASK '{"data": "rows.npy", …}'

A contestant is a module beside this one with `VERSION`, `fit(X, net, epochs)` and, where its
library can, `encode`, `reconstruct` (model, X) and `fit_many(X, net, epochs, count)`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = time.perf_counter


def timed(work: Callable[[], Any]) -> float:
    start = clock()
    work()
    return clock() - start


def peak_megabytes() -> float:
    """Of this process alone; resource.getrusage knows also what its parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def epoch(peer: Any, X: Any, net: Any, task: Figures) -> Figures:
    """The first fit of one epoch, then what an epoch more costs, set-up and compiling apart."""
    fit = partial(peer.fit, X, net)
    return {"first_fit_s": timed(lambda: fit(1)), **_extra(fit, task["epochs"])}


def many(peer: Any, X: Any, net: Any, task: Figures) -> Figures:
    """An epoch of one of many models; where a library has no way, one after the other."""
    count = task["count"]
    together = getattr(peer, "fit_many", None)
    fit = partial(together, X, net, count=count) if together else partial(peer.fit, X, net)
    first = timed(lambda: fit(epochs=1))
    models = count if together else 1
    rates = _extra(lambda epochs: fit(epochs=epochs), task["epochs"])
    return {"first_fit_s": first, "epoch_s": rates["epoch_s"] / models, "together": models}


def _extra(fit: Callable[[int], Any], epochs: int) -> Figures:
    """Seconds of an epoch: of a longer fit less a short one, over the epochs between."""
    short = timed(lambda: fit(1))
    long = timed(lambda: fit(1 + epochs))
    return {"epoch_s": (long - short) / epochs}


def encode(peer: Any, X: Any, net: Any, task: Figures) -> Figures:
    """Codes of so many rows, by pieces that are each one call; the first call is not counted."""
    model = peer.fit(X[:2048], net, 1)
    first = timed(lambda: peer.encode(model, X))
    seconds = timed(lambda: [peer.encode(model, X) for _ in range(task["repeats"])])
    return {"first_call_s": first, "rows_per_s": task["repeats"] * len(X) / seconds}


def quality(peer: Any, X: Any, net: Any, task: Figures) -> Figures:
    """Seconds of the shortest fit that reaches a held-out squared error, summed over a row."""
    held_out, train = X[-task["held_out"] :], X[: -task["held_out"]]
    tried = []
    for epochs in task["grid"]:
        start = clock()
        model = peer.fit(train, net, epochs)
        seconds = clock() - start
        error = float(((peer.reconstruct(model, held_out) - held_out) ** 2).sum(1).mean())
        tried.append({"epochs": epochs, "seconds": seconds, "error": error})
        if error <= task["target"]:
            return {"seconds": seconds, "epochs": epochs, "tried": tried}
    return {"seconds": None, "tried": tried}


TASKS = {"epoch": epoch, "many": many, "encode": encode, "quality": quality}


def main() -> None:
    global clock
    name, kind, task = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    clock = CLOCKS[task["clock"]]
    print_to = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is not the result
    start = clock()
    peer = importlib.import_module(name)
    imported = clock() - start
    import numpy as np
    from net import Net

    if name.startswith(("by_torch", "by_pythae", "by_pyod", "by_skorch", "by_clustpy", "by_hand")):
        import torch

        torch.set_num_threads(task["threads"])
    X = np.load(task["data"])
    net = Net(tuple(task["sizes"]), task["batch"])
    figures = TASKS[kind](peer, X, net, task)
    costs = {"import_s": imported, "peak_mb": peak_megabytes()}
    line = {"version": peer.VERSION, **costs, **figures}
    os.write(print_to, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    main()

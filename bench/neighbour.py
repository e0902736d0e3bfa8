"""How much a busy neighbour on one core slows training down.

    python bench/neighbour.py [--seconds 10]

Net D at batch 128, first alone, then beside a process that keeps one core busy: torch's loop and
ours on all threads, and ours with the number of threads chosen by timing steps (engine/threads).
Asked: chosen threads are at most 2.0 times slower than alone. Figures go to results/neighbour.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kept import keep
from step import D, Ours, Rows, Torch, hardware

from diabolo.engine.replay import best_step
from diabolo.engine.threads import ThreadedStep, threads_restored

SECONDS = 10.0


@contextmanager
def neighbour() -> Iterator[None]:
    """A process of a session, and so a scheduling group, of its own."""
    pin = "import os; os.sched_setaffinity(0, {0})\n"
    process = subprocess.Popen(
        [sys.executable, "-c", pin + "while True: pass"], start_new_session=True
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def threaded(module, flat):
    return ThreadedStep(best_step(module, flat), module, flat)


def contestants() -> dict[str, Callable[[], None]]:
    return {
        "torch": Torch(D, Rows(784, 128)),
        "fixed": Ours(D, Rows(784, 128), best_step),
        "chosen": Ours(D, Rows(784, 128), threaded),
    }


def mean_time(step: Callable[[], None], seconds: float) -> float:
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    return (time.perf_counter() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each cell of the table")
    seconds = parser.parse_args().seconds
    threads = os.cpu_count() or 1
    print(hardware(threads))
    found = {}
    for name, step in contestants().items():
        with threads_restored():
            torch.set_num_threads(threads)
            mean_time(step, 2.0)
            alone = mean_time(step, seconds)
            with neighbour():
                beside = mean_time(step, seconds)
        print(
            f"{name:8s} alone {1e3 * alone:7.1f} ms a step, with a neighbour "
            f"{1e3 * beside:7.1f} ms: {beside / alone:.2f} times slower"
        )
        found[name] = {"ms alone": 1e3 * alone, "ms beside a neighbour": 1e3 * beside}
    settings = {"threads": threads, "seconds": seconds}
    keep("neighbour", settings=settings, whole=seconds >= SECONDS, contestants=found)


if __name__ == "__main__":
    main()

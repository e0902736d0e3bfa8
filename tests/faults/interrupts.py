"""Ctrl-C at random moments of `diabolo train`: a file or none, 130, and nothing left behind.

    python tests/faults/interrupts.py --times 100

A child has everything imported before it is told to begin, so that the signal lands in training
and not in imports. It must end within five seconds with code 130; what is at the path must be a
whole model, or nothing if no epoch was done; no temporary file and no process may be left.

Prints, as its last line, its numbers as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

SECONDS = 5.0
TOKENS = ("--hidden", "24", "--code", "4", "--epochs", "100000", "--threads", "1", "-f")


def child(tokens: list[str]) -> int:
    """A process of its own group that runs the command line."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        code = 2
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            # shells start what is in the background with this signal ignored
            signal.signal(signal.SIGINT, signal.default_int_handler)
            from diabolo.cli.main import run

            code = run(tokens)
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> tuple[int | None, float]:
    """Exit code, and seconds until it was there; None if it had to be killed."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), time.monotonic() - began
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None, SECONDS


def orphans(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def interrupted(times: int, seed: int = 0) -> tuple[Counter[str], float]:
    import diabolo

    dice, found, longest = random.Random(seed), Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "out")
        folder.mkdir()
        np.save(Path(place, "rows.npy"), np.random.default_rng(0).random((400, 12)))
        for _ in range(times):
            path = folder / "model"
            path.unlink(missing_ok=True)
            pid = child(["train", str(Path(place, "rows.npy")), "-o", str(path), *TOKENS])
            time.sleep(dice.uniform(0.05, 1.0))
            os.kill(pid, signal.SIGINT)
            code, seconds = ended(pid)
            longest = max(longest, seconds)
            found["interrupted"] += 1
            found["code 130"] += code == 130
            found["too slow"] += code is None
            found["orphans"] += orphans(pid)
            found["left behind"] += bool({p.name for p in folder.iterdir()} - {"model"})
            if path.exists():
                found["models"] += 1
                diabolo.load(path)  # raises where it is not whole
    return found, longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100)
    wanted = parser.parse_args()
    import torch

    from diabolo.cli import main as _main  # noqa: F401
    from diabolo.cli import train as _train  # noqa: F401
    from diabolo.families import family

    torch.set_num_threads(1)
    family("Autoencoder")(max_epochs=1, n_threads=1).fit(np.random.default_rng(0).random((40, 4)))
    found, longest = interrupted(wanted.times)
    print(f"{dict(found)}; {longest:.2f} s at most")
    print(json.dumps({**found, "longest": longest}))


if __name__ == "__main__":
    sys.exit(main())

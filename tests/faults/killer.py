"""Real kills: SIGKILL a fit at a random moment, resume it, compare with an unbroken run.

    python tests/faults/killer.py --kills 20          the long form, every family, with controls

One process imports everything and forks a child for every run, so that a kill lands in training
and not in imports (which is how such an experiment fools its maker). A kill counts as a hit if the
child was training and a checkpoint lay on the disk. Compared are weights, the optimiser's moments,
counters and history, bit for bit. The controls resume without noise, moments or position; they
must differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from sklearn.datasets import load_digits

from diabolo.engine.fit import Outcome, Table
from diabolo.estimators import learner
from diabolo.families import FAMILIES, family
from diabolo.files import read_header

ROWS, EPOCHS = 203, 12  # 203 rows, 20 held out: 183 do not divide by 32
SETTINGS = {
    "n_components": 6,
    "hidden_layer_sizes": (24, 12),
    "max_epochs": EPOCHS,
    "batch_size": 32,
    "random_state": 0,
    "n_threads": 1,
    "checkpoint_every": 0.0,
}
OWN = {
    "ConvolutionalAutoencoder": {"channels": (4, 8)},
    "StackedAutoencoder": {"layers": ("denoising", "contractive", "plain")},
    "VariationalAutoencoder": {"warmup": 3.0},
    "BetaVAE": {"capacity": 5.0, "warmup": 3.0},
}


@dataclass
class Count:
    """What happened to one family's runs."""

    kills: int = 0
    hits: int = 0  # kills that found the child training and a checkpoint on the disk
    equal: int = 0  # runs that ended in the same bits as the unbroken one
    runs: int = 0
    phases: set[str] = field(default_factory=set)  # that a hit landed in


def result(name: str, checkpoint: Path | None, moments: list) -> str:
    """Fit the family and put everything that must not differ into one hash."""
    torch.set_num_threads(1)
    model = family(name)(**SETTINGS, **OWN.get(name, {}), checkpoint=checkpoint)
    model.fit(load_digits().data[:ROWS])
    state = hashlib.sha256()
    tensors = [*model.module_.state_dict().items()]
    tensors += [item for seat in moments for item in seat.items()]
    for key, tensor in tensors:
        state.update(key.encode() + tensor.numpy().tobytes())
    state.update(json.dumps([model.history_.records, model.history_.notes]).encode())
    state.update(str(model.n_iter_).encode())
    return state.hexdigest()


def child(name: str, checkpoint: Path | None, answer: Path, forget: str | None) -> int:
    """Fork a run; it writes its hash to `answer` at the end."""
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid:
        return pid
    moments: list = []
    carry_out = learner.carry_out

    def recorded(*args: object, **kwargs: object) -> Outcome:
        outcome = carry_out(*args, **kwargs)
        moments.extend(outcome.moments)
        return outcome

    learner.carry_out = recorded
    if forget:
        forgetting(forget)
    status = 1
    try:
        text = result(name, checkpoint, moments)
        answer.with_suffix(".part").write_text(text)
        answer.with_suffix(".part").rename(answer)
        status = 0
    finally:
        os._exit(status)


FORGETS: dict[str, Callable[[Table, dict], None]] = {
    "noise": lambda table, tensors: tensors.update(noise=table.generator.get_state()),
    "optimiser": lambda table, tensors: [
        tensors[key].zero_() for key in tensors if key.endswith(("/first", "/second"))
    ],
    "position": lambda table, tensors: setattr(table.run, "position", 0),
}


def forgetting(what: str) -> None:
    load = Table.load

    def forgetful(table: Table, tensors: dict) -> None:
        FORGETS[what](table, tensors)
        load(table, tensors)

    Table.load = forgetful


def wait(pid: int) -> None:
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("a run that nobody killed failed")


def killed_run(
    name: str, folder: Path, seconds: float, dice: random.Random, count: Count, forget: str | None
) -> str:
    """Kill a run once, or twice in a row, then let it end; its hash."""
    checkpoint, answer = folder / "run.safetensors", folder / "answer"
    checkpoint.unlink(missing_ok=True)
    for _ in range(1 if dice.random() < 0.7 else 2):
        pid = child(name, checkpoint, answer, forget)
        wait_for(checkpoint)
        time.sleep(dice.uniform(0, 0.9) * seconds)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        count.kills += 1
        if answer.exists():  # it came to its end before; another would begin from nothing
            return answer.read_text()
        if checkpoint.exists():
            at = read_header(checkpoint)["run"]
            if forget and at["epoch"] + 1 == EPOCHS:
                continue  # after the last step nothing is missed
            count.hits += 1
            count.phases.add(f"phase {at['phase'] + 1}")
    wait(child(name, checkpoint, answer, forget))
    return answer.read_text()


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.001)


def series(name: str, kills: int, seed: int, forget: str | None = None) -> Count:
    """Runs of one family until so many kills have landed (or three times as many were sent)."""
    dice, count = random.Random(f"{name} {seed}"), Count()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        wait(child(name, None, folder / "answer", None))
        unbroken = (folder / "answer").read_text()
        pid = child(name, folder / "timed.safetensors", folder / "answer", None)
        wait_for(folder / "timed.safetensors")
        began = time.perf_counter()
        wait(pid)
        seconds = time.perf_counter() - began
        while count.hits < kills and count.kills < 3 * kills + 3:
            hits = count.hits
            same = killed_run(name, folder, seconds, dice, count, forget) == unbroken
            if count.hits > hits:  # one that was not resumed proves nothing
                count.runs += 1
                count.equal += same
    return count


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="that must land, a family")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--controls", nargs="*", default=list(FORGETS))
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    good, counts = True, []
    print(f"{'family':26} kills  mid-run  runs  bit-identical  landed in")
    for name in wanted.families:
        count = series(name, wanted.kills, wanted.seed)
        good &= count.equal == count.runs and count.hits >= min(wanted.kills, 0.8 * count.kills)
        show(name, count)
        counts.append(count)
    controls = []
    for forget in wanted.controls:
        count = series("DenoisingAutoencoder", max(1, wanted.kills // 2), wanted.seed, forget)
        good &= count.equal == 0 < count.runs
        show(f"control without {forget}", count)
        controls.append(count)
    print(json.dumps({"runs": summed(counts), "controls": summed(controls)}))
    return 0 if good else 1


def summed(counts: list[Count]) -> dict[str, int]:
    names = ("kills", "hits", "runs", "equal")
    return {name: sum(getattr(count, name) for count in counts) for name in names}


def show(name: str, count: Count) -> None:
    landed = ", ".join(sorted(count.phases))
    print(
        f"{name:26} {count.kills:5}  {count.hits:7}  {count.runs:4}  {count.equal:13}  {landed}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

"""diabolo beside other libraries: one process a measurement, taking turns, medians and ratios.

    python bench/peers.py --venv PATH [--only large-128 small …] [--peers jax keras-jax …]
                          [--rounds 3] [--quick] [--threads 1] [--cpus 0] [--cpu]

Every contestant gets the same net (784-1000-500-250-30 or 64-16-2, mirrored, ReLU, linear code,
sigmoid output), the same float32 rows in [0, 1], batches and Adam with its rate, through its own
public interface (bench/peers/by_*.py; what an interface does not let one set is said there). The
other libraries live in an environment of their own, made at the first call; torch is the release
that diabolo itself runs on. What cannot be installed or fails is listed with the reason. A call
that was interrupted is gone on with by the next one; who is far behind needs no second round.

    large-128, large-1000, small   seconds of one more epoch of a fit, first fit, import, memory
    many                           32 small models at once: an epoch of one of them
    encode                         rows a second through the large encoder, 50,000 a call
    quality                        seconds of the shortest fit that reaches a held-out error

Figures go to results/peers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from environment import last_line, prepared
from kept import RESULTS, keep
from step import digits, hardware, images

from report import LEADING, OURS, Runs, ratio, summary, table

FOLDER = Path(__file__).resolve().parent / "peers"

# contestant → its module, and what has to be installed for it; None: diabolo's own environment
CONTESTANTS: dict[str, tuple[str, list[str] | None]] = {
    OURS: ("by_diabolo", None),
    "diabolo int8": ("by_diabolo_int8", None),
    "diabolo bfloat16": ("by_diabolo_bfloat16", None),
    "torch by hand": ("by_hand", None),
    "torch loop": ("by_torch", ["torch"]),
    "jax": ("by_jax", ["jax", "optax"]),
    "jax bfloat16": ("by_jax_bfloat16", ["jax", "optax"]),
    "keras-jax": ("by_keras_jax", ["keras", "jax"]),
    "keras-torch": ("by_keras_torch", ["keras", "torch"]),
    "pythae": ("by_pythae", ["pythae"]),
    "pyod": ("by_pyod", ["pyod", "torch"]),
    "skorch": ("by_skorch", ["skorch", "torch"]),
    "clustpy": ("by_clustpy", ["scipy", "matplotlib", "pandas", "tqdm", "scikit-learn", "clustpy"]),
    "scikit-learn": ("by_sklearn", ["scikit-learn"]),
}
FAR = 1.6  # times as long as diabolo: one round is enough to see that
LARGE, SMALL = [784, 1000, 500, 250, 30], [64, 16, 2]
ONLY = {  # tasks that not everybody enters
    "encode": lambda name: name not in {"torch by hand", "pyod", "scikit-learn"},
    "quality": lambda name: name not in {"torch by hand", "pyod", "diabolo int8"},
}


def tasks(folder: Path, quick: bool) -> dict[str, dict[str, Any]]:
    """What is measured, by name, with its rows as a file in the folder."""
    pictures = images().numpy()
    small = digits().numpy()[:1792] / np.float32(16)  # whole batches of 32
    rows = {"128": 3200 if quick else 6400, "1000": 5000}
    made = {
        "large-128": ("epoch", pictures[: rows["128"]], LARGE, 128, {"epochs": 1 if quick else 4}),
        "large-1000": (
            "epoch",
            pictures[: rows["1000"]],
            LARGE,
            1000,
            {"epochs": 1 if quick else 5},
        ),
        "small": ("epoch", small, SMALL, 32, {"epochs": 5 if quick else 20}),
        "many": ("many", small, SMALL, 32, {"epochs": 2 if quick else 5, "count": 32}),
        "encode": ("encode", pictures[:50_000], LARGE, 128, {"repeats": 1 if quick else 4}),
        "quality": ("quality", pictures[:13_800], LARGE, 128, _QUALITY),
    }
    found = {}
    for name, (kind, data, sizes, batch, others) in made.items():
        path = folder / f"{name}.npy"
        scale = np.float32(255 if data.dtype == np.uint8 else 1)
        np.save(path, (data / scale).astype(np.float32))
        found[name] = {
            "kind": kind,
            "data": str(path),
            "rows": len(data),
            "sizes": sizes,
            "batch": batch,
            **others,
        }
    return found


_QUALITY = {"held_out": 1000, "grid": [1, 2, 3, 4, 6, 8], "target": 25.0}


# measuring


def measured(
    name: str, task: dict[str, Any], python: Path, wanted: argparse.Namespace
) -> dict[str, Any] | str:
    """Figures of one process, or why there are none."""
    told = task | {"threads": wanted.threads, "clock": "cpu" if wanted.cpu else "wall"}
    module, packages = CONTESTANTS[name]
    interpreter = sys.executable if packages is None else str(python)
    call = [interpreter, "measure.py", module, task["kind"], json.dumps(told)]
    pinned = [] if wanted.cpus is None else ["taskset", "-c", wanted.cpus]
    count = str(wanted.threads)
    environment = os.environ | {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
    if packages is not None:
        environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            [*pinned, *call],
            cwd=FOLDER,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "took more than ten minutes"
    if done.returncode:
        return last_line(done.stderr) or f"exit code {done.returncode}"
    return json.loads(done.stdout)


class Race:
    """The runs of one task; what an earlier call measured with the same settings is gone on with.

    runs : figures of every round. left_out : contestants, and why.
    """

    def __init__(self, title: str, task: dict[str, Any], wanted: argparse.Namespace) -> None:
        self.title, self.task, self.wanted = title, task, wanted
        said = {name: value for name, value in task.items() if name not in ("data", "kind")}
        clock = "processor" if wanted.cpu else "wall"
        self.setting = said | {
            "threads": wanted.threads,
            "clock": clock,
            "pinned": bool(wanted.cpus),
        }
        self.runs: Runs = {}
        self.left_out: dict[str, str] = {}
        if not wanted.quick:
            self._go_on()

    def _go_on(self) -> None:
        path = RESULTS / "peers.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        before = kept.get(self.title, {}).get("figures", {})
        if before.get("setting") == self.setting:
            self.runs = before["runs"]

    def run(self, names: list[str], python: Path) -> None:
        """Everybody in turn; who fails is out, who is far behind has said enough."""
        for number in range(self.wanted.rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                done = self.runs.get(name, [])
                if len(done) > number or name in self.left_out or self._is_far_behind(name):
                    continue
                self._measure(name, python)

    def _measure(self, name: str, python: Path) -> None:
        figures = measured(name, self.task, python, self.wanted)
        if isinstance(figures, str):
            self.left_out[name] = figures
            self.runs.pop(name, None)
        else:
            figures["load"] = round(os.getloadavg()[0], 1)
            self.runs.setdefault(name, []).append(figures)
        if not self.wanted.quick:
            kept = {"setting": self.setting, "contestants": self.figures(), "runs": self.runs}
            keep("peers", **{self.title: kept | {"left_out": self.left_out}})

    def _is_far_behind(self, name: str) -> bool:
        ours, key = self.runs.get(OURS, []), LEADING[self.task["kind"]]
        times = ratio(key, self.runs.get(name, []), ours)
        return times is not None and times > FAR

    def figures(self) -> dict[str, Any]:
        return summary(self.task, self.runs)


def entered(name: str, task: str) -> bool:
    """Whether a contestant can do a task, and doing it says something new."""
    if name == "diabolo int8":
        return task == "encode"
    if name in {"diabolo bfloat16", "jax bfloat16"}:  # the others' products are in float32
        return task in {"large-128", "large-1000", "quality"}
    if name in {"torch by hand", "keras-torch"} and task == "many":
        return False
    return task not in ONLY or ONLY[task](name)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--venv", type=Path, default=Path(tempfile.gettempdir()) / "diabolo-peers")
    parser.add_argument("--only", nargs="+", help="tasks; all if left out")
    parser.add_argument("--peers", nargs="+", help="contestants beside diabolo; all if left out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of every contestant")
    parser.add_argument("--cpus", help="processors to stay on, as for taskset, such as 1")
    parser.add_argument("--cpu", action="store_true", help="processor time, on a busy machine")
    parser.add_argument("--quick", action="store_true", help="fewer rows; nothing is kept")
    wanted = parser.parse_args()
    names = [n for n in CONTESTANTS if n == OURS or not wanted.peers or n in wanted.peers]
    print(hardware(wanted.threads), flush=True)
    others = {name: CONTESTANTS[name][1] for name in names}
    python, missing = prepared(
        wanted.venv.absolute(), {name: needs for name, needs in others.items() if needs}
    )
    with tempfile.TemporaryDirectory() as folder:
        for title, task in tasks(Path(folder), wanted.quick).items():
            if wanted.only and title not in wanted.only:
                continue
            race = Race(title, task, wanted)
            race.left_out = {name: why for name, why in missing.items() if entered(name, title)}
            race.run([name for name in names if entered(name, title)], python)
            load = os.getloadavg()[0]
            print(f"\n{title}, {wanted.threads} threads, load {load:.1f}\n{table(race.figures())}")
            for name, reason in race.left_out.items():
                print(f"  left out: {name}: {reason}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

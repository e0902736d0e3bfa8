"""diabolo beside other libraries: one process a measurement, taking turns, medians and ratios.

    python bench/peers.py --venv PATH [--only large-128 small …] [--peers jax keras-jax …]
                          [--rounds 3] [--quick] [--threads 1] [--cpus 0] [--cpu]

Every contestant gets the same net (784-1000-500-250-30 or 64-16-2, mirrored, ReLU, linear code,
sigmoid output), the same float32 rows in [0, 1], batches and Adam with its rate, through its own
public interface (bench/peers/by_*.py; what an interface does not let one set is said there). The
other libraries live in an environment of their own, made at the first call; torch is the release
that diabolo itself runs on. What cannot be installed or fails is listed with the reason.

    large-128, large-1000, small   seconds of one more epoch of a fit, first fit, import, memory
    many                           32 small models at once: an epoch of one of them
    encode                         rows a second through the large encoder, 50,000 a call
    quality                        seconds of the shortest fit that reaches a held-out error

Figures go to results/peers.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kept import RESULTS, keep
from step import digits, hardware, images

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "peers"
OURS = "diabolo"

# contestant → its module, and what has to be installed for it; None: diabolo's own environment
CONTESTANTS: dict[str, tuple[str, list[str] | None]] = {
    OURS: ("by_diabolo", None),
    "diabolo int8": ("by_diabolo_int8", None),
    "torch by hand": ("by_hand", None),
    "torch loop": ("by_torch", ["torch"]),
    "jax": ("by_jax", ["jax", "optax"]),
    "keras-jax": ("by_keras_jax", ["keras", "jax"]),
    "keras-torch": ("by_keras_torch", ["keras", "torch"]),
    "pythae": ("by_pythae", ["pythae"]),
    "pyod": ("by_pyod", ["pyod", "torch"]),
    "skorch": ("by_skorch", ["skorch", "torch"]),
    "clustpy": ("by_clustpy", ["scipy", "matplotlib", "pandas", "tqdm", "scikit-learn", "clustpy"]),
    "scikit-learn": ("by_sklearn", ["scikit-learn"]),
}
ALONE = {"clustpy"}  # without what it asks for: torchvision, which comes for CUDA only
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


# the environment


def prepared(path: Path, wanted: list[str]) -> tuple[Path, dict[str, str]]:
    """The interpreter that has the other libraries, and why some of them are not there."""
    python = path / "bin" / "python"
    if not python.exists():
        print(f"making an environment for the other libraries in {path}", flush=True)
        venv.create(path, with_pip=True)
    left_out = {}
    for name in wanted:
        packages, done = CONTESTANTS[name][1], path / f"ready-{name.replace(' ', '-')}"
        if packages is None or done.exists():
            continue
        reason = _installed(python, packages, name in ALONE)
        if reason:
            left_out[name] = f"cannot be installed: {reason}"
        else:
            done.touch()
    return python, left_out


def _installed(python: Path, packages: list[str], last_alone: bool) -> str | None:
    """Install what is missing, torch never as another release; None or why it went wrong."""
    release = importlib.metadata.version("torch").partition("+")[0]
    pinned = python.parent.parent / "constraints.txt"
    pinned.write_text(f"torch=={release}\n")
    call = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    steps = [[*call, "-c", str(pinned), *(packages[:-1] if last_alone else packages)]]
    if last_alone:
        steps.append([*call, "--no-deps", packages[-1]])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            return _last_line(done.stderr)
    listed = [str(python), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    unwanted = [line for line in found.splitlines() if line.startswith(("nvidia", "torchvision"))]
    return f"it brought {', '.join(unwanted)}" if unwanted else None


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
        return _last_line(done.stderr) or f"exit code {done.returncode}"
    return json.loads(done.stdout)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and "WARNING" not in line]
    return lines[-1].strip()[:300] if lines else ""


def race(
    names: list[str],
    task: dict[str, Any],
    python: Path,
    wanted: argparse.Namespace,
    left_out: dict[str, str],
) -> dict[str, list[dict[str, Any]]]:
    """What everybody needed in every round; who fails once is out, who is far behind is done."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for number in range(wanted.rounds):
        behind = {name for name in runs if _is_far_behind(LEADING[task["kind"]], name, runs)}
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if name in left_out or name in behind:
                continue
            figures = measured(name, task, python, wanted)
            if isinstance(figures, str):
                left_out[name] = figures
                print(f"  {name}: {figures}", file=sys.stderr, flush=True)
            else:
                runs.setdefault(name, []).append(figures)
    return {name: runs[name] for name in names if name in runs and name not in left_out}


def _is_far_behind(key: str, name: str, runs: dict[str, list[dict[str, Any]]]) -> bool:
    ratio = _ratio(key, runs[name], runs.get(OURS, []))
    return ratio is not None and ratio > FAR


# what comes of it

LEADING = {"epoch": "epoch_s", "many": "epoch_s", "encode": "rows_per_s", "quality": "seconds"}


def summary(task: dict[str, Any], runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians, and how many times as long as diabolo everybody took: medians of the rounds'."""
    key = LEADING[task["kind"]]
    figures = {}
    for name, rounds in runs.items():
        load = round(os.getloadavg()[0], 1)
        row: dict[str, Any] = {"version": rounds[0]["version"], "rounds": len(rounds), "load": load}
        for field, value in rounds[0].items():
            if isinstance(value, float | int):
                values = [each[field] for each in rounds if each[field] is not None]
                row[field] = median(values) if values else None
        if task["kind"] in ("epoch", "many"):
            row["us_per_step"] = 1e6 * row["epoch_s"] * task["batch"] / task["rows"]
            row["rows_per_s"] = task["rows"] / row["epoch_s"]
        if task["kind"] == "quality":
            row["tried"] = rounds[0]["tried"]
        row["times_diabolo"] = _ratio(key, rounds, runs.get(OURS, []))
        figures[name] = row
    return figures


def _ratio(key: str, theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> float | None:
    pairs = [
        (a[key], b[key]) if key != "rows_per_s" else (b[key], a[key])
        for a, b in zip(theirs, ours, strict=False)
    ]
    whole = [a / b for a, b in pairs if a is not None and b is not None]
    return median(whole) if whole else None


HEADS = {
    "rows_per_s": ("rows/s", "{:,.0f}"),
    "us_per_step": ("µs a step", "{:,.1f}"),
    "seconds": ("seconds", "{:.1f}"),
    "epochs": ("epochs", "{:.0f}"),
    "times_diabolo": ("× diabolo", "{:.2f}"),
    "first_fit_s": ("first fit s", "{:.2f}"),
    "import_s": ("import s", "{:.2f}"),
    "peak_mb": ("peak MB", "{:,.0f}"),
}


def table(figures: dict[str, Any]) -> str:
    """Contestants, the quickest first."""
    columns = [key for key in HEADS if any(key in row for row in figures.values())]
    rows = [["", *(HEADS[key][0] for key in columns)]]
    order = sorted(figures, key=lambda name: figures[name]["times_diabolo"] or float("inf"))
    for name in order:
        values = [figures[name].get(key) for key in columns]
        cells = [
            "—" if value is None else HEADS[key][1].format(value)
            for key, value in zip(columns, values, strict=True)
        ]
        rows.append([name, *cells])
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    return "\n".join(
        "  "
        + row[0].ljust(widths[0])
        + "".join(c.rjust(w + 2) for c, w in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )


def entered(name: str, task: str) -> bool:
    """Whether a contestant can do a task, and doing it says something new."""
    if name == "diabolo int8":
        return task == "encode"
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
    python, missing = prepared(wanted.venv.absolute(), names)
    with tempfile.TemporaryDirectory() as folder:
        for title, task in tasks(Path(folder), wanted.quick).items():
            if wanted.only and title not in wanted.only:
                continue
            left_out = {name: why for name, why in missing.items() if entered(name, title)}
            entrants = [name for name in names if entered(name, title)]
            runs = race(entrants, task, python, wanted, left_out)
            figures = summary(task, runs)
            load = os.getloadavg()[0]
            print(f"\n{title}, {wanted.threads} threads, load {load:.1f}\n{table(figures)}")
            for name, reason in left_out.items():
                print(f"  left out: {name}: {reason}")
            sys.stdout.flush()
            if not wanted.quick:
                said = {k: v for k, v in task.items() if k not in ("data", "kind")}
                clock = "processor" if wanted.cpu else "wall"
                setting = said | {"threads": wanted.threads, "clock": clock, "cpus": wanted.cpus}
                keep("peers", **{title: _beside_kept(title, setting, figures, left_out)})


def _beside_kept(
    title: str, setting: dict[str, Any], figures: dict[str, Any], left_out: dict[str, str]
) -> dict[str, Any]:
    """What was measured of the same task before, and this; of diabolo what had more rounds."""
    path = RESULTS / "peers.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    before = kept.get(title, {}).get("figures", {})
    if before.get("setting") != setting:
        before = {"contestants": {}, "left_out": {}}
    known = before["contestants"]
    ours = max(figures.get(OURS), known.get(OURS), key=lambda row: row["rounds"] if row else 0)
    found = {**known, **figures, OURS: ours}
    missing = {n: why for n, why in {**before["left_out"], **left_out}.items() if n not in found}
    return {"setting": setting, "contestants": found, "left_out": missing}


if __name__ == "__main__":
    main()

"""What a row costs as rows, features, code and depth grow by 10 and 100.

    python bench/scaling.py [--rounds 3] [--cpu]

From one small model, 256-64-2 and its mirror image on 1,000 rows, one size at a time is made 10 and
100 times as large: rows, features, units of the code, hidden levels on either side. Measured are
one more epoch of `fit` (a longer fit less a short one) and `transform`, on one thread, both per
row, with the multiplications that a row needs beside them. Rounds take turns; medians. Figures go
to results/scaling.json, the curves to docs/scaling.png.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kept import keep
from step import hardware

import diabolo

GROWTH = (1, 10, 100)
ROUNDS, SECONDS = 3, 1.0
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "scaling.png"
ABOUT = {  # size → what it is called, and the unit of what grows
    "rows": "rows",
    "features": "features",
    "code": "units of the code",
    "depth": "hidden levels",
}


class Size(NamedTuple):
    rows: int = 1000
    features: int = 256
    code: int = 2
    depth: int = 1

    @property
    def levels(self) -> tuple[int, ...]:
        return (self.features, *[64] * self.depth, self.code)

    @property
    def products(self) -> int:
        """Multiplications that encoding a row takes; a step takes about six times as many."""
        return sum(a * b for a, b in pairwise(self.levels))

    def model(self, epochs: int) -> diabolo.Autoencoder:
        return diabolo.Autoencoder(
            n_components=self.code,
            hidden_layer_sizes=self.levels[1:-1],
            batch_size=100,
            max_epochs=epochs,
            early_stopping=False,
            n_threads=1,
            random_state=0,
        )

    def data(self) -> np.ndarray:
        return np.random.default_rng(0).normal(size=(self.rows, self.features)).astype(np.float32)


def sizes() -> dict[str, list[Size]]:
    """Axis → the base, and it with that axis 10 and 100 times as large."""
    base = Size()
    return {
        axis: [base._replace(**{axis: factor * getattr(base, axis)}) for factor in GROWTH]
        for axis in Size._fields
    }


class Contest:
    """One size, its data, and how many epochs a measurement takes."""

    def __init__(self, size: Size, seconds: float, clock: Callable[[], float]) -> None:
        self.size, self.X, self.clock = size, size.data(), clock
        self.fitted = size.model(1).fit(self.X)
        epoch = self._seconds(lambda: size.model(2).fit(self.X)) / 2
        self.epochs = max(1, round(seconds / epoch))
        self.times: dict[str, list[float]] = {"step": [], "encode": []}

    def measure(self) -> None:
        """A round: µs a row."""
        short = self._seconds(lambda: self.size.model(1).fit(self.X))
        long = self._seconds(lambda: self.size.model(1 + self.epochs).fit(self.X))
        repeats = max(1, 20_000 // self.size.rows)
        encoding = self._seconds(lambda: [self.fitted.transform(self.X) for _ in range(repeats)])
        self.times["step"].append(1e6 * (long - short) / (self.epochs * self.size.rows))
        self.times["encode"].append(1e6 * encoding / (repeats * self.size.rows))

    def figures(self) -> dict[str, Any]:
        return {
            **self.size._asdict(),
            "products": self.size.products,
            "step_us_per_row": median(self.times["step"]),
            "encode_us_per_row": median(self.times["encode"]),
        }

    def _seconds(self, work: Callable[[], Any]) -> float:
        start = self.clock()
        work()
        return self.clock() - start


def draw(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """µs a row against each size, and what the number of multiplications alone would make of it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True)
    for panel, (axis, rows) in zip(panels, found.items(), strict=True):
        x = [row[axis] for row in rows]
        for kind, colour, name in [
            ("step", "#1f5fa8", "training"),
            ("encode", "#c4532d", "encode"),
        ]:
            y = [row[f"{kind}_us_per_row"] for row in rows]
            share = [y[0] * row["products"] / rows[0]["products"] for row in rows]
            panel.plot(x, share, color=colour, lw=1, ls=":", alpha=0.7)
            panel.plot(x, y, color=colour, marker="o", label=name)
        panel.set(xscale="log", yscale="log", xticks=x, title=ABOUT[axis])
        panel.set_xticks(x, [f"{value:,}" for value in x])
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("µs a row")
    panels[0].plot([], [], color="grey", lw=1, ls=":", label="multiplications")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of training a round")
    parser.add_argument("--cpu", action="store_true", help="processor time, on a busy machine")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    print(hardware(1))
    clock = time.process_time if wanted.cpu else time.perf_counter
    contests = {
        axis: [Contest(size, wanted.seconds, clock) for size in grown]
        for axis, grown in sizes().items()
    }
    for _ in range(wanted.rounds):
        for grown in contests.values():
            for contest in grown:
                contest.measure()
    found = {axis: [c.figures() for c in grown] for axis, grown in contests.items()}
    for axis, rows in found.items():
        print(
            f"\n{ABOUT[axis]:32s} training   encode   µs a row; × the smallest; × multiplications"
        )
        for row in rows:
            step, encode = row["step_us_per_row"], row["encode_us_per_row"]
            first = rows[0]
            print(
                f"  {row[axis]:>12,}                {step:10.2f} {encode:8.2f}"
                f"   {step / first['step_us_per_row']:7.2f} "
                f"{encode / first['encode_us_per_row']:7.2f} "
                f"{row['products'] / first['products']:7.2f}"
            )
    settings = {
        "rounds": wanted.rounds,
        "seconds": wanted.seconds,
        "clock": "processor" if wanted.cpu else "wall",
    }
    whole = wanted.rounds >= ROUNDS and wanted.seconds >= SECONDS and not wanted.cpu
    keep("scaling", settings=settings, whole=whole, one_thread=found)
    draw(found, PICTURE)


if __name__ == "__main__":
    main()

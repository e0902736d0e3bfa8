"""Does picking a model pay? `choose` beside the default settings, on rows held out from both.

    python bench/auto.py                              all, three seeds: budgets add up to 40 minutes
    python bench/auto.py --only titanic digits --seeds 1 --budget 60s

Figures go to results/auto.json. A fifth of the rows (MNIST: its test set) is kept from both; the
default is trained on all others, as a user would. titanic, digits and MNIST (20,000 images) are
judged by nats to tell a row, cardio by AUROC, whose labels nobody sees before. "change" is how much
better the choice is, in per cent; below -2 would be a loss that the gate is to prevent.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))


from kept import keep

import diabolo
from diabolo import open_dataset
from diabolo.data.rows import ArrayRows
from diabolo.measures.description import description_length
from diabolo.models.autoencoder import Example
from diabolo.uses.auto import choose

DATA = Path(os.environ.get("DIABOLO_DATA", "data"))
ROOT = Path(__file__).resolve().parents[1]
SETS = {
    "titanic": ("compress", "2m"),
    "cardio": ("detect", "1m"),
    "digits": ("compress", "3m"),
    "mnist": ("compress", "6m"),
}
MNIST_ROWS = 20_000
SEEDS = 3


def halves(name: str, seed: int):
    """Rows to learn from, rows that judge, and the labels of these."""
    dice = np.random.default_rng(seed)
    if name == "mnist":
        train, test = open_dataset("mnist"), open_dataset("mnist", split="test")
        return part(train, np.sort(dice.permutation(len(train))[:MNIST_ROWS])), test, None
    labels = None
    if name == "cardio":
        stored = np.load(DATA / "adbench" / "6_cardio.npz")
        dataset, labels = open_dataset(stored["X"]), stored["y"]
    else:
        path = DATA / "tables" / "titanic.csv"
        dataset = open_dataset(str(path) if name == "titanic" else name)
    order = dice.permutation(len(dataset))
    judges, learned = np.sort(order[: len(order) // 5]), np.sort(order[len(order) // 5 :])
    return part(dataset, learned), part(dataset, judges), None if labels is None else labels[judges]


def part(dataset, numbers):
    return replace(dataset, rows=ArrayRows(dataset.rows.take(numbers)), labels=None)


def scaled(model, dataset):
    rows = dataset.rows.take(np.arange(len(dataset)))
    return Example(model.columns_.scaled(torch.from_numpy(rows)))


def figure(model, learned, judges, labels) -> float:
    """AUROC where there are labels, else nats a row."""
    if labels is not None:
        return float(roc_auc_score(labels, -model.score_samples(judges)))
    rows = scaled(model, learned), scaled(model, judges)
    return description_length(model.module_, model.columns_, *rows).total


def compare(name: str, seed: int, budget: str | None, n_threads: int | None) -> dict:
    purpose, usual = SETS[name]
    learned, judges, labels = halves(name, seed)
    began = time.perf_counter()
    words = {"random_state": seed, "n_threads": n_threads}
    kind = diabolo.AnomalyDetector if purpose == "detect" else diabolo.Autoencoder
    default = kind(**words).fit(learned)
    seconds = time.perf_counter() - began
    choice = choose(learned, budget or usual, purpose, **words)
    ours, theirs = (figure(m, learned, judges, labels) for m in (choice.model, default))
    gain = ours / theirs - 1 if purpose == "detect" else 1 - ours / theirs
    return {
        "set": name,
        "seed": seed,
        "purpose": purpose,
        "budget": budget or usual,
        "default": theirs,
        "chosen": ours,
        "change": 100 * gain,
        "default seconds": seconds,
        "seconds": choice.seconds,
        "candidates": len({trial.name for trial in choice.trials}),
        "what": choice.trial.name,
        "why": choice.why,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--budget")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    print(f"{'set':8} {'seed':4} {'default':>9} {'chosen':>9} {'change':>8} {'seconds':>8}")
    rows = []
    for name in given.only:
        for seed in range(given.seeds):
            row = compare(name, seed, given.budget, given.threads)
            rows.append(row)
            print(
                f"{name:8} {seed:4} {row['default']:9.4g} {row['chosen']:9.4g} "
                f"{row['change']:+7.1f}% {row['seconds']:8.1f}  {row['what']}",
                flush=True,
            )
        if given.budget is None:
            own = [row for row in rows if row["set"] == name]
            keep("auto", whole=given.seeds >= SEEDS, **{name: own})
    changes = [row["change"] for row in rows]
    print(f"mean change {np.mean(changes):+.1f} %, worst {min(changes):+.1f} %")


if __name__ == "__main__":
    main()

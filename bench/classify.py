"""Few labels: a pre-trained encoder beside the same network from random weights, on MNIST.

    python bench/classify.py                          100, 1,000 and all labels, three seeds
    python bench/classify.py --labels 1000 --seeds 1

Labels are drawn evenly from the classes. Pre-training sees the 60,000 training images without
labels, once a seed: it undoes moves. Both networks then learn from the same labels with the same
settings, which were chosen on the last 10,000 training images with 1,000 labels; the test set is
read once, at the end. "As they are": labelled images come as they are; "corrupted": moved and half
hidden, as in pre-training, for both networks. The table goes to
results/classify.json.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from kept import keep

from diabolo import DenoisingAutoencoder, EncoderClassifier, open_dataset
from diabolo.cli.classify import few_of

ROOT = Path(__file__).resolve().parents[1]
LABELS = (100, 1000, 60_000)
SEEDS = 3
PRE = {
    "noise": ("moves", "masking"),
    "level": (0.25, 0.5),
    "hidden_layer_sizes": (1000, 500),
    "n_components": 64,
    "batch_size": 256,
    "lr": 1e-3,
    "max_epochs": 30,
    "early_stopping": False,
}
TUNE = {"control": False, "lr": 5e-4}  # max_epochs: 3,000 steps, 10 epochs of all labels
WAYS = {"as they are": False, "corrupted": True}


def run(labels: list[int], seeds: int, threads: int | None) -> list[dict[str, Any]]:
    train, test = open_dataset("mnist"), open_dataset("mnist", split="test")
    y = np.asarray(train.labels).astype(int)
    rows = []
    for seed in range(seeds):
        began = time.perf_counter()
        start = DenoisingAutoencoder(**PRE, random_state=seed, n_threads=threads).fit(train)
        pretraining = time.perf_counter() - began
        for count, (way, corrupt) in itertools.product(labels, WAYS.items()):
            few = y if count >= len(y) else few_of(y, count, seed)
            settings = {**TUNE, "corrupt": corrupt, "random_state": seed, "n_threads": threads}
            began = time.perf_counter()
            own = EncoderClassifier(pretrained=start, **settings).fit(train, few)
            tuning = time.perf_counter() - began
            anew = DenoisingAutoencoder(**PRE, random_state=seed)
            other = EncoderClassifier(estimator=anew, pretrain=False, **settings).fit(train, few)
            error, control = (
                100 * float(np.mean(one.predict(test) != np.asarray(test.labels).astype(int)))
                for one in (own, other)
            )
            rows.append(
                {
                    "labels": count,
                    "way": way,
                    "seed": seed,
                    "error": error,
                    "control": control,
                    "pretraining_seconds": round(pretraining, 1),
                    "seconds": round(tuning, 1),
                }
            )
            print(
                f"{count:6,} labels, {way}, seed {seed}: {error:.2f} % wrong, {control:.2f} % from "
                f"random weights; {pretraining:.0f} + {tuning:.0f} s",
                flush=True,
            )
    return rows


def summary(rows: list[dict[str, Any]]) -> str:
    lines = []
    for count, way in dict.fromkeys((one["labels"], one["way"]) for one in rows):
        own = [one for one in rows if (one["labels"], one["way"]) == (count, way)]
        error, control = (statistics.mean(one[key] for one in own) for key in ("error", "control"))
        lines.append(
            f"{count:6,} labels, {way}: {error:.2f} % against {control:.2f} %: "
            f"{1 - error / control:.0%} fewer errors"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", nargs="*", type=int, default=list(LABELS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    rows = run(given.labels, given.seeds, given.threads)
    print(summary(rows))
    for count in given.labels:
        own = [row for row in rows if row["labels"] == count]
        keep("classify", whole=given.seeds >= SEEDS, **{f"{count} labels": own})


if __name__ == "__main__":
    main()

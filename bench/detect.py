"""Anomalies in tables and images: how often the strange ones come first, beside other detectors.

    python bench/detect.py                       18 tables, three seeds; wide table; one-class MNIST
    python bench/detect.py --sets 38 4 --seeds 1 --only tables
    python bench/detect.py --only wide images

Tables: the ADBench sets of $DIABOLO_DATA/adbench (Han et al. 2022), 70/30, stratified; labels are
used for that and for the figures, never for a fit; standardised by the training part, which
holds as many anomalies as the test part. Everybody at defaults, in one run: AnomalyDetector
alone and with the forest as its partner; scikit-learn's IsolationForest, 200 trees; Mahalanobis
distance with Ledoit & Wolf's covariance. Area under the ROC curve and average precision, in per
cent, means over seeds. "Eight" are 4, 6, 23, 28, 30, 31, 32, 38.

Wide: 1,500 columns from 10 hidden numbers, 2,000 rows; broken rows have a tenth of their cells
from another row. Seconds count.

Images: of MNIST, trained on one class, tested on all 10,000 test images.

All is written to results/detect.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kept import keep
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from diabolo import AnomalyDetector, Autoencoder, open_dataset

ROOT = Path(__file__).resolve().parents[1]
EIGHT = (4, 6, 23, 28, 30, 31, 32, 38)
ALL = (2, 4, 6, 18, 20, 23, 25, 26, 28, 30, 31, 32, 35, 38, 40, 41, 42, 43)
OURS, WITH_FOREST, FOREST = "diabolo", "diabolo + forest", "isolation forest"
PARTS = ("tables", "wide", "images")
SEEDS = 3


def detector(threads: int | None, seed: int, **settings: Any) -> AnomalyDetector:
    return AnomalyDetector(random_state=seed, n_threads=threads, **settings)


def contestants(threads: int | None, seed: int) -> dict[str, Callable[..., np.ndarray]]:
    """name → function of (training rows, test rows): how strange each test row is."""

    def of(model: Any) -> Callable[..., np.ndarray]:
        return lambda train, test: -model.fit(train).score_samples(test)

    return {
        OURS: of(detector(threads, seed)),
        WITH_FOREST: of(detector(threads, seed, combine="forest")),
        FOREST: of(IsolationForest(n_estimators=200, random_state=seed)),
        "mahalanobis": lambda train, test: LedoitWolf().fit(train).mahalanobis(test),
    }


def table(number: int) -> tuple[str, np.ndarray, np.ndarray]:
    folder = Path(os.environ["DIABOLO_DATA"]) / "adbench"
    (path,) = folder.glob(f"{number}_*.npz")
    with np.load(path) as held:
        return path.stem, held["X"].astype(np.float32), held["y"]


def of_tables(sets: tuple[int, ...], seeds: int, threads: int | None) -> list[dict[str, Any]]:
    found = []
    for number in sets:
        name, X, y = table(number)
        for seed in range(seeds):
            train, test, _, odd = train_test_split(
                X, y, test_size=0.3, stratify=y, random_state=seed
            )
            scaler = StandardScaler().fit(train)
            train, test = (scaler.transform(part).astype(np.float32) for part in (train, test))
            for who, judge in contestants(threads, seed).items():
                began = time.perf_counter()
                strange = judge(train, test)
                figures = {
                    "auroc": 100 * roc_auc_score(odd, strange),
                    "precision": 100 * average_precision_score(odd, strange),
                    "seconds": time.perf_counter() - began,
                }
                found.append({"set": number, "name": name, "seed": seed, "who": who, **figures})
        own = [row for row in found if row["set"] == number]
        cells = [
            f"{who} {mean(own, who, 'auroc'):5.1f} {mean(own, who, 'precision'):5.1f}"
            for who in contestants(threads, 0)
        ]
        print(f"{name:16}", "  ".join(cells), f"{mean(own, OURS, 'seconds'):5.1f} s", flush=True)
    return found


def mean(rows: list[dict[str, Any]], who: str, what: str, sets: tuple[int, ...] = ALL) -> float:
    return float(np.mean([r[what] for r in rows if r["who"] == who and r["set"] in sets]))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over sets of the means over seeds, which are equally many."""
    sets = {row["set"] for row in rows}
    groups = {"all": ALL, "eight": EIGHT}
    return {
        who: {
            group: {
                what: round(mean(rows, who, what, members), 2) for what in ("auroc", "precision")
            }
            for group, members in groups.items()
            if sets & set(members)
        }
        | {"slowest": round(max(r["seconds"] for r in rows if r["who"] == who), 1)}
        for who in dict.fromkeys(row["who"] for row in rows)
    }


def of_wide(threads: int | None) -> dict[str, float]:
    draw = np.random.default_rng(0)
    mixing = draw.normal(size=(10, 1500))
    X = draw.normal(size=(2000, 10)) @ mixing + draw.normal(size=(2000, 1500))
    odd = np.arange(2000) >= 1900
    other = draw.permutation(1900)[:100]
    swapped = draw.random((100, 1500)) < 0.1
    X[odd] = np.where(swapped, X[other], X[odd])
    began = time.perf_counter()
    strange = -detector(threads, 0).fit(X).score_samples(X)
    found = {
        "auroc": 100 * float(roc_auc_score(odd, strange)),
        "seconds": time.perf_counter() - began,
    }
    print(f"1,500 columns: AUROC {found['auroc']:.1f}, {found['seconds']:.0f} s", flush=True)
    return found


def of_images(threads: int | None, classes: tuple[int, ...]) -> dict[str, Any]:
    train, test = open_dataset("mnist"), open_dataset("mnist", split="test")
    rows, seen = (part.rows.take(np.arange(len(part))) for part in (train, test))
    names, own = (np.asarray(part.labels).astype(int) for part in (train, test))
    found = {}
    for k in classes:
        began = time.perf_counter()
        model = detector(threads, 0, estimator=Autoencoder(n_components=16, max_epochs=20))
        strange = -model.fit(rows[names == k]).score_samples(seen)
        found[k] = {
            "auroc": 100 * float(roc_auc_score(own != k, strange)),
            "seconds": time.perf_counter() - began,
        }
        print(
            f"MNIST, {k} alone: AUROC {found[k]['auroc']:.2f}, {found[k]['seconds']:.0f} s",
            flush=True,
        )
    mean_of_all = float(np.mean([each["auroc"] for each in found.values()]))
    print(f"MNIST, mean of {len(found)} classes: {mean_of_all:.2f}")
    return {"classes": found, "mean": mean_of_all}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", type=int, default=list(ALL), choices=ALL)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--classes", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--threads", type=int, help="of our fits; None: chosen")
    asked = parser.parse_args()
    if "tables" in asked.only:
        rows = of_tables(tuple(asked.sets), asked.seeds, asked.threads)
        print(json.dumps(summary(rows), indent=1))
        if set(asked.sets) == set(ALL):
            whole = asked.seeds >= SEEDS
            keep("detect", whole=whole, tables=rows, summary=summary(rows))
    if "wide" in asked.only:
        keep("detect", wide=of_wide(asked.threads))
    if "images" in asked.only:
        found = of_images(asked.threads, tuple(asked.classes))
        if len(asked.classes) == 10:
            keep("detect", images=found)


if __name__ == "__main__":
    main()

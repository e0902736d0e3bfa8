"""Maps of MNIST in two numbers: neighbours, labels and reconstruction, beside others.

    python bench/map.py                      three seeds
    python bench/map.py --seeds 1            a quarter of an hour on two idle cores
    python bench/map.py --only ParametricTSNE
    python bench/map.py --seeds 1 --epochs 2 --rows 5000   to try things

A ParametricTSNE and a ParametricUMAP are fitted to the 60,000 training images (labels are never
seen) and read on the 10,000 test images; settings were chosen on training rows 50,000 … 60,000.

    5-NN      a 5-nearest-neighbour classifier fitted to the codes of the training images, its
              share of right answers on the codes of the test images
    MSE       squared error per pixel of the test images, on the scale from 0 to 1
    trust     trustworthiness of the test images' codes, k = 5, against pixels; continuity likewise
    stress    Kruskal's, of all pairs of the same test images

PCA is fitted to the training images, too. UMAP and openTSNE, where installed, map the test images
alone: they have no MSE, and their 5-NN is by leaving one out. Sainburg et al. 2021 (on training
images, convolutional nets): their UMAP/AE 5-NN .9537, MSE .0360, trust .9675; AE .7926, .0369,
.9663; PCA .4201, .0557, .7434.

Figures go to results/map.json, each map's as soon as it is measured.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from kept import keep
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

import diabolo
from diabolo.measures.maps import map_quality
from diabolo.uses.map import rivals

ROOT = Path(__file__).resolve().parents[1]
SETTINGS: dict[str, Any] = {"hidden_layer_sizes": (1000, 500, 250)}
EPOCHS = {"ParametricTSNE": 16, "ParametricUMAP": 20}  # of encoder and decoder each; of both
SEEDS = 3
Row = dict[str, Any]


def images(split: str) -> tuple[np.ndarray, np.ndarray]:
    dataset = diabolo.open_dataset("mnist", split=split)
    rows = dataset.rows.take(np.arange(len(dataset)))
    return rows.reshape(len(rows), -1), np.asarray(dataset.labels)


def measured(
    name: str, test: np.ndarray, codes: np.ndarray, labels: np.ndarray, **more: Any
) -> Row:
    quality = map_quality(test.astype(np.float32) / 255, codes, labels)
    shown = {
        "trust": quality.trustworthiness,
        "continuity": quality.continuity,
        "stress": quality.stress,
        "5-NN, leaving one out": quality.accuracy,
    }
    found = {"name": name, **more, **shown}
    words = [f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in found.items()]
    print(", ".join(words), flush=True)
    return found


def ours(name: str, data: tuple, seed: int, epochs: int | None, threads: int | None) -> Row:
    train, train_labels, test, labels = data
    words = {"max_epochs": epochs or EPOCHS[name], "random_state": seed, "n_threads": threads}
    model = getattr(diabolo, name)(**SETTINGS, **words)
    began = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - began
    codes = model.transform(test)
    judge = KNeighborsClassifier(5).fit(model.transform(train), train_labels)
    error = np.square((model.reconstruct(test).astype(np.float64) - test) / 255).mean()
    return measured(
        name, test, codes, labels, seed=seed, seconds=seconds,
        **{"5-NN": float(judge.score(codes, labels)), "MSE": float(error)},
    )  # fmt: skip


def pca(data: tuple) -> Row:
    train, train_labels, test, labels = data
    model = PCA(2, random_state=0).fit(train / 255)
    codes = model.transform(test / 255)
    judge = KNeighborsClassifier(5).fit(model.transform(train / 255), train_labels)
    error = np.square(model.inverse_transform(codes) - test / 255).mean()
    return measured(
        "PCA", test, codes, labels,
        **{"5-NN": float(judge.score(codes, labels)), "MSE": float(error)},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=[*EPOCHS, "others"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--validation", action="store_true", help="training rows 50,000 … instead")
    given = parser.parse_args()
    (train, train_labels), (test, labels) = images("train"), images("test")
    if given.validation:
        test, labels = train[50_000:], train_labels[50_000:]
        train, train_labels = train[:50_000], train_labels[:50_000]
    data = (train[: given.rows], train_labels[: given.rows], test, labels)
    is_kept = (given.epochs, given.rows, given.validation) == (None, None, False)

    def kept(rows: list[Row], whole: bool = True) -> None:
        if is_kept:
            keep("map", whole=whole, **{rows[0]["name"]: rows})

    only = given.only or [*EPOCHS, "others"]
    for name in (one for one in EPOCHS if one in only):
        rows: list[Row] = []
        for seed in range(given.seeds):
            rows.append(ours(name, data, seed, given.epochs, given.threads))
            kept(rows, whole=seed + 1 >= SEEDS)
    if "others" not in only:
        return
    kept([pca(data)])
    for rival in rivals(test.astype(np.float32) / 255):
        if rival.name != "PCA":
            kept([measured(rival.name, test, rival.codes, labels, seconds=rival.seconds)])


if __name__ == "__main__":
    main()

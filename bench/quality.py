"""First quality on real data: what each family reaches on MNIST, in minutes.

    python bench/quality.py                            all, three seeds
    python bench/quality.py --only hinton --seeds 1    one experiment; the others stay as they are

Figures go to results/quality.json, and from there to docs/results.md (`diabolo.records.page`). The
papers' own tables are run by `diabolo reproduce`; what it has measured is shown there alone.

Settings were chosen on rows held out of the training set; the test set is read once, at the end of
each run. "Squared error" is summed over the 784 pixels on the scale [0, 1], mean over test images.
A probe is a logistic regression on the codes of 20,000 training images (all 60,000 for `sparse`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import diabolo
from diabolo.estimators.estimator import Estimator
from diabolo.records.machine import processor
from diabolo.records.page import cells, markdown, write_page

ROOT = Path(__file__).resolve().parents[1]
PROBED = 20_000  # training rows that a probe sees


class Digits:
    """MNIST, flat and on [0, 1] where figures are computed, bytes where models are fitted."""

    def __init__(self) -> None:
        self.train = diabolo.open_dataset("mnist")
        self.test = diabolo.open_dataset("mnist", split="test")
        self.test_x = self.test.rows.array.reshape(len(self.test), -1) / 255.0

    def squared_error(self, model: Estimator) -> float:
        rebuilt = model.reconstruct(self.test).reshape(len(self.test), -1) / 255.0
        return float(((self.test_x - rebuilt) ** 2).sum(1).mean())

    def probe(self, features: Callable[[object], np.ndarray], rows: int = PROBED) -> float:
        """Error in % of a linear probe on the test set."""
        scale = StandardScaler().fit(train := features(self.train)[:rows])
        probe = LogisticRegression(C=1.0, max_iter=400, tol=1e-3)
        probe.fit(scale.transform(train), self.train.labels[:rows])
        hits = probe.score(scale.transform(features(self.test)), self.test.labels)
        return 100 * (1 - hits)


Row = dict[str, float | str]


def hinton(digits: Digits, seed: int) -> list[Row]:
    """784-1000-500-250-30, the net of Hinton & Salakhutdinov 2006 (theirs: 3.00; PCA-30: 13.87)."""
    settings = {"hidden_layer_sizes": (1000, 500, 250), "max_epochs": 10, "batch_size": 128}
    model = diabolo.Autoencoder(n_components=30, random_state=seed, **settings)
    return [{"net": "784-1000-500-250-30", **fitted(model, digits), **error(model, digits)}]


def sparse(digits: Digits, seed: int) -> list[Row]:
    """196 units, KL to ρ = 0.1, one level: codes that are sparse in fact, and useful."""
    model = diabolo.SparseAutoencoder(
        n_components=196,
        hidden_layer_sizes=(),
        target_activation=0.1,
        sparsity_weight=20.0,
        l2=3e-3,
        shift=1,
        likelihood="bernoulli",
        lr=2e-2,
        max_epochs=25,
        random_state=seed,
    )
    row = fitted(model, digits)
    codes = model.transform(digits.test)
    means = codes.mean(0)
    return [
        {
            "net": "784-196",
            **row,
            **error(model, digits),
            "mean activation": float(means.mean()),
            "% within 20 % of ρ": 100 * float(np.mean(np.abs(means - 0.1) < 0.02)),
            "dead": int((codes.max(0) < 0.1).sum()),
            "always on": int((codes.min(0) > 0.5).sum()),
            "probe error": digits.probe(model.transform, rows=60_000),
        }
    ]


def contraction(digits: Digits, seed: int) -> list[Row]:
    """One level of 196 sigmoid units, tied, as in Rifai et al. 2011: whose codes move least?"""
    common = {
        "n_components": 196,
        "hidden_layer_sizes": (),
        "likelihood": "bernoulli",
        "tied": True,
        "lr": 1e-2,
        "random_state": seed,
        "max_epochs": 15,
    }
    models = {
        "plain": diabolo.ContractiveAutoencoder(contraction=0.0, **common),
        "denoising": diabolo.DenoisingAutoencoder(level=0.3, code_activation="sigmoid", **common),
        "sparse": diabolo.SparseAutoencoder(target_activation=0.1, **common),
        "contractive": diabolo.ContractiveAutoencoder(contraction=3.0, **common),
    }
    rows = []
    for name, model in models.items():
        row = {"model": name, **fitted(model, digits), **error(model, digits)}
        row["Jacobian norm"] = jacobian_norm(model, digits)
        rows.append({**row, "probe error": digits.probe(model.transform)})
    return rows


def jacobian_norm(model: Estimator, digits: Digits) -> float:
    """‖∂z/∂x‖_F, mean over 1,000 test images."""
    x = torch.from_numpy(digits.test_x[:1000]).float()
    with torch.no_grad():
        return float(model.module_.jacobian(x).square().sum((1, 2)).sqrt().mean())


def variational(digits: Digits, seed: int) -> list[Row]:
    """784-200-200-50, stochastically binarised; nats by importance sampling on the test set."""
    return [_likelihood(digits, seed, epochs=40, samples=200)]


def burda(digits: Digits, seed: int) -> list[Row]:
    """The same for 300 epochs, weighed as in Burda et al. 2016, table 1 (theirs: 86.76)."""
    return [_likelihood(digits, seed, epochs=300, samples=5000, early_stopping=False)]


def _likelihood(digits: Digits, seed: int, epochs: int, samples: int, **others: object) -> Row:
    model = diabolo.VariationalAutoencoder(
        n_components=50,
        hidden_layer_sizes=(200, 200),
        likelihood="bernoulli",
        binarise=True,
        activation="silu",
        lr=5e-3,
        max_epochs=epochs,
        random_state=seed,
        **others,
    )
    row = fitted(model, digits)
    nats = model.log_likelihood(digits.test, n_samples=samples, random_state=seed)
    return {
        "net": "784-200-200-50",
        **row,
        "−log p(x) in nats": -nats.mean,
        "standard error": nats.standard_error,
        "samples": nats.n_samples,
    }


def stacked(digits: Digits, seed: int) -> list[Row]:
    """784-500-250-30, denoising layers, greedy, then fine-tuned: a probe on every layer."""
    model = diabolo.StackedAutoencoder(
        n_components=30,
        hidden_layer_sizes=(500, 250),
        layer_epochs=6,
        max_epochs=8,
        random_state=seed,
    )
    row = fitted(model, digits)
    layers: list[tuple[str, Callable]] = [
        ("layer 1", lambda data: model.features(data, 1)),
        ("layer 2", lambda data: model.features(data, 2)),
        ("code", model.transform),
    ]
    return [
        {"features": name, **row, **error(model, digits), "probe error": digits.probe(features)}
        for name, features in layers
    ]


def families(digits: Digits, seed: int) -> list[Row]:
    """All families, code of 32, 10 epochs, defaults otherwise; PCA as baseline."""
    common = {"n_components": 32, "max_epochs": 10, "random_state": seed}
    special = {"StackedAutoencoder": {"max_epochs": 5, "layer_epochs": 3}}
    rows = [_pca(digits)]
    for name in diabolo.families.AUTOENCODERS:
        model = getattr(diabolo, name)(**{**common, **special.get(name, {})})
        row = {"model": name, **fitted(model, digits), **error(model, digits)}
        rows.append({**row, "probe error": digits.probe(model.transform)})
    return rows


def _pca(digits: Digits) -> Row:
    began = time.perf_counter()
    x = digits.train.rows.array.reshape(len(digits.train), -1) / 255.0
    pca = PCA(32, random_state=0).fit(x)
    seconds = time.perf_counter() - began
    rebuilt = pca.inverse_transform(pca.transform(digits.test_x))
    squared = float(((digits.test_x - rebuilt) ** 2).sum(1).mean())

    def codes(data: object) -> np.ndarray:
        return pca.transform(data.rows.array.reshape(len(data), -1) / 255.0)

    return {
        "model": "PCA",
        "seconds": seconds,
        "squared error": squared,
        "probe error": digits.probe(codes),
    }


def fitted(model: Estimator, digits: Digits) -> Row:
    began = time.perf_counter()
    model.fit(digits.train)
    return {"seconds": time.perf_counter() - began, "epochs": model.n_iter_}


def error(model: Estimator, digits: Digits) -> Row:
    return {"squared error": digits.squared_error(model)}


EXPERIMENTS = {
    run.__name__: run
    for run in (hinton, sparse, contraction, variational, burda, stacked, families)
}


def machine() -> str:
    load = f"load {os.getloadavg()[0]:.1f}"  # others on the machine make seconds longer
    return f"{processor()}, {torch.get_num_threads()} threads, {load}, torch {torch.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=list(EXPERIMENTS), default=list(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, default=3)
    wanted = parser.parse_args()
    digits = Digits()
    for name in wanted.only:
        runs = []
        for seed in range(wanted.seeds):
            runs.append(EXPERIMENTS[name](digits, seed))
            print(f"{name}, seed {seed}\n{markdown(cells(runs[-1]))}\n", flush=True)
        record(name, runs)


def record(name: str, runs: list[list[Row]]) -> None:
    """results/quality.json for programs, docs/results.md for people."""
    path = ROOT / "results" / "quality.json"
    path.parent.mkdir(exist_ok=True)
    results = json.loads(path.read_text()) if path.exists() else {}
    about = EXPERIMENTS[name].__doc__
    results[name] = {"about": about, "machine": machine(), "seeds": len(runs), "runs": runs}
    path.write_text(json.dumps(results, indent=1) + "\n")
    write_page(path.parent, ROOT / "docs" / "results.md")


if __name__ == "__main__":
    sys.exit(main())

"""Priors fitted after training, compared: what a plain autoencoder and a VAE draw on MNIST.

    python bench/priors.py                      the table below, some minutes on two cores
    python bench/priors.py --epochs 2 --n 1000  a glance

Rows are compared with as many test images, drawn at random (the first half of that set is cleaner
than the second), on features of a classifier trained here (StackedAutoencoder fine-tuned with
labels, its encoder) or, with --features random, on a net of random convolutions. The features'
hash and the classifier's error are printed: figures with another hash are another measure.

Controls: training images, and reconstructions of the very test images, which no prior can beat.
"copies" is the share of rows that lie much nearer to one training image than to all others, of
every sixth image, which those of the kernels are. "seconds" are those of fitting the prior and of
drawing all rows. Figures go to results/priors.json, a section for each kind of features.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from kept import keep

import diabolo
from diabolo.estimators.estimator import Estimator
from diabolo.measures.features import Embedding, Features
from diabolo.measures.samples import kernel_distance, memorisation, neighbourhoods

PRIORS = {
    "own": None,  # what the model was trained with
    "normal": ("normal", {}),
    "one Gaussian": ("mixture", {"n_components": 1}),
    "10 Gaussians": ("mixture", {"n_components": 10}),
    "kernels": ("kernel", {}),
    "posteriors": ("vamp", {}),
    "flow": ("flow", {}),
}
WHOLE = {"epochs": 10, "code": 16, "n": 5000, "seed": 0}
HEAD = f"{'model':<12}{'prior':<15}{'kernel distance':>22}{'precision':>11}{'recall':>8}" + (
    f"{'density':>9}{'coverage':>10}{'copies':>8}{'seconds':>9}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, help="of both models")
    parser.add_argument("--code", type=int, help="units")
    parser.add_argument("--n", type=int, help="rows compared")
    parser.add_argument("--features", choices=("classifier", "random"), default="classifier")
    parser.add_argument("--seed", type=int)
    parser.set_defaults(**WHOLE)
    given = parser.parse_args()
    train, test = (diabolo.open_dataset("mnist", split=s) for s in ("train", "test"))
    images, unseen = (d.rows.take(np.arange(len(d))) for d in (train, test))
    models = {
        "plain": diabolo.Autoencoder(**settings(given)).fit(images),
        "variational": diabolo.VariationalAutoencoder(**settings(given)).fit(images),
    }
    features, about = (
        classifier(images, train.labels, unseen, test.labels)
        if given.features == "classifier"
        else (Features.random(models["plain"].columns_), {})
    )
    about |= {"features": features.name, "hash": features.hash}
    print(f"features: {features.name} {features.hash}; {given.n} rows; {given.epochs} epochs")
    deal = np.random.default_rng(given.seed)
    unseen = unseen[deal.permutation(len(unseen))[: given.n]]
    bench = Bench(features, images[::6], unseen)
    print(HEAD)
    bench.row("", "training", images[deal.permutation(len(images))[: given.n]])
    for name, model in models.items():
        bench.row(name, "(rebuilt)", model.reconstruct(unseen))
        for prior, fit in PRIORS.items():
            compare(bench, name, model, prior, fit, images, given)
    asked = {name: getattr(given, name) for name in WHOLE}
    found = {**about, "rows": bench.rows}
    keep("priors", settings=asked, whole=asked == WHOLE, **{given.features: found})


def settings(given: argparse.Namespace) -> dict:
    return {
        "n_components": given.code,
        "max_epochs": given.epochs,
        "likelihood": "bernoulli",
        "random_state": given.seed,
    }


def classifier(images, labels, unseen, answers) -> tuple[Features, dict[str, Any]]:
    """Features of a classifier, and what it gets wrong."""
    model = diabolo.StackedAutoencoder(
        fine_tune="labels", hidden_layer_sizes=(500,), n_components=64, max_epochs=10,
        shift=1, random_state=0,
    ).fit(images, labels)  # fmt: skip
    error = float(np.mean(model.predict(unseen) != answers))
    print(f"classifier: {error:.2%} test error")
    return Features.of(model.module_.encoder, model.columns_), {"classifier error": error}


def compare(bench, name: str, model: Estimator, prior: str, fit, images, given) -> None:
    variational = model.module_.is_variational
    if not variational and prior in ("own", "posteriors"):
        return
    if variational and prior == "normal":
        return  # its own
    start = time.perf_counter()
    if fit is not None:
        kind, words = fit
        model.fit_prior(images, kind, **words)
    drawn = model.sample(given.n, random_state=given.seed, prior="own" if fit is None else None)
    bench.row(name, prior, drawn, time.perf_counter() - start)


class Bench:
    """Real images in the space of the features, and the table's rows."""

    def __init__(self, features: Features, train: np.ndarray, real: np.ndarray) -> None:
        self.features = features
        self.train: Embedding = features(train)
        self.real: Embedding = features(real)
        self.rows: list[dict[str, Any]] = []

    def row(self, model: str, prior: str, drawn: np.ndarray, seconds: float = 0.0) -> None:
        made = self.features(drawn)
        kernel, near = kernel_distance(self.real, made), neighbourhoods(self.real, made)
        copied = memorisation(self.train, self.real, made) if model else None
        self.rows.append(
            {
                "model": model,
                "prior": prior,
                "kernel distance": kernel.distance,
                "standard error": kernel.standard_error,
                "precision": near.precision,
                "recall": near.recall,
                "density": near.density,
                "coverage": near.coverage,
                "copies": copied and copied.copies,
                "seconds": seconds,
            }
        )
        copies = "" if copied is None else f"{copied.copies:.3f}"
        taken = f"{seconds:.1f}" if seconds else ""
        print(
            f"{model:<12}{prior:<15}{kernel.distance:>13.4f} ± {kernel.standard_error:.4f}"
            f"{near.precision:>11.3f}{near.recall:>8.3f}{near.density:>9.3f}{near.coverage:>10.3f}"
            f"{copies:>8}{taken:>9}",
            flush=True,
        )


if __name__ == "__main__":
    main()

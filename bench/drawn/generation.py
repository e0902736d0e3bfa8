"""Tables of docs/generation.md."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diabolo.records.page import markdown
from drawn.blocks import Results, Rows, best, said, several, span, table, where

MNIST = "python bench/generate.py --only mnist --threads 1"
PLANE = "python bench/generate.py --only ring grid --threads 1"
NEAR = ("density", "coverage", "precision", "recall")


@table("generate", MNIST)
def generate(found: Results) -> Rows:
    kinds = {
        "`GenerativeAdversarialNetwork`, temperature 1": ("GenerativeAdversarialNetwork", 1.0),
        "temperature 0.5": ("GenerativeAdversarialNetwork", 0.5),
        "temperature 0.4": ("GenerativeAdversarialNetwork", 0.4),
        "temperature 0.3": ("GenerativeAdversarialNetwork", 0.3),
        "`VariationalAutoencoder`": ("VariationalAutoencoder", 1.0),
        "mixture of 100 Gaussians on PCA-50": ("mixture of 100 on PCA-50", None),
    }
    runs = [
        [run for run in found["mnist"] if (run["model"], run.get("temperature")) == kind]
        for kind in kinds.values()
    ]
    figures = np.array([[[run[key] for run in own] for key in NEAR] for own in runs])
    yield f"means over {several(len(runs[0]), 'seed')}", *NEAR, "shares, worst"
    for name, row, own in zip(kinds, best(figures.mean(2), "{:.2f}", max), runs, strict=True):
        yield name, *row, _shares(own)


@said("generate", MNIST)
def chosen_temperatures(found: Results) -> Iterable[str]:
    runs = where(found["mnist"], chosen=True, model="GenerativeAdversarialNetwork")
    heats = " or ".join(dict.fromkeys(f"{run['temperature']:g}" for run in runs))
    density, coverage = (float(np.mean([run[key] for run in runs])) for key in NEAR[:2])
    yield (
        "By training rows (density as high as it gets while coverage stays above .75 and no class "
        f"is off by more than 1.4, with any seed) the command chooses temperature {heats}: "
        f"density {density:.2f}, coverage {coverage:.2f}, classes {_shares(runs)} of their shares "
        "on the test images."
    )


def _shares(runs: list) -> str:
    least, largest = min(run["least share"] for run in runs), max(r["largest share"] for r in runs)
    return f"{least:.2f} … {largest:.2f}"


@table("generate", PLANE)
def plane(found: Results) -> Rows:
    yield "", "seeds", "modes", "within 3σ", "seconds"
    for data, title in (("ring", "ring of 8"), ("grid", "grid of 25")):
        for model, shown in (("default", "defaults"), ("original game", "original game")):
            runs = where(found[data], model=model)
            yield (
                f"{title}, {shown}",
                f"{len(runs)}",
                ", ".join(f"{run['modes']}" for run in runs),
                ", ".join(f"{100 * run['within 3 sigma']:.1f}" for run in runs) + " %",
                span([run["seconds"] for run in runs], "{:.0f}"),
            )


@said("priors")
def priors(found: Results) -> Iterable[str]:
    """A table for each kind of features that samples were compared in."""
    for section, figures in found.items():
        asked = found.settings(section)
        error = figures.get("classifier error")
        wrong = "" if error is None else f", which gets {error:.2%} of the test images wrong"
        yield (
            f"{several(asked['epochs'], 'epoch')} each, code of {asked['code']}; "
            f"{asked['n']:,} samples against as many test images in the features of: "
            f"{figures['features']} ({figures['hash']}){wrong}. {found.machine(section)}."
        )
        yield markdown([*_of_priors(figures["rows"])])


def _of_priors(rows: list) -> Rows:
    names = {"plain": "plain", "variational": "VAE", "": ""}
    priors = {"training": "training images", "(rebuilt)": "rebuilt test images"}
    yield (
        "model",
        "prior",
        "kernel distance",
        "precision",
        "recall",
        "density",
        "coverage",
        "copies",
    )
    for row in rows:
        yield (
            names[row["model"]],
            priors.get(row["prior"], row["prior"]),
            f"{row['kernel distance']:.4f} ± {row['standard error']:.4f}",
            *(f"{row[key]:.3f}" for key in ("precision", "recall", "density", "coverage")),
            "" if row["copies"] is None else f"{row['copies']:.3f}",
        )

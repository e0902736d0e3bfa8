"""Burda et al. 2016, table 1: the variational autoencoder of Kingma & Welling 2014."""

from __future__ import annotations

from typing import Any

import diabolo
from diabolo.records import gates
from diabolo.records.record import Arm, Figures, Published, Record
from diabolo.records.sets import MNIST
from diabolo.records.trial import Trial

SAMPLES = 5000  # importance samples an image


def learn(trial: Trial) -> Any:
    settings = dict(trial.settings)
    model = diabolo.VariationalAutoencoder(
        n_components=50,
        hidden_layer_sizes=(200, 200),
        likelihood="bernoulli",
        binarise=True,
        max_epochs=trial.epochs(settings.pop("epochs")),
        early_stopping=False,
        **settings,
    )
    return trial.fit(model, trial.train.x)


def measure(model: Any, trial: Trial) -> Figures:
    """Images are binarised once, with the seed of the trial."""
    nats = model.log_likelihood(
        trial.judged.x, n_samples=trial.draws(SAMPLES), random_state=trial.seed
    )
    return {"−log p(x) in nats": -nats.mean, "standard error": nats.standard_error}


RECIPE = {"activation": "silu", "lr": 5e-3, "batch_size": 128, "epochs": 300}

BURDA_2016 = Record(
    id="burda2016",
    paper="Burda et al. 2016, Importance weighted autoencoders",
    year=2016,
    row="table 1: MNIST, VAE, one stochastic layer, k = 1",
    data=MNIST,
    metric="−log p(x) in nats by importance sampling, k = 5000, images drawn as bits by the greys",
    network="784-200-200-50",
    optimiser="AdamW, rising over 3 % of the steps, then falling to 0",
    epochs="300 (theirs: 3,280)",
    gates=(gates.FLOOR, gates.PCA_30),
    arms=(
        Arm(
            "ours",
            "SiLU units",
            learn,
            measure,
            settings=RECIPE,
            choices=(
                {"epochs": 40},
                {"epochs": 40, "activation": "tanh"},
                {"epochs": 40, "lr": 2e-3},
                {"epochs": 40, "lr": 8e-3},
                {"epochs": 40, "shift": 1},
            ),
        ),
        Arm(
            "tanh",
            "control: the paper's non-linearity",
            learn,
            measure,
            settings={**RECIPE, "activation": "tanh"},
        ),
    ),
    published=(
        Published(
            "−log p(x) in nats",
            86.76,
            matched=86.76,
            beaten=86.35,
            provenance="S",
            source="table 1; beaten: the best public re-run of the same net",
        ),
    ),
    minutes=15,
    gflop=132 * 300,
)

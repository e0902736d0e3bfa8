"""DEC and IDEC: the objective, term by term."""

import pytest
import torch
from torch.nn import functional as F

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.clustering import Clustering
from diabolo.parts import augmentations, codes, likelihoods, networks
from diabolo.parts.clusters import StudentT, sharpened
from diabolo.parts.spec import initialise
from laws import noise, uniform

CLOCK = torch.zeros(())


def made(weight, **words):
    module = AutoencoderModule(
        networks.Dense((6, 5, 2), "tanh"),
        codes.Deterministic(2),
        networks.Dense((2, 5, 6), "tanh"),
        likelihoods.Gaussian(),
        **words,
    )
    objective = Clustering(module, StudentT(2, 3), 8, weight)
    initialise(objective, noise(3))
    return objective.double()


@pytest.fixture
def batch():
    return Example(uniform(4, 6), y=torch.tensor([5, 0, 3, 7]))


def test_the_divergence_is_torchs(batch):
    objective = made(None)
    x = uniform(8, 6, seed=1)
    q = objective.assignment(objective.module.encode(x)).detach()
    assert objective.take(q) == 1
    terms = objective(batch, CLOCK, None)
    log_q = objective.assignment.log_share(objective.module.encode(batch.x))
    expected = F.kl_div(log_q, sharpened(q)[batch.y], reduction="batchmean")
    assert terms["clustering"].item() == pytest.approx(expected.item())
    assert terms["loss"] == terms["clustering"]


def test_idec_adds_it_to_the_models_own_loss(batch):
    objective = made(2.5)
    objective.take(torch.softmax(uniform(8, 3), 1))
    terms = objective(batch, CLOCK, None)
    own = objective.module(batch, CLOCK, None)
    assert terms["reconstruction"] == own["reconstruction"]
    expected = own["loss"] + 2.5 * terms["clustering"]
    assert terms["loss"].item() == pytest.approx(expected.item())


def test_the_share_of_rows_that_changed():
    objective = made(None)
    first = torch.eye(3).double()[[0, 0, 0, 0, 1, 1, 2, 2]]
    assert objective.take(first) == 1, "there were none before"
    assert objective.take(first) == 0
    assert objective.take(first[[0, 0, 0, 4, 4, 4, 6, 6]]) == 1 / 8


def test_dec_leaves_the_decoder_alone(batch):
    def learn(objective):
        return {name.split(".")[1] for name in objective.trained}

    assert learn(made(None)) == {"encoder", "means"}
    assert learn(made(1.0)) == {"encoder", "means", "decoder"}


def test_targets_are_of_rows_as_they_are_and_codes_of_moved_ones():
    objective = made(None, augmentation=augmentations.Shift((2, 3, 1), share=1.0))
    objective.take(torch.softmax(uniform(8, 3), 1))
    batch = Example(uniform(4, 6), y=torch.arange(4))
    losses = {round(objective(batch, CLOCK, noise(s))["loss"].item(), 12) for s in range(5)}
    assert len(losses) > 1
    objective.eval()
    assert objective(batch, CLOCK, noise(0))["loss"] == objective(batch, CLOCK, noise(1))["loss"]

"""Published figures pin the definitions."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from diabolo.data import catalogue
from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, likelihoods, networks
from diabolo.uses.verify.proof import CannotTellError, proof
from diabolo.uses.verify.small import LATE, Array, put


@proof("PCA-30 on MNIST has test squared error 13.866", at_most=5e-4)
def mnist_30() -> float:
    """Difference from that sum over 784 pixels in [0, 1], mean over images."""
    # 13.87 in Hinton & Salakhutdinov 2006, fig. 2B: mean and axes from the training images,
    # errors on the test images, not clipped
    return abs(_error_of_pca(30) - 13.866)


@proof("PCA-2 on MNIST has test squared error .0557 per pixel", at_most=5e-5)
def mnist_2() -> float:
    """Difference from that mean over pixels in [0, 1]."""
    # Sainburg et al. 2021, "Parametric UMAP", reconstruction table
    return abs(_error_of_pca(2) / 784 - 0.0557)


def _error_of_pca(count: int) -> float:
    """Twice the loss, less its constant, of an autoencoder that is PCA by its weights."""
    columns, mean, axes = _axes_of_mnist()
    axes = axes[:, :count]
    encoder, decoder = networks.Dense((784, count)), networks.Dense((count, 784))
    code, likelihood = codes.Deterministic(count), likelihoods.Gaussian()
    model = AutoencoderModule(encoder, code, decoder, likelihood).double()
    put(encoder, axes.T, -mean @ axes)
    put(decoder, axes, mean)
    test = open_dataset("mnist", split="test")
    nats = 0.0
    for batch in Batches(test, columns, batch_size=1000, seed=0).in_order(1000):
        loss = model(Example(batch.x.double()), LATE, None)["loss"].item()
        nats += loss * len(batch.x) / len(test.rows)
    return 2 * nats - 784 * math.log(2 * math.pi)


@cache
def _axes_of_mnist() -> tuple[Columns, Array, Array]:
    """Scaling, mean image and the first 30 principal axes of the training images."""
    if not catalogue.is_at_hand("mnist"):
        raise CannotTellError("MNIST is not on this machine; DIABOLO_DATA names no folder with it")
    train = open_dataset("mnist")
    columns = Columns.learn(train)
    total, products = np.zeros(784), np.zeros((784, 784))
    for batch in Batches(train, columns, batch_size=1000, seed=0).in_order(5000):
        x = batch.x.double().numpy()
        total += x.sum(axis=0)
        products += x.T @ x
    mean = total / len(train.rows)
    _, axes = np.linalg.eigh(products / len(train.rows) - np.outer(mean, mean))
    return columns, mean, axes[:, :-31:-1].copy()

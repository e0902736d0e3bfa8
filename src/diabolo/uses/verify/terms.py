"""Each term of the loss is what the textbook says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy.special import expit

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.stack import Classification
from diabolo.parts import codes, likelihoods, networks, penalties
from diabolo.uses.verify import textbook
from diabolo.uses.verify.proof import proof
from diabolo.uses.verify.small import LATE, Array, linear, numbers, seeded, small


@proof("every term of the loss is its textbook sum", at_most=1e-6)
def terms() -> float:
    """Relative difference between terms of small models and plain NumPy, the worst."""
    pairs = [*_reconstructions(), *_penalised(), *_variational(), _classified()]
    return max(abs(ours / theirs - 1) for ours, theirs in pairs)


def _reconstructions() -> Iterator[tuple[float, float]]:
    """−log p(x|z) of every likelihood: 7 rows of 6 greys, a code of 4."""
    levels = np.random.default_rng(0).integers(0, 5, (7, 6))
    x = levels / 4
    twins: list[tuple[likelihoods.Likelihood, Callable[[Array], float]]] = [
        (likelihoods.Gaussian(scale=0.7), lambda out: textbook.gaussian_nats(x, out, 0.7)),
        (
            likelihoods.Gaussian("sigmoid", "shared", 0.5),
            lambda out: textbook.gaussian_nats(x, expit(out), 0.501),
        ),
        (
            likelihoods.Gaussian(variance="entry"),
            lambda out: textbook.gaussian_nats(x, out[:, :6], 1e-3 + np.log1p(np.exp(out[:, 6:]))),
        ),
        (likelihoods.Bernoulli(), lambda out: textbook.bernoulli_nats(x, out)),
        (
            likelihoods.Categorical(5),
            lambda out: textbook.categorical_nats(levels, out.reshape(7, 5, 6)),
        ),
        (
            likelihoods.DiscretisedLogistic(5),
            lambda out: textbook.logistic_nats(
                levels, 5, expit(out[:, :6]), np.exp(7 * np.tanh((out[:, 6:] - 2) / 7))
            ),
        ),
    ]
    for likelihood, twin in twins:
        module = small(codes.Deterministic(4, "sigmoid"), likelihood)
        yield _terms(module, x)["reconstruction"], twin(_by_hand(module, x)[1])


def _penalised() -> Iterator[tuple[float, float]]:
    """Every penalty, and the loss as the weighted sum of its terms."""
    x = np.random.default_rng(0).normal(size=(7, 6))
    parts = (
        penalties.KLSparsity(3.0, 4, 0.1),
        penalties.L1(0.5),
        penalties.Contractive(0.25),
        penalties.WeightDecay(0.125),
    )
    module = small(codes.Deterministic(4, "sigmoid"), likelihoods.Gaussian(), penalties=parts)
    z, out = _by_hand(module, x)
    weight, bias = numbers(module.encoder)
    matrices = (weight, numbers(module.decoder)[0])
    theirs = {
        "sparsity": textbook.sparsity(z, 0.1),
        "l1": np.abs(z).sum(axis=1).mean(),
        "contraction": textbook.squared_jacobian(x, [weight], [bias]),
        "weight_decay": 0.5 * sum((w**2).sum() for w in matrices),
    }
    ours = _terms(module, x)
    yield from ((ours[name], value) for name, value in theirs.items())
    weighted = sum(w * v for w, v in zip((3.0, 0.5, 0.25, 0.125), theirs.values(), strict=True))
    yield ours["loss"], textbook.gaussian_nats(x, out, 1.0) + weighted


def _variational() -> Iterator[tuple[float, float]]:
    """The rate, and the loss with it."""
    x = np.random.default_rng(0).normal(size=(7, 6))
    module = small(codes.Gaussian(4), likelihoods.Gaussian(), beta=0.5)
    h = linear(module.encoder, x)
    mean, deviation = h[:, :4], np.exp(6 * np.tanh(h[:, 4:] / 12))
    noise = torch.empty(7, 4, dtype=torch.float64).normal_(generator=seeded()).numpy()
    out = linear(module.decoder, mean + deviation * noise)
    rate = textbook.normal_divergence(mean, deviation)
    ours = _terms(module, x)
    yield ours["rate"], rate
    yield ours["loss"], textbook.gaussian_nats(x, out, 1.0) + 0.5 * rate


def _classified() -> tuple[float, float]:
    """Cross-entropy of fine-tuning with labels."""
    random = np.random.default_rng(0)
    x, labels = random.normal(size=(7, 6)), random.integers(0, 3, 7)
    module = small(codes.Deterministic(4), likelihoods.Gaussian(), head=networks.Dense((4, 3)))
    logits = linear(module.head, linear(module.encoder, x))
    batch = Example(torch.from_numpy(x), y=torch.from_numpy(labels))
    ours = Classification(module)(batch, LATE, None)["loss"].item()
    return ours, textbook.cross_entropy(labels, logits)


def _by_hand(module: AutoencoderModule, x: Array) -> tuple[Array, Array]:
    """Code and outputs of a small model with sigmoid units, by NumPy."""
    z = expit(linear(module.encoder, x))
    return z, linear(module.decoder, z)


def _terms(module: AutoencoderModule, x: Array) -> dict[str, float]:
    terms = module(Example(torch.from_numpy(x)), LATE, seeded())
    return {name: value.item() for name, value in terms.items() if value.ndim == 0}

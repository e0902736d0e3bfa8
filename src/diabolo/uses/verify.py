"""Proofs: each claim of the mathematics against something that shares no code with it.

    for proof in PROOFS:
        figure = proof.measure()          # what the name claims, as one number
        holds = figure <= proof.tolerance

The twins are closed forms and textbook sums in NumPy (`diabolo.uses.textbook`), automatic
differentiation, finite differences, Monte Carlo, and published figures on MNIST. The training is
the estimators' own. Everything is seeded: a proof gives the same figure every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import norm
from torch import Tensor, nn

from diabolo.data import catalogue
from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.families.autoencoder import Autoencoder
from diabolo.families.stacked import StackedAutoencoder
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.bounds import log_likelihood
from diabolo.models.stack import Classification
from diabolo.parts import codes, likelihoods, networks, penalties
from diabolo.parts.record import Pass
from diabolo.parts.spec import initialise
from diabolo.uses import textbook

Array = np.ndarray
LATE = torch.tensor(1e9)  # epochs: every warm-up is over


class CannotTellError(Exception):
    """Something that a proof needs is not on this machine; says what."""


@dataclass(frozen=True)
class Proof:
    """A claim, the figure that settles it, and how large the figure may be."""

    name: str
    measure: Callable[[], float]
    tolerance: float

    @property
    def compares(self) -> str:
        """What the figure is, with its unit."""
        return (self.measure.__doc__ or "").partition("\n")[0].rstrip(".")


PROOFS: list[Proof] = []


def _proof(name: str, at_most: float) -> Callable[[Callable[[], float]], Callable[[], float]]:
    def listed(measure: Callable[[], float]) -> Callable[[], float]:
        PROOFS.append(Proof(name, measure, at_most))
        return measure

    return listed


def run_proofs(report: Callable[[str], None]) -> bool:
    """Carry out all proofs, one line each; whether none failed (one that cannot tell did not)."""
    held = [_holds(proof, report) for proof in PROOFS]
    return all(held)


def _holds(proof: Proof, report: Callable[[str], None]) -> bool:
    try:
        figure = proof.measure()
    except CannotTellError as reason:
        report(f"skipped  {proof.name}: {reason}")
        return True
    except Exception as error:  # a proof that breaks off proves nothing
        report(f"FAILS    {proof.name}: {type(error).__name__}: {error}")
        return False
    holds = figure <= proof.tolerance  # never so where the figure is not a number
    report(
        f"{'holds   ' if holds else 'FAILS   '} {proof.name}. {proof.compares}: "
        f"{figure:.2g} (at most {proof.tolerance:g})"
    )
    return holds


# training arrives where the theory says


@_proof("a linear autoencoder spans PCA's subspace", at_most=0.005)
def linear_autoencoder() -> float:
    """Largest angle between its decoder's columns and the principal axes, in radians."""
    x = _rows((3, 2, 1.5, 0.5, 0.4, 0.3))
    model = Autoencoder(n_components=3, activation="identity", likelihood="gaussian", **_PLAIN)
    weight, _ = _numbers(model.fit(x).module_.decoder)
    return textbook.largest_angle(weight, textbook.principal_axes(x, 3))


@_proof("a linear variational autoencoder reaches probabilistic PCA's likelihood", at_most=0.01)
def linear_variational_autoencoder() -> float:
    """Difference between its bound and the highest log-likelihood there is, in nats per row."""
    x = _rows((2, 1.5, 1, 0.5, 0.5, 0.5))
    model = VariationalAutoencoder(n_components=3, likelihood="gaussian-shared", **_PLAIN).fit(x)
    many = torch.tensor(x, dtype=torch.float32).repeat(400, 1)  # the bound is a mean over noise
    with torch.no_grad():
        bound = -model.module_(Example(many), LATE, _noise())["loss"].item()
    return abs(bound - textbook.probabilistic_pca(x, 3))


_PLAIN: dict[str, Any] = {
    "hidden_layer_sizes": (),
    "scaling": "none",
    "early_stopping": False,
    "weight_decay": 0.0,
    "lr": 0.05,
    "batch_size": 256,
    "max_epochs": 1000,
    "n_threads": 1,
    "random_state": 0,
}


def _rows(spread: tuple[float, ...], n: int = 256) -> Array:
    """Normal rows with these standard deviations along turned axes, off the origin, (n, d)."""
    random, d = np.random.default_rng(0), len(spread)
    axes, _ = np.linalg.qr(random.normal(size=(d, d)))
    return (random.normal(size=(n, d)) * spread) @ axes.T + random.normal(size=d)


@_proof("greedy phases leave finished layers untouched", at_most=0)
def greedy_phases() -> float:
    """Tensors of finished layers that changed by a bit, or layers that did not learn."""
    stack = StackedAutoencoder(
        n_components=2,
        hidden_layer_sizes=(8, 5),
        layers=("denoising", "contractive", "plain"),
        max_epochs=2,
        n_threads=1,
        random_state=0,
    )
    album = _Album()
    stack.set_callbacks(album)
    stack.fit(_rows((3, 2, 1.5, 0.5, 0.4, 0.3)))
    wrong = 0
    for current in (1, 2):
        before, after = album.pages[f"layer {current}"], album.pages[f"layer {current + 1}"]
        for layer in range(current + 1):
            names = [name for name in after if name.startswith(_prefixes(layer, count=3))]
            same = [torch.equal(before[name], after[name]) for name in names]
            wrong += sum(same) if layer == current else len(same) - sum(same)
    return wrong


def _prefixes(layer: int, count: int) -> tuple[str, str]:
    """Where the weights of a layer and of its mirror image are."""
    return f"encoder.layers.{layer}.", f"decoder.layers.{count - 1 - layer}."


class _Album:
    """A scikit-learn callback that keeps the weights at the end of every phase."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Tensor]] = {}

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> None:
        self.pages[context.task_name] = fitted_estimator.module_.state_dict()


# each term is what the textbook says


@_proof("every term of the loss is its textbook sum", at_most=1e-6)
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
        module = _small(codes.Deterministic(4, "sigmoid"), likelihood)
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
    module = _small(codes.Deterministic(4, "sigmoid"), likelihoods.Gaussian(), penalties=parts)
    z, out = _by_hand(module, x)
    weight, bias = _numbers(module.encoder)
    matrices = (weight, _numbers(module.decoder)[0])
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
    module = _small(codes.Gaussian(4), likelihoods.Gaussian(), beta=0.5)
    h = _linear(module.encoder, x)
    mean, deviation = h[:, :4], np.exp(6 * np.tanh(h[:, 4:] / 12))
    noise = torch.empty(7, 4, dtype=torch.float64).normal_(generator=_noise()).numpy()
    out = _linear(module.decoder, mean + deviation * noise)
    rate = textbook.normal_divergence(mean, deviation)
    ours = _terms(module, x)
    yield ours["rate"], rate
    yield ours["loss"], textbook.gaussian_nats(x, out, 1.0) + 0.5 * rate


def _classified() -> tuple[float, float]:
    """Cross-entropy of fine-tuning with labels."""
    random = np.random.default_rng(0)
    x, labels = random.normal(size=(7, 6)), random.integers(0, 3, 7)
    module = _small(codes.Deterministic(4), likelihoods.Gaussian(), head=networks.Dense((4, 3)))
    logits = _linear(module.head, _linear(module.encoder, x))
    batch = Example(torch.from_numpy(x), y=torch.from_numpy(labels))
    ours = Classification(module)(batch, LATE, None)["loss"].item()
    return ours, textbook.cross_entropy(labels, logits)


def _small(code: codes.Code, likelihood: likelihoods.Likelihood, **words: Any) -> AutoencoderModule:
    """One layer in, one layer out, 6 features, double precision."""
    encoder = networks.Dense((6, code.inputs))
    decoder = networks.Dense((code.dim, likelihood.outputs(6)))
    module = AutoencoderModule(encoder, code, decoder, likelihood, **words)
    initialise(module, _noise())
    return module.double()


def _by_hand(module: AutoencoderModule, x: Array) -> tuple[Array, Array]:
    """Code and outputs of a small model with sigmoid units, by NumPy."""
    z = expit(_linear(module.encoder, x))
    return z, _linear(module.decoder, z)


def _linear(network: nn.Module, x: Array) -> Array:
    weight, bias = _numbers(network)
    return x @ weight.T + bias


def _numbers(network: nn.Module) -> tuple[Array, Array]:
    """Matrix and biases of a network of one layer."""
    weight, bias = network.parameters()
    return weight.detach().double().numpy(), bias.detach().double().numpy()


@torch.no_grad()
def _set(network: nn.Module, weight: Array, bias: Array) -> None:
    """Give a network of one layer this matrix and these biases."""
    for parameter, value in zip(network.parameters(), (weight, bias), strict=True):
        parameter.copy_(torch.from_numpy(value))


def _terms(module: AutoencoderModule, x: Array) -> dict[str, float]:
    terms = module(Example(torch.from_numpy(x)), LATE, _noise())
    return {name: value.item() for name, value in terms.items() if value.ndim == 0}


def _noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@_proof("every KL is the Monte Carlo mean of log ratios", at_most=4)
def divergences() -> float:
    """Distance from the mean of 200,000 draws, in standard errors, the worst."""
    return max(*_normal_distances(), *_bernoulli_distances())


def _normal_distances() -> Iterator[float]:
    """The Gaussian code's rate, row by row."""
    random = np.random.default_rng(0)
    code, h = codes.Gaussian(3), torch.from_numpy(random.normal(size=(4, 6)))
    rates = code(h, _noise()).rate.numpy()
    means, logvars = (part.numpy() for part in code.posterior(h))
    for mean, deviation, rate in zip(means, np.exp(0.5 * logvars), rates, strict=True):
        z = random.normal(mean, deviation, (200_000, 3))
        yield _distance(norm.logpdf(z, mean, deviation).sum(1) - norm.logpdf(z).sum(1), rate)


def _bernoulli_distances() -> Iterator[float]:
    """The sparsity penalty: a sum over units of KL(ρ ‖ ρ̂)."""
    random, target = np.random.default_rng(1), 0.1
    active = np.array([0.02, 0.3, 0.9])
    on = random.random((200_000, 3)) < target
    ratios = np.where(on, np.log(target / active), np.log((1 - target) / (1 - active)))
    yield _distance(ratios.sum(1), penalties.kl_sparsity(torch.from_numpy(active), target).item())


def _distance(draws: Array, value: float) -> float:
    """From the draws' mean to a value, in standard errors of the mean."""
    return abs(draws.mean() - value) / (draws.std(ddof=1) / math.sqrt(len(draws)))


@_proof("the sparse penalty's gradient is the textbook's slope", at_most=1e-6)
def sparse_gradient() -> float:
    """Relative difference from finite differences of Σ KL in NumPy, the worst."""
    z = np.random.default_rng(0).uniform(0.05, 0.6, (32, 5))
    active = torch.tensor(z, requires_grad=True)
    penalty = penalties.KLSparsity(1.0, 5, 0.1).double()(_pass(active), None, None)
    (ours,) = torch.autograd.grad(penalty, active)
    step = 1e-6
    slopes = np.empty_like(z)
    for place in np.ndindex(z.shape):
        there, back = z.copy(), z.copy()
        there[place] += step
        back[place] -= step
        slopes[place] = (textbook.sparsity(there, 0.1) - textbook.sparsity(back, 0.1)) / (2 * step)
    return float(np.abs(ours.numpy() - slopes).max() / np.abs(slopes).max())


def _pass(z: Tensor) -> Pass:
    """The record of a pass of which only the code matters."""
    free = z.new_zeros(len(z))
    return Pass(z, z, None, None, z, z, free, {}, z)


@_proof("the contractive penalty is the full Jacobian's squared norm", at_most=1e-9)
def contraction() -> float:
    """Relative difference from automatic differentiation of whole models, the worst."""
    worst = 0.0
    for encoder in _encoders():
        module = _contracting(encoder, probes=0)
        x = _greys(encoder.inputs)
        ours = module(Example(x), LATE, _noise())["contraction"]
        theirs = module.jacobian(x).square().sum((1, 2)).mean()
        worst = max(worst, abs(float(ours.detach() / theirs.detach()) - 1))
    return worst


@_proof("contractive probes are unbiased", at_most=4)
def contractive_probes() -> float:
    """Distance of the mean of 400 estimates from the exact value, in standard errors, the worst."""
    worst = 0.0
    for encoder in _encoders():
        module = _contracting(encoder, probes=1)
        x, noise = _greys(encoder.inputs), _noise()
        exact = module.jacobian(x).square().sum((1, 2)).mean().item()
        draws = [module(Example(x), LATE, noise)["contraction"].item() for _ in range(400)]
        worst = max(worst, _distance(np.array(draws), exact))
    return worst


def _encoders() -> Iterator[networks.Dense | networks.ConvolutionalEncoder]:
    yield networks.Dense((20, 6), "sigmoid")
    yield networks.Dense((20, 12, 9, 6), "sigmoid")
    yield networks.Dense((5, 12, 6), "tanh")
    yield networks.ConvolutionalEncoder((8, 8, 1), 6, (3,), "tanh")


def _contracting(
    encoder: networks.Dense | networks.ConvolutionalEncoder, probes: int
) -> AutoencoderModule:
    module = AutoencoderModule(
        encoder,
        codes.Deterministic(6, "sigmoid"),
        networks.Dense((6, encoder.inputs)),
        likelihoods.Gaussian(),
        penalties=(penalties.Contractive(1.0, probes),),
    )
    initialise(module, _noise())
    return module.double()


def _greys(width: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((8, width)))


# bounds


@_proof("ELBO ≤ L₅ ≤ L₅₀ ≤ log p(x)", at_most=0)
def order_of_bounds() -> float:
    """Largest excess of a bound over the next one, in nats; the encoder is wrong on purpose."""
    model, x, exact = _known_likelihood(rows=200)
    many = x.repeat(40, 1)
    elbo = -model(Example(many), LATE, _noise())["loss"].item()
    tighter = [log_likelihood(model, many, k, _noise(k)).mean().item() for k in (5, 50)]
    steps = [elbo, *tighter, float(exact.mean())]
    return max(lower - upper for lower, upper in pairwise(steps))


@_proof("enough draws reach log p(x)", at_most=0.01)
def limit_of_bounds() -> float:
    """Difference between the bound of 20,000 draws and the exact log-likelihood, in nats."""
    model, x, exact = _known_likelihood(rows=20)
    return abs(log_likelihood(model, x, 20_000, _noise()).mean().item() - float(exact.mean()))


def _known_likelihood(rows: int) -> tuple[AutoencoderModule, Tensor, Array]:
    """A linear Gaussian model, rows drawn from it and their exact log-likelihoods.

    The encoder has the posterior's mean too short and its spread too wide, so that every bound
    stays visibly below the next.
    """
    random, d, k, s = np.random.default_rng(0), 5, 2, 0.6
    weight, bias = random.normal(size=(d, k)), random.normal(size=d)
    x = random.normal(size=(rows, k)) @ weight.T + bias + s * random.normal(size=(rows, d))
    # the posterior: covariance s² M⁻¹ and mean M⁻¹ Wᵀ (x − b), with M = WᵀW + s² I
    inverse = np.linalg.inv(weight.T @ weight + s**2 * np.eye(k))
    inwards = 0.7 * inverse @ weight.T
    spread = np.log(1.5**2 * s**2 * np.diag(inverse))
    encoder, decoder = networks.Dense((d, 2 * k)), networks.Dense((k, d))
    code, likelihood = codes.Gaussian(k, bound=1e6), likelihoods.Gaussian(scale=s)
    model = AutoencoderModule(encoder, code, decoder, likelihood).double()
    _set(
        encoder,
        np.vstack([inwards, np.zeros((k, d))]),
        np.concatenate([-inwards @ bias, spread]),
    )
    _set(decoder, weight, bias)
    return model, torch.from_numpy(x), textbook.linear_gaussian(x, weight, bias, s)


# published figures pin the definitions


@_proof("PCA-30 on MNIST has test squared error 13.866", at_most=5e-4)
def mnist_30() -> float:
    """Difference from that sum over 784 pixels in [0, 1], mean over images."""
    # 13.87 in Hinton & Salakhutdinov 2006, fig. 2B: mean and axes from the training images,
    # errors on the test images, not clipped
    return abs(_error_of_pca(30) - 13.866)


@_proof("PCA-2 on MNIST has test squared error .0557 per pixel", at_most=5e-5)
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
    _set(encoder, axes.T, -mean @ axes)
    _set(decoder, axes, mean)
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

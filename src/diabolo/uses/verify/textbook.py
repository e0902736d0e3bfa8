"""The formulas as textbooks print them: slow, plain, NumPy in float64.

What `diabolo.uses.verify` holds the real ones against. Nothing here is shared with them: not a
line, not a library, not the order of summation. Losses are sums over entries and means over rows.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_softmax
from scipy.stats import multivariate_normal

Array = np.ndarray


def gaussian_nats(x: Array, mean: Array, deviation: Array | float) -> float:
    """−log Π N(x | m, s²), mean over rows."""
    density = np.exp(-((x - mean) ** 2) / (2 * deviation**2)) / np.sqrt(2 * np.pi * deviation**2)
    return -np.log(density).sum(axis=1).mean()


def bernoulli_nats(x: Array, logits: Array) -> float:
    """−Σ x log p + (1 − x) log(1 − p), mean over rows."""
    p = expit(logits)
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1).mean()


def categorical_nats(levels: Array, logits: Array) -> float:
    """−Σ log p(level) with a softmax for every entry, mean over rows.

    levels : (n, d) whole numbers. logits : (n, k, d).
    """
    rows, entries = np.indices(levels.shape)
    return -log_softmax(logits, axis=1)[rows, levels, entries].sum(axis=1).mean()


def logistic_nats(levels: Array, count: int, location: Array, scale: Array) -> float:
    """−Σ log of a logistic's mass on each grey's bin, mean over rows; the outer bins are open."""
    edges = np.concatenate([[-np.inf], (np.arange(count - 1) + 0.5) / (count - 1), [np.inf]])
    mass = expit((edges[levels + 1] - location) / scale) - expit((edges[levels] - location) / scale)
    return -np.log(mass).sum(axis=1).mean()


def normal_divergence(mean: Array, deviation: Array) -> float:
    """KL(N(μ, σ²) ‖ N(0, 1)) summed over units, mean over rows."""
    return (0.5 * (mean**2 + deviation**2 - 1) - np.log(deviation)).sum(axis=1).mean()


def sparsity(codes: Array, target: float) -> float:
    """Σ_j KL(ρ ‖ ρ̂_j) with ρ̂_j the mean of column j (Ng 2011, sec. 3)."""
    active = codes.mean(axis=0)
    on = target * np.log(target / active)
    return (on + (1 - target) * np.log((1 - target) / (1 - active))).sum()


def squared_jacobian(x: Array, weights: list[Array], biases: list[Array]) -> float:
    """‖∂z/∂x‖²_F, mean over rows, of an encoder of sigmoid layers, one row at a time."""
    total = 0.0
    for row in x:
        jacobian, level = np.eye(len(row)), row
        for weight, bias in zip(weights, biases, strict=True):
            level = expit(weight @ level + bias)
            jacobian = np.diag(level * (1 - level)) @ weight @ jacobian
        total += (jacobian**2).sum()
    return total / len(x)


def cross_entropy(labels: Array, logits: Array) -> float:
    """−log p(label), mean over rows."""
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()


def principal_axes(x: Array, count: int) -> Array:
    """The leading eigenvectors of the covariance as columns, (d, count)."""
    _, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return vectors[:, ::-1][:, :count]


def largest_angle(a: Array, b: Array) -> float:
    """Largest principal angle between the spans of two sets of columns, in radians."""
    a, b = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    # by the sine: the cosine of a small angle has no digits left
    return float(np.arcsin(np.clip(np.linalg.norm(a - b @ (b.T @ a), ord=2), 0, 1)))


def probabilistic_pca(x: Array, units: int) -> float:
    """Highest log-likelihood of x ~ N(b, W Wᵀ + σ² I), mean over rows, in nats.

    Tipping & Bishop 1999, "Probabilistic principal component analysis", eq. 4, 7 and 8: the
    covariance keeps its `units` largest eigenvalues, the others become their mean, σ².
    """
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    d, noise = len(values), values[units:].mean()
    log_det = np.log(values[:units]).sum() + (d - units) * np.log(noise)
    return -0.5 * (d * np.log(2 * np.pi) + log_det + d)


def linear_gaussian(x: Array, weight: Array, bias: Array, deviation: float) -> Array:
    """log p(x) of every row where x = W z + b + s ε, with z and ε standard normal."""
    covariance = weight @ weight.T + deviation**2 * np.eye(len(bias))
    return multivariate_normal(bias, covariance).logpdf(x)

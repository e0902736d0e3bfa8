"""Priors that are fitted to the codes of a trained model, when training is over.

They hold what was fitted as buffers, so that a model file keeps it;
`diabolo.estimators.priors` does the fitting. With one of them a deterministic autoencoder can be
sampled from, too: Ghosh et al. 2020, "From variational to deterministic autoencoders".
"""

from __future__ import annotations

import math
from dataclasses import field

import torch
from torch import Tensor

from diabolo.parts.priors import LOG_2PI, Mixed, Prior, place_of

TABLE = 2**22  # numbers at once: 16 MB


class Blend(Prior):
    """p(z) = Σ_k w_k N(z; μ_k, L_k L_kᵀ): Gaussians with full covariances.

    count : of components; one is the Gaussian with the codes' own mean and covariance.
    """

    count: int = 1
    log_weights: Tensor = field(init=False)  # (k,)
    means: Tensor = field(init=False)  # (k, dim)
    roots: Tensor = field(init=False)  # (k, dim, dim) L, lower triangular

    def __post_init__(self) -> None:
        _require_some(self.count)
        k, d = self.count, self.dim
        self.register_buffer("log_weights", torch.full((k,), -math.log(k)))
        self.register_buffer("means", torch.zeros(k, d))
        self.register_buffer("roots", torch.eye(d).repeat(k, 1, 1))

    def initialise(self, generator: torch.Generator) -> None:
        """Something to begin with, as for the other densities here: fitting replaces it."""
        self.means.normal_(generator=generator)
        self.roots.normal_(std=0.1, generator=generator).tril_(-1)
        self.roots.add_(torch.eye(self.dim))
        self.log_weights.normal_(generator=generator)
        self.log_weights.sub_(self.log_weights.logsumexp(0))

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        return self.log_joint(z).logsumexp(-1)

    def log_joint(self, z: Tensor) -> Tensor:
        """log w_k N(z; μ_k, L_k L_kᵀ) of every component, (…, dim) → (…, k) in nats."""
        flat = z.reshape(-1, self.dim)
        parts = [
            weight + _log_normal(flat, mean, root)
            for weight, mean, root in zip(self.log_weights, self.means, self.roots, strict=True)
        ]
        return torch.stack(parts, 1).view(*z.shape[:-1], self.count)

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        place = place_of(generator)
        weights, means, roots = (t.to(place) for t in (self.log_weights, self.means, self.roots))
        which = torch.multinomial(weights.exp(), n, replacement=True, generator=generator)
        noise, z = (
            temperature * _noise(n, means, generator),
            torch.empty(n, self.dim, dtype=means.dtype),
        )
        for k in which.unique():
            rows = which == k
            z[rows] = means[k] + noise[rows] @ roots[k].T
        return z


class KernelDensity(Prior):
    """p(z) = 1/n Σ_i N(z; z_i, L Lᵀ) around codes z_i, all with one covariance.

    count : n.
    """

    count: int
    points: Tensor = field(init=False)  # (n, dim)
    root: Tensor = field(init=False)  # (dim, dim) L, lower triangular

    def __post_init__(self) -> None:
        _require_some(self.count)
        self.register_buffer("points", torch.zeros(self.count, self.dim))
        self.register_buffer("root", torch.eye(self.dim))

    def initialise(self, generator: torch.Generator) -> None:
        self.points.normal_(generator=generator)
        self.root.normal_(std=0.1, generator=generator).tril_(-1)
        self.root.add_(torch.eye(self.dim))

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        flat, piece = z.reshape(-1, self.dim), max(1, TABLE // self.count)
        found = [self._log_prob(rows) for rows in flat.split(piece)]
        return torch.cat(found).view(z.shape[:-1]) if found else z.new_zeros(z.shape[:-1])

    def _log_prob(self, z: Tensor) -> Tensor:
        middle = self.points.mean(0)  # squares about it keep their digits
        a, b = (_solved(self.root, rows - middle) for rows in (z, self.points))
        squared = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
        log_kernel = -0.5 * (squared.clamp_min(0) + self.dim * LOG_2PI)
        scale = self.root.diagonal().log().sum() + math.log(self.count)
        return log_kernel.logsumexp(1) - scale

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        place = place_of(generator)
        points, root = self.points.to(place), self.root.to(place)
        which = torch.randint(self.count, (n,), generator=generator, device=place)
        return points[which] + temperature * _noise(n, points, generator) @ root.T


class MeanPosterior(Mixed):
    """p(z) = 1/n Σ_i q(z|x_i) of training rows x_i: what the best prior looks like, from a few.

    The VampPrior with given inputs instead of learned ones (Tomczak & Welling 2018, "VAE with a
    VampPrior", sec. 2: the optimum is the aggregated posterior).

    count : n.
    """

    count: int
    means: Tensor = field(init=False)  # (n, dim)
    logvars: Tensor = field(init=False)  # (n, dim)

    def __post_init__(self) -> None:
        _require_some(self.count)
        self.register_buffer("means", torch.zeros(self.count, self.dim))
        self.register_buffer("logvars", torch.zeros(self.count, self.dim))

    def initialise(self, generator: torch.Generator) -> None:
        self.means.normal_(generator=generator)
        self.logvars.normal_(std=0.1, generator=generator)

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        weights = self.means.new_full((self.count,), -math.log(self.count))
        return self.means, self.logvars, weights


def _log_normal(z: Tensor, mean: Tensor, root: Tensor) -> Tensor:
    """log N(z; μ, L Lᵀ), (n, d) → (n,)."""
    error = _solved(root, z - mean)
    return -0.5 * ((error * error) + LOG_2PI).sum(1) - root.diagonal().log().sum()


def _solved(root: Tensor, rows: Tensor) -> Tensor:
    """L⁻¹ of every row, (n, d) → (n, d)."""
    return torch.linalg.solve_triangular(root, rows.T, upper=False).T


def _noise(n: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    return like.new_empty(n, like.shape[1]).normal_(generator=generator)


def _require_some(count: int) -> None:
    if count < 1:
        raise ValueError(f"count={count} leaves no component to draw from: 1 is the least.")

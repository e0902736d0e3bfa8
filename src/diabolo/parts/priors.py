"""Priors p(z): where codes are drawn from when there is no x.

What a code costs is KL(q(z|x) ‖ p(z)). Where that has no closed form, log q(z|x) − log p(z) of the
draw that the decoder sees stands for it: right on average.
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

import torch
from torch import Tensor, nn

from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.spec import Part, among

LOG_2PI = math.log(2 * math.pi)


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; μ, diag σ²), (…, d) → (…) in nats."""
    error = z - mu
    return -0.5 * (error * error * torch.exp(-logvar) + logvar + LOG_2PI).sum(-1)


def place_of(generator: torch.Generator | None) -> torch.device:
    """Where draws are made: only the generator's own device can."""
    return torch.device("cpu") if generator is None else generator.device


class Prior(Part, abstract=True):
    """What all kinds share: codes of `dim` units; draws are made on the generator's device."""

    dim: int

    def meet(self, encoder: nn.Module, code: Any) -> None:
        """Take note of the encoder whose code this is the prior of; few kinds need to."""

    def divergence(self, mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
        """KL(N(μ, σ²) ‖ p), (n,) in nats; estimated by the draw z where no closed form is known."""
        return log_normal(z, mu, logvar) - self.log_prob(z)

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        raise NotImplementedError

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim); `temperature` is a factor of the noise that draws are made of."""
        raise NotImplementedError


class StandardNormal(Prior):
    """p(z) = N(0, I)."""

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        return -0.5 * (z * z + LOG_2PI).sum(-1)

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        empty = torch.empty(n, self.dim, device=place_of(generator))
        return temperature * empty.normal_(generator=generator)

    def divergence(self, mu: Tensor, logvar: Tensor, z: Tensor | None = None) -> Tensor:
        """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − log σ²), (n,) in nats.

        Kingma & Welling 2014, appendix B.
        """
        return 0.5 * (mu * mu + logvar.exp() - 1 - logvar).sum(1)


class Uniform(Prior):
    """Every unit evenly between −1 and 1: the noise of the first generators."""

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats; −∞ outside."""
        inside = (z.abs() <= 1).all(-1)
        return torch.where(inside, -self.dim * math.log(2), -math.inf)

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        empty = torch.empty(n, self.dim, device=place_of(generator))
        return temperature * empty.uniform_(-1, 1, generator=generator)


class Mixed(Prior, abstract=True):
    """p(z) = Σ_k w_k N(z; μ_k, diag σ_k²)."""

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """μ and log σ², each (k, dim), and log w, (k,)."""
        raise NotImplementedError

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        return torch.logsumexp(self.log_joint(z), -1)

    def log_joint(self, z: Tensor) -> Tensor:
        """log w_k N(z; μ_k, σ_k²) of every component, (…, dim) → (…, k) in nats."""
        mu, logvar, log_weight = self.components()
        # as products of matrices, not as a table (…, k, dim), which is ten times slower at 500
        # components; about a common point, so that the squares keep their digits
        middle = mu.mean(0)
        z, mu, precision = z - middle, mu - middle, torch.exp(-logvar)
        squared = (z * z) @ precision.T - 2 * z @ (mu * precision).T + (mu * mu * precision).sum(1)
        return log_weight - 0.5 * (squared.clamp_min(0) + (logvar + LOG_2PI).sum(1))

    @torch.no_grad()
    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        place = place_of(generator)
        mu, logvar, log_weight = (value.to(place) for value in self.components())
        which = torch.multinomial(log_weight.exp(), n, replacement=True, generator=generator)
        noise = mu.new_empty(n, self.dim).normal_(generator=generator)
        return mu[which] + temperature * torch.exp(0.5 * logvar[which]) * noise


class Mixture(Mixed):
    """A mixture of `count` Gaussians with diagonal covariances, all of it learned.

    Jiang et al. 2017, "Variational deep embedding", eq. 3. With one component of its own start
    it is nearly the standard normal.

    bound : log-variances stay, smoothly, within ± this.
    """

    count: int = 10
    bound: float = 6.0
    means: nn.Parameter = field(init=False)
    logvars: nn.Parameter = field(init=False)
    logits: nn.Parameter = field(init=False)

    def __post_init__(self) -> None:
        _require_some(self.count)
        self.means = nn.Parameter(torch.zeros(self.count, self.dim))
        self.logvars = nn.Parameter(torch.zeros(self.count, self.dim))
        self.logits = nn.Parameter(torch.zeros(self.count))

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.means, generator=generator)  # apart, or they would stay alike
        nn.init.normal_(self.logvars, std=0.01, generator=generator)
        nn.init.zeros_(self.logits)

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        logvar = self.bound * torch.tanh(self.logvars / self.bound)
        return self.means, logvar, torch.log_softmax(self.logits, 0)


# what the link makes of it is the row, if not quite where the row is at an end of the range
LINKED = {"sigmoid": lambda rows: torch.logit(rows, eps=0.05)}


class VampPrior(Mixed):
    """p(z) = 1/K Σ_k q(z | u_k): the mean posterior of K pseudo-inputs, which are learned.

    The best prior for the bound is the mean posterior over the data; this stands for it.
    Tomczak & Welling 2018, "VAE with a VampPrior", eq. 9.

    features, context : width of a row, and of what the encoder sees besides.
    count : K.
    link : how free numbers become pseudo-inputs; "sigmoid" keeps them in (0, 1).
    """

    features: int
    count: int = 100
    context: int = 0
    link: str = among(ACTIVATIONS, default="identity")
    pseudo: nn.Parameter = field(init=False)
    encoder: nn.Module = field(init=False)
    code: Any = field(init=False)

    def __post_init__(self) -> None:
        _require_some(self.count)
        self.pseudo = nn.Parameter(torch.zeros(self.count, self.features + self.context))

    def meet(self, encoder: nn.Module, code: Any) -> None:
        # past nn.Module's registry: the weights belong to the encoder and are stored once
        object.__setattr__(self, "encoder", encoder)
        object.__setattr__(self, "code", code)

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.pseudo, generator=generator)

    @torch.no_grad()
    def start_from(self, rows: Tensor, context: Tensor | None = None) -> None:
        """Take rows (≤ count, features) for the first pseudo-inputs; others stay as they are."""
        free = LINKED[self.link](rows) if self.link in LINKED else rows
        width = self.features + (self.context if context is not None else 0)
        start = free if context is None else torch.cat([free, context], 1)
        self.pseudo[: len(rows), :width].copy_(start)

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        x, side = self.pseudo.split([self.features, self.context], dim=1)
        x = ACTIVATIONS[self.link].value(x)
        mu, logvar = self.code.posterior(self.encoder(x, side) if self.context else self.encoder(x))
        return mu, logvar, mu.new_full((self.count,), -math.log(self.count))


def _require_some(count: int) -> None:
    if count < 1:
        raise ValueError(f"count={count} leaves no component to draw from: 1 is the least.")

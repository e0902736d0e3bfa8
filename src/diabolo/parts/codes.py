"""Codes: from what the encoder said, h, to what the decoder sees, z, and what z costs.

A code declares how many numbers it wants from the encoder (`inputs`) and how wide it is (`dim`).
`mean` is the deterministic code, which `transform` returns.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.networks import Dense
from diabolo.parts.priors import Prior, StandardNormal, log_normal
from diabolo.parts.record import Pass
from diabolo.parts.spec import Part, among


class Draw(NamedTuple):
    """A code of n rows, what it costs, and what only training needs."""

    z: Tensor  # (n, dim)
    rate: Tensor  # (n,) nats
    aux: dict[str, Tensor] = {}  # noqa: RUF012  terms of the loss by name, each ()


class Weighed(NamedTuple):
    """A draw with its densities, of all its latents together: what bounds on log p(x) need."""

    z: Tensor  # (n, dim)
    log_p: Tensor  # (n,) of the prior, nats
    log_q: Tensor  # (n,) of the posterior, nats


class Code(Part, abstract=True):
    """What all kinds share. Codes that are drawn from a posterior also have `weigh`."""

    dim: int

    @property
    def inputs(self) -> int:
        """Numbers that the encoder gives for each row."""
        return self.dim

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        """As in training: drawn, where the code is random."""
        z = self.mean(h)
        return Draw(z, z.new_zeros(len(z)))

    def mean(self, h: Tensor) -> Tensor:
        """The deterministic code, (n, inputs) → (n, dim)."""
        raise NotImplementedError

    def rounded(self, z: Tensor) -> Tensor:
        """The nearest code to any z, (n, dim); z itself, unless only some z are codes."""
        return z

    def measures(self, record: Pass) -> dict[str, Tensor]:
        """What the history shows besides, by name, each (); nothing of the loss."""
        return {}

    def statistics(self, record: Pass, generator: torch.Generator | None) -> dict[str, Tensor]:
        """New values of this part's buffers after the step, by name."""
        return {}

    def meet(self, encoder: nn.Module) -> None:
        """Take note of the encoder whose code this is; few kinds need to."""


class Deterministic(Code):
    """z = f(h): the plain autoencoder's code, free of charge.

    activation : f; "sigmoid" bounds the units in (0, 1), which KL sparsity needs.
    """

    activation: str = among(ACTIVATIONS, default="identity")

    def mean(self, h: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation].value(h)

    def slope(self, h: Tensor) -> Tensor:
        """∂z/∂h, elementwise, (n, dim)."""
        return ACTIVATIONS[self.activation].slope(h, self.mean(h))


class Matched(Deterministic):
    """A code free of charge, whose rows together are made to follow a prior, by a penalty or a
    critic: each is a point, and draws from the prior can be decoded all the same.

    prior : as wide as the code; N(0, I) where none is given.
    """

    prior: Prior = field(default_factory=lambda: StandardNormal(0))  # as wide as the code

    def __post_init__(self) -> None:
        self.prior = _as_wide(self.prior, self.dim)

    def meet(self, encoder: nn.Module) -> None:
        self.prior.meet(encoder, self)


def _as_wide(prior: Prior, dim: int) -> Prior:
    """The prior of a code, or N(0, I) of its width for one of none."""
    if prior.dim == 0:
        return StandardNormal(dim)
    if prior.dim != dim:
        raise ValueError(f"a prior of {prior.dim} units is none of {dim}.")
    return prior


class TopK(Code):
    """z keeps the k largest units of each row and sets the others to zero.

    Makhzani & Frey 2013, "k-sparse autoencoders": the support is chosen by the encoder, the
    gradient flows through the units that were kept.
    """

    k: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.dim:
            raise ValueError(f"k={self.k} units cannot be kept of {self.dim}.")

    def mean(self, h: Tensor) -> Tensor:
        values, units = h.topk(self.k, dim=1)
        return torch.zeros_like(h).scatter(1, units, values)

    def rounded(self, z: Tensor) -> Tensor:
        units = z.abs().topk(self.k, dim=1).indices
        return torch.zeros_like(z).scatter(1, units, z.gather(1, units))


def bounded_moments(h: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """μ and log σ², each (n, d), of what a network gave, (n, 2d): means, then log-variances.

    These are bounded, smoothly, to ±`bound`: exp(log-variance) overflowed in nearly every
    library's early reports of NaN losses.
    """
    mu, logvar = h.chunk(2, dim=1)
    return mu, bound * torch.tanh(logvar / bound)


def _drawn(mu: Tensor, logvar: Tensor, generator: torch.Generator | None) -> Tensor:
    """z = μ + σ ε, ε ~ N(0, I) (Kingma & Welling 2014, eq. 4)."""
    noise = torch.empty_like(mu).normal_(generator=generator)
    return mu + torch.exp(0.5 * logvar) * noise


class Gaussian(Code):
    """q(z|x) = N(μ, diag σ²): the variational code; its rate is KL(q ‖ p).

    prior : p, as wide as the code; N(0, I) where none is given.
    bound : of the log-variances.
    """

    bound: float = 12.0
    prior: Prior = field(default_factory=lambda: StandardNormal(0))  # as wide as the code

    def __post_init__(self) -> None:
        self.prior = _as_wide(self.prior, self.dim)

    def meet(self, encoder: nn.Module) -> None:
        self.prior.meet(encoder, self)

    @property
    def inputs(self) -> int:
        return 2 * self.dim

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ², each (n, dim)."""
        return bounded_moments(h, self.bound)

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        mu, logvar = self.posterior(h)
        z = _drawn(mu, logvar, generator)
        return Draw(z, self.prior.divergence(mu, logvar, z))

    def weigh(self, h: Tensor, generator: torch.Generator | None) -> Weighed:
        """A draw and its densities under prior and posterior."""
        mu, logvar = self.posterior(h)
        z = _drawn(mu, logvar, generator)
        return Weighed(z, self.prior.log_prob(z), log_normal(z, mu, logvar))

    def mean(self, h: Tensor) -> Tensor:
        return h[:, : self.dim]


# What `down` gives counts so much, so that p(z|u) begins near N(0, I): at full size a first spread
# of e⁻⁵ makes a draw of z cost 10⁵ nats, beside which early stopping sees no progress any more
BEGINNING = 0.1


class Hierarchical(Code):
    """Two latents: q(z|x) q(u|z) and p(u) p(z|u); the decoder sees z, and the rates add.

    A code made of network, code, network: `up` reads z for the code `above`, `down` turns what
    is drawn there into mean and log-variance of p(z|u). `above` may be a hierarchy itself.
    Burda, Grosse & Salakhutdinov 2016, sec. 2 and 5 (their nets with two stochastic layers).

    With u ~ q(u|z) drawn, z costs log q(z|x) − log p(z|u), by the draw: u depends on it.
    """

    up: Dense
    above: Code
    down: Dense
    bound: float = 12.0

    def __post_init__(self) -> None:
        widths = [(self.up.inputs, self.dim), (self.up.outputs, self.above.inputs)]
        widths += [(self.down.inputs, self.above.dim), (self.down.outputs, self.inputs)]
        for width, wanted in widths:
            if width != wanted:
                raise ValueError(f"a level of the hierarchy gives {width} where {wanted} fit.")

    @property
    def inputs(self) -> int:
        return 2 * self.dim

    @property
    def prior(self) -> Ancestral:
        """Where z is drawn from when there is no x."""
        return Ancestral(self)

    def posterior(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ² of q(z|x), each (n, dim)."""
        return bounded_moments(h, self.bound)

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        mu, logvar = self.posterior(h)
        z = _drawn(mu, logvar, generator)
        u, rate, aux = self.above(self.up(z), generator)
        return Draw(z, rate + log_normal(z, mu, logvar) - self._log_given(z, u), aux)

    def weigh(self, h: Tensor, generator: torch.Generator | None) -> Weighed:
        """A draw of z, and the densities of it and of the u above it together."""
        mu, logvar = self.posterior(h)
        z = _drawn(mu, logvar, generator)
        above: Any = self.above
        u, log_p, log_q = above.weigh(self.up(z), generator)
        return Weighed(z, log_p + self._log_given(z, u), log_q + log_normal(z, mu, logvar))

    def given(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ² of p(z|u), each (n, dim)."""
        return bounded_moments(BEGINNING * self.down(u), self.bound)

    def _log_given(self, z: Tensor, u: Tensor) -> Tensor:
        """log p(z|u), (n,)."""
        return log_normal(z, *self.given(u))

    def mean(self, h: Tensor) -> Tensor:
        return h[:, : self.dim]


class Ancestral(NamedTuple):
    """p(z) = ∫ p(z|u) p(u) du of a hierarchy: draws from the top down; no density."""

    code: Hierarchical

    @property
    def dim(self) -> int:
        return self.code.dim

    @torch.no_grad()
    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        code: Any = self.code
        weight = next(code.down.parameters())  # whose device and precision count
        u = code.above.prior.sample(n, generator, temperature)
        mu, logvar = code.given(u.to(weight))
        mu, logvar = mu.to(u.device), logvar.to(u.device)
        return mu + temperature * (_drawn(mu, logvar, generator) - mu)


class Anchored(Code):
    """z = Σ_k softmax_k(sharpness · h) a_k: a choice among known places, nearly a hard one.

    A network whose output is a place puts rows of which it is in doubt between the places that
    they might have, where no others like them are; one that chooses puts them at the likeliest.

    anchors : K, how many places there are. Where, is found outside: the buffer `places`.
    sharpness : 1: the mean over what the network holds possible; large: the likeliest.
    """

    anchors: int
    sharpness: float = 8.0

    places: Tensor = field(init=False)  # (anchors, dim)

    def __post_init__(self) -> None:
        self.register_buffer("places", torch.zeros(self.anchors, self.dim))

    def initialise(self, generator: torch.Generator) -> None:
        """Anywhere, so that a network can learn before places are known."""
        self.places.normal_(generator=generator)

    @property
    def inputs(self) -> int:
        return self.anchors

    def mean(self, h: Tensor) -> Tensor:
        return torch.softmax(self.sharpness * h, dim=1) @ self.places

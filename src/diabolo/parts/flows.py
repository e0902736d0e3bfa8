"""The masked autoregressive flow: a density of codes that is learned, exact, and drawn from.

Each block takes z to noise u, unit by unit, by what the earlier units say:

    u_i = (z_i − μ_i(z_<i)) exp(−α_i(z_<i)),    log p(z) = log N(u; 0, I) − Σ α

Papamakarios, Pavlakou & Murray 2017, "Masked autoregressive flow for density estimation", eq. 3-5.
One pass gives all μ and α, since masks keep unit i from seeing itself and later ones: Germain et
al. 2015, "MADE", sec. 3. Every second block reads the units from the last to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts.priors import LOG_2PI, Prior
from diabolo.parts.spec import Part, registered


class Masked(Part):
    """A linear map some of whose weights are held at 0.

    before, after : degree of every input and output: an output sees inputs of at most its degree,
        or, if `strict`, of less.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    strict: bool = False
    weight: nn.Parameter = field(init=False)
    bias: nn.Parameter = field(init=False)
    degree: Tensor = field(init=False)  # (inputs,)
    highest: Tensor = field(init=False)  # (outputs,) that is seen

    def __post_init__(self) -> None:
        self.weight = nn.Parameter(torch.zeros(len(self.after), len(self.before)))
        self.bias = nn.Parameter(torch.zeros(len(self.after)))
        below = 1 if self.strict else 0
        self.register_buffer("degree", torch.tensor(self.before, dtype=torch.float32))
        self.register_buffer("highest", torch.tensor(self.after, dtype=torch.float32) - below)

    def initialise(self, generator: torch.Generator) -> None:
        if self.strict:  # the last level: a flow begins near the identity
            nn.init.normal_(self.weight, std=0.01, generator=generator)
        else:
            nn.init.kaiming_normal_(self.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        mask = self.degree <= self.highest[:, None]
        return F.linear(x, self.weight * mask, self.bias)


class Autoregressive(Part):
    """One block: all μ_i(z_<i) and α_i(z_<i) in one pass.

    hidden : units of each level between.
    backwards : whether unit i sees the later units instead of the earlier ones.
    bound : α stays, smoothly, within ± this, so that no unit's density runs away.
    """

    dim: int
    hidden: tuple[int, ...] = (64, 64)
    backwards: bool = False
    bound: float = 3.0
    levels: Sequence[Masked] = field(init=False)
    out: Masked = field(init=False)

    def __post_init__(self) -> None:
        self.hidden = tuple(self.hidden)
        if self.dim < 1 or min(self.hidden, default=1) < 1:
            raise ValueError(f"dim={self.dim}, hidden={self.hidden}: a flow needs units.")
        units = tuple(self.order)
        # degrees 1 … dim − 1, in turn; of a single unit nothing may be seen
        widths = [
            tuple(i % max(1, self.dim - 1) + (self.dim > 1) for i in range(n)) for n in self.hidden
        ]
        degrees = [units, *widths]
        self.levels = registered(Masked(a, b) for a, b in zip(degrees[:-1], widths, strict=True))
        self.out = Masked(degrees[-1], units * 2, strict=True)

    @property
    def order(self) -> range:
        """Of every unit: when it is its turn, 1 … dim."""
        return range(self.dim, 0, -1) if self.backwards else range(1, self.dim + 1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """μ and α, each (n, dim)."""
        h = z
        for level in self.levels:
            h = F.relu(level(h))
        mu, alpha = self.out(h).chunk(2, dim=-1)
        return mu, self.bound * torch.tanh(alpha / self.bound)

    def backward_from(self, u: Tensor) -> Tensor:
        """z of noise u, (n, dim): one pass a unit."""
        z = torch.zeros_like(u)
        for i in reversed(range(self.dim)) if self.backwards else range(self.dim):
            mu, alpha = self(z)
            z[:, i] = u[:, i] * alpha[:, i].exp() + mu[:, i]
        return z


class Flow(Prior):
    """p(z) by blocks between z, brought to mean 0 and variance 1, and standard normal noise.

    blocks : how many.
    hidden : units of each level of a block.
    """

    blocks: int = 5
    hidden: tuple[int, ...] = (64, 64)
    offset: Tensor = field(init=False)  # (dim,)
    scale: Tensor = field(init=False)  # (dim,)
    chain: Sequence[Autoregressive] = field(init=False)

    def __post_init__(self) -> None:
        self.hidden = tuple(self.hidden)
        self.register_buffer("offset", torch.zeros(self.dim))
        self.register_buffer("scale", torch.ones(self.dim))
        self.chain = registered(
            Autoregressive(self.dim, self.hidden, backwards=bool(i % 2)) for i in range(self.blocks)
        )

    def noise_of(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """u of codes z (…, dim), and log |det ∂u/∂z| (…)."""
        u = (z - self.offset) / self.scale
        slope = -self.scale.log().sum()
        for block in self.chain:
            mu, alpha = block(u)
            u = (u - mu) * torch.exp(-alpha)
            slope = slope - alpha.sum(-1)
        return u, slope

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        u, slope = self.noise_of(z)
        return slope - 0.5 * (u * u + LOG_2PI).sum(-1)

    @torch.no_grad()
    def code_of(self, u: Tensor) -> Tensor:
        """z of noise u, (n, dim) → (n, dim)."""
        for block in reversed(self.chain):
            u = block.backward_from(u)
        return u * self.scale + self.offset

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        u = torch.empty(n, self.dim, dtype=self.offset.dtype).normal_(generator=generator)
        return self.code_of(temperature * u.to(self.offset.device)).cpu()

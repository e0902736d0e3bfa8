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
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts.priors import LOG_2PI, Prior, place_of
from diabolo.parts.spec import Part, registered

MOST_BLOCKS = 100  # that a file may ask for


class Masked(nn.Module):
    """A linear map from units of degrees `before` to units of degrees `after`.

    An output sees inputs of its own degree at most; if `strict`, of a lower one.
    """

    degree: Tensor  # (inputs,)
    highest: Tensor  # (outputs,) degree that each sees

    def __init__(self, before: Tensor, after: Tensor, *, strict: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(after), len(before)))
        self.bias = nn.Parameter(torch.zeros(len(after)))
        self.register_buffer("degree", before.clone())
        self.register_buffer("highest", after - int(strict))

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
        units = torch.arange(1, self.dim + 1)
        units = units.flip(0) if self.backwards else units
        # between: degrees 1 … dim − 1, in turn; of a single unit nothing may be seen
        between = [torch.arange(n) % max(1, self.dim - 1) + int(self.dim > 1) for n in self.hidden]
        degrees = [units, *between]
        self.levels = registered(Masked(a, b) for a, b in pairwise(degrees))
        self.out = Masked(degrees[-1], units.repeat(2), strict=True)

    def initialise(self, generator: torch.Generator) -> None:
        for level in self.levels:
            nn.init.kaiming_normal_(level.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(level.bias)
        nn.init.normal_(self.out.weight, std=0.01, generator=generator)  # nearly the identity
        nn.init.zeros_(self.out.bias)

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
        if not 1 <= self.blocks <= MOST_BLOCKS:
            raise ValueError(f"blocks={self.blocks} must be from 1 to {MOST_BLOCKS}.")
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
        place = place_of(generator)
        u = torch.empty(n, self.dim, dtype=self.offset.dtype, device=place)
        u = temperature * u.normal_(generator=generator)
        return self.code_of(u.to(self.offset.device)).to(place)

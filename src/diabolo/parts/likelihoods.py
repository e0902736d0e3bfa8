"""Likelihoods p(x|z): what the decoder's numbers mean.

Each kind works entry by entry, so that weights and masks can be applied: `log_prob` gives nats
for every entry, (n, d). `outputs(d)` is how many numbers the decoder has to give for d entries;
where an entry needs k numbers they come parameter by parameter, (n, k·d).
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.spec import Part, among

LOG_2PI = math.log(2 * math.pi)
MANY = 64  # levels, from which on a sum over them is slower than it is worth


class Likelihood(Part, abstract=True):
    """What all kinds share.

    bounded : whether x has to lie in [0, 1]; beyond, log p means nothing and has no upper bound.
    """

    bounded: ClassVar[bool] = False

    @property
    def per_entry(self) -> int:
        """Numbers that the decoder gives for each entry."""
        return 1

    def outputs(self, n_features: int) -> int:
        return self.per_entry * n_features

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        """log p(x|z) of every entry, (n, d) in nats."""
        raise NotImplementedError

    def mean(self, out: Tensor) -> Tensor:
        """E[x|z], (n, d): the reconstruction."""
        raise NotImplementedError

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A draw of x given z, (n, d)."""
        raise NotImplementedError


def _check_levels(levels: int) -> None:
    if levels < 2:
        raise ValueError(f"levels={levels} leaves nothing to tell apart: there must be 2 at least.")


class Gaussian(Likelihood):
    """x ~ N(m, s²) for every entry.

    link : non-linearity that gives m: "identity", or "sigmoid" for data scaled to [0, 1].
    variance : "fixed" (s = `scale`; scale 1 makes −log p half the squared error, plus a constant),
        "shared" (one s for all entries, learned; Rybkin et al. 2021, "Simple and effective VAE
        training with calibrated decoders") or "entry" (the decoder gives each entry its own s).
    """

    link: str = among(ACTIVATIONS, default="identity")
    variance: str = among(("fixed", "shared", "entry"), default="fixed")
    scale: float = 1.0
    floor: float = 1e-3  # of a learned s: data without noise would send it to 0, the loss to −∞
    log_scale: nn.Parameter = field(init=False)  # of a shared s

    def __post_init__(self) -> None:
        if self.variance == "shared":
            self.log_scale = nn.Parameter(torch.full((1,), math.log(self.scale)))

    def initialise(self, generator: torch.Generator) -> None:
        if self.variance == "shared":
            nn.init.constant_(self.log_scale, math.log(self.scale))

    @property
    def per_entry(self) -> int:
        return 2 if self.variance == "entry" else 1

    def mean(self, out: Tensor) -> Tensor:
        m = out.chunk(2, dim=1)[0] if self.variance == "entry" else out
        return ACTIVATIONS[self.link].value(m)

    def deviation(self, out: Tensor) -> Tensor | float:
        """s, as a number, (1,) or (n, d)."""
        if self.variance == "fixed":
            return self.scale
        if self.variance == "shared":
            return self.floor + self.log_scale.exp()
        return self.floor + F.softplus(out.chunk(2, dim=1)[1])

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        s = self.deviation(out)
        error = (x - self.mean(out)) / s
        log_s = torch.log(s) if isinstance(s, Tensor) else math.log(s)
        return -0.5 * (error * error + LOG_2PI) - log_s

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        m = self.mean(out)
        return m + self.deviation(out) * torch.empty_like(m).normal_(generator=generator)


class Bernoulli(Likelihood):
    """x ~ Bernoulli(p), the decoder gives logits.

    Entries between 0 and 1 are allowed and give the cross-entropy, whose floor is then the
    entropy of the greys, not 0.
    """

    bounded: ClassVar[bool] = True

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        # x·a − log(1 + eᵃ), the stable form of x log p + (1 − x) log(1 − p)
        return x * out - F.softplus(out)

    def mean(self, out: Tensor) -> Tensor:
        return torch.sigmoid(out)

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.bernoulli(torch.sigmoid(out), generator=generator)


class Categorical(Likelihood):
    """x is one of `levels` values, evenly spaced in [0, 1]; the decoder gives each a logit."""

    bounded: ClassVar[bool] = True
    levels: int

    def __post_init__(self) -> None:
        _check_levels(self.levels)

    @property
    def per_entry(self) -> int:
        return self.levels

    def _log_probs(self, out: Tensor) -> Tensor:
        return F.log_softmax(out.unflatten(1, (self.levels, -1)), dim=1)

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        level = torch.round(x * (self.levels - 1)).long().unsqueeze(1)
        return self._log_probs(out).gather(1, level).squeeze(1)

    def mean(self, out: Tensor) -> Tensor:
        values = torch.linspace(0, 1, self.levels, dtype=out.dtype, device=out.device)
        return torch.einsum("nkd,k->nd", self._log_probs(out).exp(), values)

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        probabilities = self._log_probs(out).exp().movedim(1, 2)
        draws = torch.multinomial(probabilities.flatten(0, 1), 1, generator=generator)
        return draws.view(probabilities.shape[:2]) / (self.levels - 1)


class DiscretisedLogistic(Likelihood):
    """x is one of `levels` greys in [0, 1]: a logistic's mass on the grey's bin.

    The outer bins reach to ±∞, so the masses sum to 1 (Salimans et al. 2017, "PixelCNN++",
    sec. 2.1). The decoder gives location (through a sigmoid) and log-scale.
    """

    bounded: ClassVar[bool] = True
    levels: int = 256

    def __post_init__(self) -> None:
        _check_levels(self.levels)

    @property
    def per_entry(self) -> int:
        return 2

    def _location_scale(self, out: Tensor) -> tuple[Tensor, Tensor]:
        location, log_scale = out.chunk(2, dim=1)
        # ±7: scales from a quarter of a grey (of 256) to a thousand ranges; the start is e⁻² of one
        return torch.sigmoid(location), torch.exp(7 * torch.tanh((log_scale - 2) / 7))

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        location, scale = self._location_scale(out)
        half = 0.5 / (self.levels - 1)
        upper = (x - location + half) / scale
        lower = (x - location - half) / scale
        # log(σ(u) − σ(l)) without cancellation: σ(u) − σ(l) = σ(u) σ(−l) (1 − e^{−(u−l)})
        inside = F.logsigmoid(upper) + F.logsigmoid(-lower)
        inside = inside + torch.log(-torch.expm1(-(upper - lower)))
        first, last = x < half, x > 1 - half
        return torch.where(
            first, F.logsigmoid(upper), torch.where(last, F.logsigmoid(-lower), inside)
        )

    def mean(self, out: Tensor) -> Tensor:
        """E[x|z] = Σ P(x > edge) / (levels − 1) over the edges between bins.

        With many levels the integral stands for the sum: at 256 it is right to a thirtieth of a
        grey where the scale is narrowest, and better elsewhere.
        """
        location, scale = self._location_scale(out)
        if self.levels > MANY:
            return scale * (F.softplus(location / scale) - F.softplus((location - 1) / scale))
        edges = ((k + 0.5) / (self.levels - 1) for k in range(self.levels - 1))
        beyond = [torch.sigmoid((location - edge) / scale) for edge in edges]
        return torch.stack(beyond).mean(0)

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        location, scale = self._location_scale(out)
        u = torch.empty_like(location).uniform_(1e-6, 1 - 1e-6, generator=generator)
        draw = location + scale * (torch.log(u) - torch.log1p(-u))
        return torch.round(draw.clamp(0, 1) * (self.levels - 1)) / (self.levels - 1)

"""Likelihoods p(x|z): what the decoder's numbers mean.

Each kind works entry by entry, so that weights and masks can be applied: `log_prob` gives nats
for every entry, (n, d). `outputs(d)` is how many numbers the decoder has to give for d entries;
where an entry needs k numbers they come parameter by parameter, (n, k·d).
`Mixed` lays them out by column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts import coins
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.networks import by_levels, positions
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

    def log_prob_of_rows(self, x: Tensor, out: Tensor) -> Tensor:
        """log p(x|z) of whole rows for k draws of each, (n, d) and (n · k, …) → (n · k,) in nats.

        The draws of a row follow each other.
        """
        k = len(out) // max(1, len(x))
        return self.log_prob(x.repeat_interleave(k, 0), out).sum(1)

    def mean(self, out: Tensor) -> Tensor:
        """E[x|z], (n, d): the reconstruction."""
        raise NotImplementedError

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A draw of x given z, (n, d)."""
        raise NotImplementedError

    def blend(self, outs: Tensor) -> Tensor:
        """E[x] under the mixture, in equal parts, of K predictions, (K, n, outputs) → (n, d)."""
        return torch.stack([self.mean(out) for out in outs]).mean(0)

    def miss(self, x: Tensor, out: Tensor) -> Tensor:
        """How far every entry is from what was expected, (n, d): |x − E[x]|."""
        return (x - self.mean(out)).abs()

    def distance(self, x: Tensor, mean: Tensor) -> Tensor:
        """How far every entry is from its reconstruction, (n, d): the square of the difference."""
        error = x - mean
        return error * error

    def error(self, x: Tensor, mean: Tensor) -> Tensor:
        """Mean distance of the entries of every row, (n,)."""
        return self.distance(x, mean).mean(1)


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

    @property
    def says_means(self) -> bool:
        """Whether the decoder's numbers are the means as they stand."""
        return self.link == "identity" and self.per_entry == 1

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


class Laplace(Likelihood):
    """x ~ Laplace(m, b), p(x) = e^{−|x − m| / b} / 2b: errors count by their size, not its square.

    The decoder gives every entry its own m, the median, and b. A few rows that are far off hardly
    move it.

    link : non-linearity that gives m, as of `Gaussian`.
    floor : of b.
    """

    link: str = among(ACTIVATIONS, default="identity")
    floor: float = 0.05

    @property
    def per_entry(self) -> int:
        return 2

    def mean(self, out: Tensor) -> Tensor:
        return ACTIVATIONS[self.link].value(out.chunk(2, dim=1)[0])

    def width(self, out: Tensor) -> Tensor:
        """b of every entry, (n, d)."""
        return self.floor + F.softplus(out.chunk(2, dim=1)[1])

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        b = self.width(out)
        return -(x - self.mean(out)).abs() / b - torch.log(2 * b)

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        m = self.mean(out)
        # the difference of two exponential draws
        first, second = (torch.empty_like(m).exponential_(generator=generator) for _ in range(2))
        return m + self.width(out) * (first - second)


class Bernoulli(Likelihood):
    """x ~ Bernoulli(p), the decoder gives logits.

    Entries between 0 and 1 are allowed and give the cross-entropy, whose floor is then the
    entropy of the greys, not 0.
    """

    bounded: ClassVar[bool] = True

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        # x·a − log(1 + eᵃ), the stable form of x log p + (1 − x) log(1 − p)
        return x * out - F.softplus(out)

    def log_prob_of_rows(self, x: Tensor, out: Tensor) -> Tensor:
        # Σ x·a is a product: x is never repeated, and half the passes over memory are saved
        logits = out.unflatten(0, (len(x), -1))
        return ((logits @ x.unsqueeze(2)).squeeze(2) - F.softplus(logits).sum(2)).flatten()

    def mean(self, out: Tensor) -> Tensor:
        return torch.sigmoid(out)

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return coins.coins(torch.sigmoid(out), generator)


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


class Mixed(Likelihood):
    """Each column of a mixed table has its own law; cells that are missing (NaN) say nothing.

    A number is Gaussian, a category one of `levels` codes 0, 1, …. The decoder gives a mean for
    each number, then logits for each category, those of columns with few categories first.

    levels : how many categories each column has; 0 for numbers.
    variance : of numbers: "fixed" (`scale`²) or "column" (learned, one for each). "laplace": they
        are no Gaussians, but have Laplace's law (see there); the decoder gives all medians, then
        all widths b.
    """

    levels: tuple[int, ...]
    variance: str = among(("fixed", "column", "laplace"), default="fixed")
    scale: float = 1.0
    floor: float = 1e-3  # of a learned standard deviation, see `Gaussian`
    log_scale: nn.Parameter = field(init=False)

    def __post_init__(self) -> None:
        self._laplace = Laplace()
        self.levels = tuple(self.levels)
        if not self.levels or min(self.levels) < 0:
            raise ValueError(f"levels={self.levels!r:.60} must be one number ≥ 0 a column.")
        self.columns = by_levels(self.levels)
        order = [j for _, columns in self.columns for j in columns]
        self.back = tuple(sorted(range(len(order)), key=order.__getitem__))  # to the table's order
        if self.variance == "column":
            self.log_scale = nn.Parameter(torch.full((self.levels.count(0),), math.log(self.scale)))

    def initialise(self, generator: torch.Generator) -> None:
        if self.variance == "column":
            nn.init.constant_(self.log_scale, math.log(self.scale))

    def outputs(self, n_features: int) -> int:
        if n_features != len(self.levels):
            raise ValueError(f"{len(self.levels)} columns make no rows of {n_features} cells")
        own = 2 if self.variance == "laplace" else 1
        return sum(k or own for k in self.levels)

    def deviation(self) -> Tensor | float:
        """Standard deviation of the numbers: a number, or (numbers,)."""
        return self.scale if self.variance == "fixed" else self.floor + self.log_scale.exp()

    def log_prob(self, x: Tensor, out: Tensor) -> Tensor:
        nats = []
        for k, columns, own in self._blocks(out):
            cells = x.index_select(1, positions(columns, x.device))
            missing = cells.isnan()
            cells = cells.masked_fill(missing, 0.0)
            found = self._of_codes(cells, own) if k else self._of_numbers(cells, own)
            nats.append(found.masked_fill(missing, 0.0))
        return self._in_order(nats)

    def _of_numbers(self, x: Tensor, own: Tensor) -> Tensor:
        if self.variance == "laplace":
            return self._laplace.log_prob(x, own)
        m, s = own, self.deviation()
        error = (x - m) / s
        log_s = torch.log(s) if isinstance(s, Tensor) else math.log(s)
        return -0.5 * (error * error + LOG_2PI) - log_s

    def _of_codes(self, codes: Tensor, logits: Tensor) -> Tensor:
        log_probs = F.log_softmax(logits, dim=2)
        return log_probs.gather(2, codes.long().unsqueeze(2)).squeeze(2)

    def mean(self, out: Tensor) -> Tensor:
        """The mean of numbers, the likeliest category, (n, d)."""
        return self._in_order(
            [
                own.argmax(2).to(out.dtype) if k else self._means(own)
                for k, _, own in self._blocks(out)
            ]
        )

    def _means(self, own: Tensor) -> Tensor:
        """Of the numbers, (n, numbers)."""
        return self._laplace.mean(own) if self.variance == "laplace" else own

    def blend(self, outs: Tensor) -> Tensor:
        """The mean of numbers, the category that is likeliest in the mixture."""
        return self._in_order(
            [own.argmax(2).to(outs.dtype) if k else own for k, _, own in self.mixture(outs)]
        )

    def mixture(self, outs: Tensor) -> Iterator[tuple[int, tuple[int, ...], Tensor]]:
        """What K predictions (K, n, outputs) say in equal parts, numbers first.

        (0, columns, means (n, columns)), then (k, columns, probabilities (n, columns, k)).
        """
        each = [list(self._blocks(out)) for out in outs]
        for blocks in zip(*each, strict=True):
            k, columns, _ = blocks[0]
            own = [block[2].softmax(2) if k else self._means(block[2]) for block in blocks]
            yield k, columns, torch.stack(own).mean(0)

    def miss(self, x: Tensor, out: Tensor) -> Tensor:
        """(n, d): |x − E[x]| of a number, 1 − p(x) of a category; NaN where a cell is missing."""
        found = []
        for k, columns, own in self._blocks(out):
            cells = x.index_select(1, positions(columns, x.device))
            if k:
                missing = cells.isnan()
                share = self._of_codes(cells.masked_fill(missing, 0.0), own).exp()
                found.append((1 - share).masked_fill(missing, math.nan))
            else:
                found.append((cells - self._means(own)).abs())
        return self._in_order(found)

    def sample(self, out: Tensor, generator: torch.Generator | None = None) -> Tensor:
        draws = []
        for k, _, own in self._blocks(out):
            if k:
                each = torch.multinomial(own.softmax(2).flatten(0, 1), 1, generator=generator)
                draws.append(each.view(own.shape[:2]).to(out.dtype))
            elif self.variance == "laplace":
                draws.append(self._laplace.sample(own, generator))
            else:
                noise = torch.empty_like(own).normal_(generator=generator)
                draws.append(own + self.deviation() * noise)
        return self._in_order(draws)

    def distance(self, x: Tensor, mean: Tensor) -> Tensor:
        """(n, d): a number's squared error, 1 for a wrong category, 0 where a cell is missing."""
        missing = x.isnan()
        error = x.masked_fill(missing, 0.0) - mean
        coded = positions(self.levels, x.device) > 0
        apart = torch.where(coded, (error != 0).to(x.dtype), error * error)
        return apart.masked_fill(missing, 0.0)

    def error(self, x: Tensor, mean: Tensor) -> Tensor:
        """Mean distance over the known cells of every row, (n,); 0 where none is known."""
        known = (~x.isnan()).sum(1)
        return self.distance(x, mean).sum(1) / known.clamp(min=1)

    def _blocks(self, out: Tensor) -> Iterator[tuple[int, tuple[int, ...], Tensor]]:
        """(k, columns, their numbers (n, columns or twice as many) or logits (n, columns, k)).

        The numbers come first.
        """
        start, single = 0, 2 if self.variance == "laplace" else 1
        for k, columns in self.columns:
            stop = start + len(columns) * (k or single)
            own = out[:, start:stop]
            yield k, columns, own.unflatten(1, (len(columns), k)) if k else own
            start = stop

    def _in_order(self, blocks: list[Tensor]) -> Tensor:
        return torch.cat(blocks, dim=1).index_select(1, positions(self.back, blocks[0].device))

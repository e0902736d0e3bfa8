"""How predictions of hidden cells turned out: what a draw of a missing cell is made of.

The model says what to expect of a cell; the errors it made on cells that it had not seen say how
far off such an expectation is. A number is drawn as the expectation plus the error of a held-out
cell of the column that is near in two respects: what was expected, and how well informed that was,

    u_j = 1 − Π_k (1 − r²_jk), over the cells k of the row that were known,

with r_jk the correlation of two columns. So the spread may grow with the value and with the gaps,
and need not be normal. The probabilities of a category are flattened or sharpened by one
temperature a column, chosen on the held-out cells (Guo et al. 2017, "On calibration of modern
neural networks", sec. 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import NamedTuple

import torch
from torch import Tensor

from diabolo.parts.spec import Part

# held-out cells that count as near: so many, or a share of all. A few of them make intervals too
# narrow: of 20, a third are the same cell hidden with others, and 80 % cover 68
NEAREST, SHARE = 60, 0.1
TEMPERATURES = torch.logspace(-0.5, 0.7, 49)  # 0.32 … 5
TOGETHER = 256  # cells that are compared with all held-out ones at once
ENOUGH = 50  # held-out cells of a column that a temperature is chosen by


class Held(NamedTuple):
    """Held-out cells of one column of numbers, each (m,); in scaled units."""

    expected: Tensor
    informed: Tensor  # u
    truth: Tensor


class Outcomes(Part):
    """Held-out cells, column by column.

    counts : cells that are kept for each column of numbers; 0 for others.
    expected, informed, error : (Σ counts,) of the cells, by rising expectation within a column.
        error is what was there minus what was expected.
    links : (d · d,), r² of each pair of columns, row by row.
    temperature : (d,), 1 for numbers.
    low, high : (d,) ends of what the column held when the model was fitted.
    """

    counts: tuple[int, ...]
    expected: Tensor = field(init=False)
    informed: Tensor = field(init=False)
    error: Tensor = field(init=False)
    links: Tensor = field(init=False)
    temperature: Tensor = field(init=False)
    low: Tensor = field(init=False)
    high: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.counts = tuple(self.counts)
        if any(count < 0 for count in self.counts):
            raise ValueError(f"counts={self.counts!r:.60} must not be negative")
        d, total = len(self.counts), sum(self.counts)
        for name in ("expected", "informed", "error"):
            self.register_buffer(name, torch.zeros(total))
        for name in ("temperature", "low", "high"):
            self.register_buffer(name, torch.ones(d))
        self.register_buffer("links", torch.zeros(d * d))

    @classmethod
    def of(
        cls,
        held: Sequence[Held | None],
        links: Tensor,
        temperature: Tensor,
        low: Tensor,
        high: Tensor,
    ) -> Outcomes:
        """held : of each column; None for what are no numbers. links : (d, d)."""
        made = cls(tuple(0 if one is None else len(one.expected) for one in held))
        ordered = [
            (one.expected[by], one.informed[by], (one.truth - one.expected)[by])
            for one in held
            if one is not None
            for by in [one.expected.argsort()]
        ]
        if ordered:
            made.expected, made.informed, made.error = (
                torch.cat(pieces) for pieces in zip(*ordered, strict=True)
            )
        made.links = links.flatten()
        made.temperature, made.low, made.high = temperature, low, high
        return made

    def number(self, j: int, expected: Tensor, known: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of column j around expectations (n,), (n,); the expectation without any cells.

        known : (n, d) bool, what the expectation was made of.
        """
        count, start = self.counts[j], sum(self.counts[:j])
        if not count:
            return expected
        own = slice(start, start + count)
        links = self.links.view(len(self.counts), -1)
        near = min(count, max(NEAREST, round(SHARE * count)))
        drawn = []
        for e, u in zip(
            expected.split(TOGETHER), informed(links, j, known).split(TOGETHER), strict=True
        ):
            apart = _places(self.expected[own], e, self.expected[own]).square()
            apart = apart + _places(self.informed[own], u, self.informed[own]).square()
            chosen = apart.topk(near, 1, largest=False).indices
            pick = torch.randint(near, (len(e), 1), generator=generator)
            drawn.append(e + self.error[own][chosen.gather(1, pick)[:, 0]])
        return torch.cat(drawn).clamp(self.low[j], self.high[j])

    def typical_error(self, j: int) -> float:
        """Root of the mean squared error of held-out cells of a column of numbers."""
        start = sum(self.counts[:j])
        return float(self.error[start : start + self.counts[j]].square().mean().sqrt())

    def category(self, j: int, shares: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of column j with probabilities (n, k), as codes (n,)."""
        tempered = self.tempered(j, shares)
        return torch.multinomial(tempered, 1, generator=generator)[:, 0].to(shares.dtype)

    def tempered(self, j: int, shares: Tensor) -> Tensor:
        """The probabilities that outcomes bear out, p^(1/T) normalised, (n, k)."""
        return at_temperature(shares, self.temperature[j])


def informed(links: Tensor, j: int, known: Tensor) -> Tensor:
    """u of column j in rows of which so much is known, (n, d) → (n,)."""
    others = links[j].clone()
    others[j] = 0.0
    return 1 - torch.exp(known.to(links.dtype) @ torch.log1p(-others.clamp(max=0.9999)))


def _places(held: Tensor, asked: Tensor, own: Tensor) -> Tensor:
    """Differences (n, m) of places, 0 … 1, among what is held."""
    order = held.sort().values

    def place(x: Tensor) -> Tensor:
        below = torch.searchsorted(order, x.contiguous())
        until = torch.searchsorted(order, x.contiguous(), right=True)
        return (below + until).to(x.dtype) / (2 * len(order))

    return place(asked).unsqueeze(1) - place(own)


def at_temperature(shares: Tensor, temperature: Tensor) -> Tensor:
    """p^(1/T), normalised, (n, k)."""
    return torch.softmax(shares.clamp(min=1e-12).log() / temperature, dim=1)


def best_temperature(shares: Tensor, codes: Tensor) -> Tensor:
    """The temperature at which probabilities (n, k) of what was there, (n,), are largest; ()."""
    if len(codes) < ENOUGH:
        return shares.new_ones(())
    picked = codes.long().unsqueeze(1)
    nats = torch.stack(
        [
            -at_temperature(shares, t).gather(1, picked).clamp(min=1e-12).log().mean()
            for t in TEMPERATURES
        ]
    )
    return TEMPERATURES[nats.argmin()].to(shares.dtype)

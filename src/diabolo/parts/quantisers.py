"""Quantised codes: whole numbers between encoder and decoder.

A row's code is one whole number for each of some *places*, and every number stands for values of
z. The choice has no gradient, so the decoder's is handed to the encoder as it is, straight
through: z = h + sg[q(h) − h], with sg[·] taken for a constant (Bengio, Léonard & Courville 2013).
"""

from __future__ import annotations

import math
from dataclasses import field

import torch
from torch import Tensor, nn

from diabolo.parts.codes import Code, Draw
from diabolo.parts.record import Pass

MEMORY = 0.99  # of the shares that the history's perplexity is of, by step
DEAD = 0.1  # of an even share: an entry that is used less is replaced


class Quantiser(Code, abstract=True):
    """What all kinds share: places, each with so many values, and how often each was used.

    The rate is what naming the values costs while all are equally likely, Σ log(values).
    """

    share: Tensor = field(init=False)  # (places · most values,) running mean of use; 0 at first

    def _count_shares(self) -> None:
        self.register_buffer("share", torch.zeros(self.places * max(self.sizes)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each place has."""
        raise NotImplementedError

    @property
    def places(self) -> int:
        return len(self.sizes)

    def indices(self, h: Tensor) -> Tensor:
        """What the encoder chose, (n, inputs) → (n, places) int64."""
        raise NotImplementedError

    def lookup(self, indices: Tensor) -> Tensor:
        """What the numbers stand for, (n, places) → (n, dim)."""
        raise NotImplementedError

    def mean(self, h: Tensor) -> Tensor:
        return self.lookup(self.indices(h))

    def _priced(self, z: Tensor, aux: dict[str, Tensor]) -> Draw:
        nats = math.fsum(map(math.log, self.sizes))
        return Draw(z, torch.full_like(z[:, 0], nats).detach(), aux)

    def initialise(self, generator: torch.Generator) -> None:
        self.share.zero_()

    def statistics(self, record: Pass, generator: torch.Generator | None) -> dict[str, Tensor]:
        return {"share": self._shares(self.indices(record.h.detach()), MEMORY)}

    def _slots(self, indices: Tensor) -> Tensor:
        """(n, places) → where each choice is counted in `share`, (n · places,)."""
        first = torch.arange(self.places, device=indices.device) * max(self.sizes)
        return (indices + first).flatten()

    def _shares(self, indices: Tensor, memory: float) -> Tensor:
        each = self.share.new_full((indices.numel(),), 1 / len(indices))
        now = torch.zeros_like(self.share).index_add(0, self._slots(indices), each)
        return torch.lerp(now, self.share, memory)

    def measures(self, record: Pass) -> dict[str, Tensor]:
        """Perplexity of the numbers lately used: as many, were they equally frequent; a mean over
        places (van den Oord et al. 2017 report it as the use of the codebook)."""
        share = self.share.view(self.places, -1)
        share = share / share.sum(1, keepdim=True).clamp(min=1e-30)
        return {"perplexity": torch.special.entr(share).sum(1).exp().mean()}


def nearest(h: Tensor, codebook: Tensor) -> Tensor:
    """The nearest entry at every place, (n, places, size), (places, entries, size) → (n, places).

    ‖h − e‖² without ‖h‖²: one product instead of a difference for every pair.
    """
    score = torch.einsum("nps,pks->npk", h, codebook) - 0.5 * codebook.square().sum(2)
    return score.argmax(2)


class GradientVectorQuantiser(Quantiser):
    """h in vectors of `size` numbers, each replaced by the nearest of its place's `entries`.

    van den Oord et al. 2017, "Neural discrete representation learning", eq. 1–3. Terms:
    "codebook", ‖sg[h] − e‖², moves the entries, and "commitment", β ‖h − sg[e]‖² with β
    `commitment`, keeps the encoder near them. The paper's places, positions in an image, share
    one codebook; units of a dense code have meanings of their own, so each place has its own.
    """

    size: int = 1
    entries: int = 256
    commitment: float = 0.25
    codebook: Tensor = field(init=False)  # (places, entries, size)

    def __post_init__(self) -> None:
        if self.size < 1 or self.dim % self.size:
            raise ValueError(f"{self.dim} units do not make whole vectors of {self.size}.")
        if self.entries < 1:
            raise ValueError(f"a codebook of {self.entries} entries holds nothing.")
        self._count_shares()
        self._make(torch.zeros(self.places, self.entries, self.size))

    def _make(self, codebook: Tensor) -> None:
        self.codebook = nn.Parameter(codebook)

    def initialise(self, generator: torch.Generator) -> None:
        self.share.zero_()
        nn.init.normal_(self.codebook, generator=generator)

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.entries,) * (self.dim // self.size)

    def _vectors(self, h: Tensor) -> Tensor:
        return h.unflatten(1, (self.places, self.size))

    def indices(self, h: Tensor) -> Tensor:
        return nearest(self._vectors(h), self.codebook)

    def rounded(self, z: Tensor) -> Tensor:
        return self.mean(z)

    def lookup(self, indices: Tensor) -> Tensor:
        place = torch.arange(self.places, device=indices.device)
        return self.codebook[place, indices].flatten(1)

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        e = self.mean(h)
        return self._priced(h + (e - h).detach(), self._terms(h, e))

    def _terms(self, h: Tensor, e: Tensor) -> dict[str, Tensor]:
        pull = (h.detach() - e).square().sum(1).mean()
        return {"codebook": pull, "commitment": self._commitment(h, e)}

    def _commitment(self, h: Tensor, e: Tensor) -> Tensor:
        return self.commitment * (h - e.detach()).square().sum(1).mean()


class VectorQuantiser(GradientVectorQuantiser):
    """Likewise, but every entry is the moving average of the vectors that chose it.

    N ← γN + (1 − γ) n,  m ← γm + (1 − γ) Σh,  e = m/N, with γ `memory` (van den Oord et al. 2017,
    app. A.1; Razavi, van den Oord & Vinyals 2019). An entry used less than a tenth of an even
    share is put on a random vector of the batch (Dhariwal et al. 2020, "Jukebox", sec. 3.1): at
    the first step, when none was used yet, that puts the codebook on the data.
    """

    memory: float = MEMORY

    def _make(self, codebook: Tensor) -> None:
        self.register_buffer("codebook", codebook)

    def _terms(self, h: Tensor, e: Tensor) -> dict[str, Tensor]:
        return {"commitment": self._commitment(h, e)}

    def statistics(self, record: Pass, generator: torch.Generator | None) -> dict[str, Tensor]:
        h = record.h.detach()
        chosen, vectors = self.indices(h), self._vectors(h)
        share = self._shares(chosen, self.memory).view(self.places, -1)
        codebook = self._averages(chosen, vectors, share)
        dead = share < DEAD / self.entries
        donors = torch.randint(len(h), dead.shape, generator=generator, device=h.device)
        fresh = vectors[donors, torch.arange(self.places, device=h.device)[:, None]]
        return {
            "codebook": torch.where(dead[:, :, None], fresh, codebook),
            "share": share.masked_fill(dead, 1 / self.entries).flatten(),
        }

    def _averages(self, chosen: Tensor, vectors: Tensor, share: Tensor) -> Tensor:
        flat = self.codebook.flatten(0, 1)
        now = torch.zeros_like(flat).index_add(0, self._slots(chosen), vectors.flatten(0, 1))
        moved = torch.lerp(now / len(chosen), self.share[:, None] * flat, self.memory)
        return (moved / share.view(-1, 1).clamp(min=1e-30)).view_as(self.codebook)


class ScalarQuantiser(Quantiser):
    """Every unit is bounded and rounded to one of a few levels: a codebook without vectors.

    levels : of each unit, 2 or more; all combinations together are the codebook.

    f(h) = ½(L − 1)(1 − ε) tanh(h + shift) − offset, with offset ½ where L is even, is rounded and
    divided by ⌊L/2⌋, so that z lies in [−1, 1]. Nothing has to be learned, committed to or kept
    alive. Mentzer et al. 2024, "Finite scalar quantization: VQ-VAE made simple", sec. 3.1 and
    app. A.1 (ε = 10⁻³; the shift puts 0 on 0).
    """

    levels: tuple[int, ...]

    reach: Tensor = field(init=False)  # (dim,) half of each unit's range
    offset: Tensor = field(init=False)  # (dim,)
    radius: Tensor = field(init=False)  # (dim,) ⌊L/2⌋

    def __post_init__(self) -> None:
        self.levels = tuple(self.levels)
        if len(self.levels) != self.dim or min(self.levels, default=0) < 2:
            raise ValueError(
                f"levels={self.levels} must be {self.dim} whole numbers of at least 2, one a unit."
            )
        self._count_shares()
        count = torch.tensor(self.levels, dtype=torch.float32)
        self.register_buffer("reach", (count - 1) * (1 - 1e-3) / 2)
        self.register_buffer("offset", 0.5 * (1 - count % 2))
        self.register_buffer("radius", count.div(2, rounding_mode="floor"))

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.levels

    def bounded(self, h: Tensor) -> Tensor:
        """f(h), whose nearest whole number is the level, counted from the middle; (n, dim)."""
        return torch.tanh(h + torch.tan(self.offset / self.reach)) * self.reach - self.offset

    def indices(self, h: Tensor) -> Tensor:
        return (self.bounded(h).round() + self.radius).long()

    def rounded(self, z: Tensor) -> Tensor:
        highest = torch.tensor(self.levels, device=z.device) - 1
        level = ((z + 1) * self.radius).round()
        return self.lookup(level.clamp_min(0).minimum(highest))

    def lookup(self, indices: Tensor) -> Tensor:
        return (indices - self.radius) / self.radius

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        f = self.bounded(h)
        return self._priced((f + (f.round() - f).detach()) / self.radius, {})

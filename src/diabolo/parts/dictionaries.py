"""Sparse dictionaries: a row is the sum of a few of many atoms.

x ≈ Σ_j z_j a_j + b with ‖a_j‖ = 1, z ≥ 0, and few z_j > 0. The encoder says which, in one pass,
where sparse coding searches anew for every row (Olshausen & Field 1996). Gao et al. 2024,
"Scaling and evaluating sparse autoencoders", sec. 2 and app. A.
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts.codes import Code, Draw
from diabolo.parts.networks import Dense
from diabolo.parts.penalties import Penalty
from diabolo.parts.record import Pass
from diabolo.parts.spec import Part

if TYPE_CHECKING:
    from diabolo.models.autoencoder import AutoencoderModule

MEMORY = 0.95  # of the threshold of a batch-wise selection, by step


class Dictionary(Part):
    """A linear decoder whose columns, the atoms, have length 1; a code's size is then its own.

    It begins as the mirror image of a one-layer encoder, which leaves few units without use
    (Gao et al. 2024, app. A.1).
    """

    inputs: int  # atoms
    outputs: int
    context: int = 0
    weight: nn.Parameter = field(init=False)  # (outputs, inputs)
    bias: nn.Parameter = field(init=False)  # (outputs,)
    context_weight: nn.Parameter = field(init=False)  # (outputs, context)

    def __post_init__(self) -> None:
        self.weight = nn.Parameter(torch.zeros(self.outputs, self.inputs))
        self.bias = nn.Parameter(torch.zeros(self.outputs))
        if self.context:
            self.context_weight = nn.Parameter(torch.zeros(self.outputs, self.context))

    def reflect(self, encoder: nn.Module) -> None:
        """Say which encoder's mirror image the atoms are at first."""
        # past nn.Module's registry: it belongs to the model and is stored once
        object.__setattr__(self, "encoder", encoder)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.weight, generator=generator)
        nn.init.zeros_(self.bias)
        if self.context:
            nn.init.zeros_(self.context_weight)
        encoder: Any = getattr(self, "encoder", None)
        if isinstance(encoder, Dense) and encoder.sizes == (self.outputs, self.inputs):
            self.weight.copy_(encoder.layers[0].weight[:, : self.outputs].T)

    @property
    def atoms(self) -> Tensor:
        """(outputs, inputs), columns of length 1."""
        return F.normalize(self.weight, dim=0)

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, inputs) → (n, outputs)."""
        x = F.linear(z, self.atoms, self.bias)
        if not self.context or context is None:
            return x
        return x + F.linear(context, self.context_weight)


class Selection(Code, abstract=True):
    """z keeps some of the positive units of h."""

    k: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.dim:
            raise ValueError(f"k={self.k} units cannot be kept of {self.dim}.")

    def rounded(self, z: Tensor) -> Tensor:
        return self.mean(z)

    def measures(self, record: Pass) -> dict[str, Tensor]:
        """L0: units that are not 0, mean over rows."""
        return {"L0": (record.z != 0).to(record.z.dtype).sum(1).mean()}


class RowTopK(Selection):
    """z = relu of the k largest units of each row (Gao et al. 2024, eq. 3)."""

    def mean(self, h: Tensor) -> Tensor:
        values, units = h.relu().topk(self.k, dim=1)
        return torch.zeros_like(h).scatter(1, units, values)


class BatchTopK(Selection):
    """z keeps the n·k largest positive units of a batch of n rows: rows share k as they need it.

    A code must not depend on the rows beside it: outside of training a unit is kept above a
    threshold, the running mean of the smallest value that training kept (Bussmann, Leask & Nanda
    2024, "BatchTopK sparse autoencoders", eq. 5–7).
    """

    threshold: Tensor = field(init=False)  # (1,)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.register_buffer("threshold", torch.zeros(1))

    def initialise(self, generator: torch.Generator) -> None:
        self.threshold.zero_()

    def _smallest(self, a: Tensor) -> Tensor:
        """The smallest value kept of a batch, ()."""
        return a.flatten().topk(self.k * len(a)).values[-1]

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        if not self.training:
            return super().forward(h, generator)
        a = h.relu()
        z = a * (a >= self._smallest(a.detach()))
        return Draw(z, z.new_zeros(len(z)))

    def mean(self, h: Tensor) -> Tensor:
        a = h.relu()
        return a * (a >= self.threshold)

    def statistics(self, record: Pass, generator: torch.Generator | None) -> dict[str, Tensor]:
        smallest = self._smallest(record.h.detach().relu())
        return {"threshold": torch.lerp(smallest, self.threshold, MEMORY)}


class JumpReLU(Selection):
    """z = h where h > θ, else 0, with a learned threshold θ > 0 of every unit; k units are in use
    on average, which the term weight · (L0/k − 1)² asks for.

    Neither z nor L0 has a slope by θ; what is differentiated instead estimates, over many rows, the
    slope of their mean: ∂z/∂θ := −θ/ε K((h − θ)/ε), ∂1[h > θ]/∂θ := −1/ε K((h − θ)/ε), with
    K(u) = 1[|u| < ½]. Rajamanoharan et al. 2024, "Jumping ahead: improving reconstruction fidelity
    with JumpReLU sparse autoencoders", eq. 6, 11 and 12; a target for L0 instead of a price in
    app. B.

    weight : of the term, in nats.
    width : ε.
    start : θ at first.
    """

    weight: float = 1.0
    width: float = 0.1
    start: float = 0.1
    log_threshold: nn.Parameter = field(init=False)  # (dim,)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log_threshold = nn.Parameter(torch.full((self.dim,), math.log(self.start)))

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.constant_(self.log_threshold, math.log(self.start))

    def forward(self, h: Tensor, generator: torch.Generator | None) -> Draw:
        theta = self.log_threshold.exp()
        on = (h > theta).to(h.dtype)
        near = ((h - theta).detach().abs() < self.width / 2).to(h.dtype) / self.width
        nothing = theta - theta.detach()  # is 0, and has θ's slope
        z = h * on - nothing * (theta.detach() * near)
        l0 = (on - nothing * near).sum(1).mean()
        sparsity = self.weight * (l0 / self.k - 1) ** 2
        return Draw(z, z.new_zeros(len(z)), {"sparsity": sparsity})

    def mean(self, h: Tensor) -> Tensor:
        return h * (h > self.log_threshold.exp())


class Revival(Penalty):
    """Units without use explain what the others leave: ½ ‖(x − x̂) − Σ_j z_j a_j‖², mean over rows.

    The sum is over the `k` largest units among those that were 0 in the last `patience` rows; 0
    where there are none. No gradient reaches x̂. Gao et al. 2024, app. A.2 (their weight is 1/32).
    The history also has "dead", the share of such units, and "explained_variance" of the rows.
    """

    term: ClassVar[str] = "revival"
    units: int = 1
    k: int = 1
    patience: int = 1000
    idle: Tensor = field(init=False)  # (units,) rows since a unit was last used

    def __post_init__(self) -> None:
        self.register_buffer("idle", torch.zeros(self.units))

    def initialise(self, generator: torch.Generator) -> None:
        self.idle.zero_()

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        dead = self._dead(record.h.dtype)
        values, units = (record.h.relu() * dead).topk(min(self.k, self.units), dim=1)
        z = torch.zeros_like(record.h).scatter(1, units, values)
        nothing = torch.zeros_like(z)
        said, silent = (model.decoder(*_inputs(code, record)) for code in (z, nothing))
        left = record.x - model.likelihood.mean(record.out).detach()
        return 0.5 * (left - (said - silent)).square().sum(1).mean() * dead.amax()

    def _dead(self, dtype: torch.dtype) -> Tensor:
        return (self.idle >= self.patience).to(dtype)

    def statistics(self, record: Pass) -> dict[str, Tensor]:
        used = (record.z.detach() != 0).any(0)
        return {"idle": torch.where(used, torch.zeros_like(self.idle), self.idle + len(record.z))}

    def measures(self, record: Pass, model: AutoencoderModule) -> dict[str, Tensor]:
        left = record.x - model.likelihood.mean(record.out).detach()
        spread = (record.x - record.x.mean(0)).square().sum().clamp(min=1e-30)
        explained = (1 - left.square().sum() / spread).clamp(min=-1)  # of one row: no spread
        return {"dead": self._dead(record.x.dtype).mean(), "explained_variance": explained}


def _inputs(z: Tensor, record: Pass) -> tuple[Tensor, ...]:
    return (z,) if record.context is None else (z, record.context)

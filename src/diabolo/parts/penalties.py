"""Penalties: extra terms of the loss, each with a name, a weight, its paper and a check.

A penalty reads the record of a forward pass, and the model where it needs more than that.
Statistics that it keeps over time are returned by `statistics`, never written while the loss
is computed: the engine stores them after the step.
"""

from __future__ import annotations

import math
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from diabolo.parts.aggregated import SAMPLINGS, Aggregated, aggregated
from diabolo.parts.codes import Deterministic
from diabolo.parts.discrepancies import InverseMultiquadratic, Kernel, mmd
from diabolo.parts.jacobians import pushed_forward
from diabolo.parts.likelihoods import Gaussian
from diabolo.parts.networks import Dense
from diabolo.parts.record import Pass
from diabolo.parts.spec import Part, among

if TYPE_CHECKING:
    from diabolo.models.autoencoder import AutoencoderModule


class Penalty(Part, abstract=True):
    """What all kinds share: a weight, and the name of the term in the history."""

    term: ClassVar[str]
    weight: float = 1.0

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        """The unweighted penalty, ()."""
        raise NotImplementedError

    def statistics(self, record: Pass) -> dict[str, Tensor]:
        """New values of this part's buffers after the step, by name."""
        return {}

    def measures(self, record: Pass, model: AutoencoderModule) -> dict[str, Tensor]:
        """What the history shows besides, by name, each (); nothing of the loss."""
        return {}


def kl_sparsity(mean_activation: Tensor, target: float) -> Tensor:
    """Σ_j KL(ρ ‖ ρ̂_j): how far the units' mean activations are from the target.

    mean_activation : (d,) in (0, 1), ρ̂_j.
    target : ρ in (0, 1).
    returns () in nats; 0 when every unit is active a fraction ρ of the time.

    Ng 2011, "Sparse autoencoder" (CS294A lecture notes), sec. 3.
    """
    # float32 has no number between 1 − 6e-8 and 1: at 1 the logarithm would be −∞. Nothing is cut
    # off before that, or units that died would never be called back
    active = mean_activation.clamp(1e-30, 1 - 6e-8)
    on = target * (math.log(target) - torch.log(active))
    off = (1 - target) * (math.log1p(-target) - torch.log1p(-active))
    return (on + off).sum()


class KLSparsity(Penalty):
    """Units in (0, 1) that are active a fraction `target` of the time, on average over rows.

    memory : share of the running mean in ρ̂, in [0, 1). With batches under about a hundred rows
        the batch mean alone is too noisy; its gradient is always the batch's.
    """

    term: ClassVar[str] = "sparsity"
    units: int = 1
    target: float = 0.05
    memory: float = 0.0
    running: Tensor = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.target < 1:
            raise ValueError(f"target={self.target} is no mean activation between 0 and 1.")
        self.register_buffer("running", torch.full((self.units,), float(self.target)))

    def initialise(self, generator: torch.Generator) -> None:
        self.running.fill_(float(self.target))

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        batch = record.z.mean(0)
        if not self.memory:
            return kl_sparsity(batch, self.target)
        # the value is the running mean's, the gradient is the batch's, undiminished
        remembered = self.statistics(record)["running"]
        return kl_sparsity(remembered + batch - batch.detach(), self.target)

    def statistics(self, record: Pass) -> dict[str, Tensor]:
        if not self.memory:
            return {}
        return {"running": torch.lerp(record.z.detach().mean(0), self.running, self.memory)}


class L1(Penalty):
    """Σ_j |z_j|, mean over rows: sparse codes without a target (Olshausen & Field 1996)."""

    term: ClassVar[str] = "l1"

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        return record.z.abs().sum(1).mean()


class Contractive(Penalty):
    """‖∂z/∂x‖²_F, mean over rows: codes that stay put when the input moves a little.

    Rifai et al. 2011, "Contractive auto-encoders", eq. 5 and 7. For dense encoders the Jacobian
    is a product of layers, evaluated from the code side; the first layer enters through its Gram
    matrix, ‖A W₁‖² = tr(A W₁W₁ᵀ Aᵀ), so that nothing of the input's width is ever formed.

    probes : 0 for the exact value; otherwise an unbiased estimate from so many orthogonal
        directions in code space, k/p · Σ ‖vᵢᵀ J‖², redrawn at every step. As many probes as code
        units are exact. `cheapest_probes` chooses.
    """

    term: ClassVar[str] = "contraction"
    probes: int = 0

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        encoder, code = model.encoder, model.code
        if not isinstance(encoder, Dense) or not isinstance(code, Deterministic):
            return self._by_autograd(record, model, generator)
        weights, slopes, h = encoder.jacobian_chain(record.x_in, record.context)
        code_slope = code.slope(h)
        if len(weights) == 1 and not self.probes:
            return _one_layer(code_slope, weights[0]).mean()
        rows = self._directions(code_slope, generator)
        return _squared_norm_through(rows, weights, slopes).mean() * self._scale(code_slope)

    def _scale(self, code_slope: Tensor) -> float:
        return max(1.0, code_slope.shape[1] / self.probes) if self.probes else 1.0

    def _directions(self, code_slope: Tensor, generator: torch.Generator | None) -> Tensor:
        """Left-hand vectors times the code's own slope, (n, probes or k, k)."""
        k = code_slope.shape[1]
        if not self.probes:
            return torch.diag_embed(code_slope)
        random = code_slope.new_empty(k, self.probes)
        directions, _ = torch.linalg.qr(random.normal_(generator=generator))
        return directions.T.unsqueeze(0) * code_slope.unsqueeze(1)

    def _by_autograd(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        """For whatever is not a chain of dense layers: vector–Jacobian products."""
        with torch.enable_grad():
            x = record.x_in.detach().requires_grad_()
            z = model.encode(x, record.context)
            directions = self._directions(torch.ones_like(z), generator)
            total = x.new_zeros(())
            for direction in directions.unbind(1):
                (row,) = torch.autograd.grad((z * direction).sum(), x, create_graph=True)
                total = total + (row * row).sum(1).mean()
        return total * self._scale(z)


def _one_layer(code_slope: Tensor, weight: Tensor) -> Tensor:
    """Σ_j f′_j² Σ_i W_ji², (n,): Rifai 2011, eq. 7, with the rows' norms taken once."""
    return (code_slope * code_slope) @ (weight * weight).sum(1)


def _squared_norm_through(rows: Tensor, weights: list[Tensor], slopes: list[Tensor]) -> Tensor:
    """‖rows · W_L diag(s) … W_1‖²_F of every example, (n,); rows: (n, p, k)."""
    for weight, slope in zip(weights[:0:-1], slopes[::-1], strict=True):
        rows = (rows @ weight) * slope.unsqueeze(1)
    first = weights[0]
    if first.shape[0] > first.shape[1]:
        product = rows @ first
        return (product * product).sum((1, 2))
    return ((rows @ (first @ first.T)) * rows).sum((1, 2))


def cheapest_probes(sizes: tuple[int, ...], budget: float = 4.0) -> int:
    """0 (exact) while the exact penalty costs at most `budget` forward passes, else the number
    of probes that fit the budget, at least one.

    sizes : levels of a dense encoder, input first, code last. Counted in multiplications a row.
    """
    if len(sizes) == 2:
        return 0
    forward = sum(a * b for a, b in pairwise(sizes))
    first = min(sizes[0], sizes[1]) * sizes[1]
    per_direction = first + sum(a * b for a, b in pairwise(sizes[1:]))
    affordable = int(budget * forward / per_direction)
    return 0 if affordable >= sizes[-1] else max(1, affordable)


class WeightDecay(Penalty):
    """½ Σ W² over all weight matrices (biases and scales are left alone)."""

    term: ClassVar[str] = "weight_decay"

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        matrices = [p for p in model.parameters() if p.ndim > 1]
        return 0.5 * torch.stack([(w * w).sum() for w in matrices]).sum()


class TotalCorrelation(Penalty):
    """KL(q(z) ‖ Π_j q(z_j)) in nats: how far the units of a Gaussian code are from independent.

    q(z) is the mean posterior over the training rows, estimated from the batch (see
    `diabolo.parts.aggregated`). Chen et al. 2018, "Isolating sources of disentanglement in
    variational autoencoders".

    rows : of the training set.
    """

    term: ClassVar[str] = "total_correlation"
    rows: int = 1
    sampling: str = among(SAMPLINGS, default="stratified")

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        return self._aggregated(record, model).total_correlation

    def measures(self, record: Pass, model: AutoencoderModule) -> dict[str, Tensor]:
        with torch.no_grad():
            return {"mutual_information": self._aggregated(record, model).mutual_information}

    def _aggregated(self, record: Pass, model: AutoencoderModule) -> Aggregated:
        code: Any = model.code
        mu, logvar = code.posterior(record.h)
        return aggregated(record.z, mu, logvar, self.rows, self.sampling)


class Discrepancy(Penalty):
    """MMD² between the codes of the batch and as many draws of their prior, in the kernel's units.

    Unlike the rate it looks at all codes together and leaves a single one free. Tolstikhin et al.
    2018, "Wasserstein auto-encoders", algorithm 2; Zhao, Song & Ermon 2019, "InfoVAE", eq. 7.
    """

    term: ClassVar[str] = "mmd"
    kernel: Kernel = field(default_factory=InverseMultiquadratic)

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        code: Any = model.code
        z = record.z
        draws = code.prior.sample(len(z), generator).to(z)
        return mmd(z, draws, self.kernel, unbiased=len(z) > 1)


class Isometry(Penalty):
    """‖JᵀJ − I‖²_F, mean over rows, with J = ∂E[x|z]/∂z the decoder's Jacobian at the rows' codes.

    Where it is 0, a step in the code is as long as the step in the rows that it stands for: codes
    are a map of the rows' manifold on which lengths and angles can be read off. Only the decoder
    feels it. Gropp, Atzmon & Lipman 2020, "Isometric autoencoders", sec. 3.

    probes : 0 for the exact value; otherwise ‖Vᵀ(JᵀJ − I)V‖² for so many orthogonal directions V
        in code space, redrawn at every step. As many probes as code units are exact.
    """

    term: ClassVar[str] = "isometry"
    probes: int = 0

    def forward(
        self, record: Pass, model: AutoencoderModule, generator: torch.Generator | None
    ) -> Tensor:
        z = record.z.detach()
        some = 0 < self.probes < z.shape[1]
        pushed = _pushed(z, record, model, self._directions(z, generator) if some else None)
        gram = pushed.transpose(1, 2) @ pushed
        excess = gram - torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
        return (excess * excess).sum((1, 2)).mean()

    def _directions(self, z: Tensor, generator: torch.Generator | None) -> Tensor:
        """(k, probes), orthonormal."""
        random = z.new_empty(z.shape[1], self.probes)
        return torch.linalg.qr(random.normal_(generator=generator))[0]


def _pushed(z: Tensor, record: Pass, model: AutoencoderModule, directions: Tensor | None) -> Tensor:
    """J V of every row, (n, d, p); layer by layer where the decoder is a chain of them."""
    decoder, likelihood = model.decoder, model.likelihood
    says_means = isinstance(likelihood, Gaussian) and likelihood.says_means
    if not (isinstance(decoder, Dense) and says_means):
        with torch.enable_grad():
            z.requires_grad_()
            return pushed_forward(lambda z: model.decode(z, record.context), z, directions)
    weights, slopes, _ = decoder.jacobian_chain(z, record.context)
    first = weights[0] if directions is None else weights[0] @ directions
    pushed = first.expand(len(z), *first.shape)
    for weight, slope in zip(weights[1:], slopes, strict=True):
        pushed = weight @ (slope.unsqueeze(2) * pushed)
    return pushed

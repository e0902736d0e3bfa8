"""How far two sets of rows are from one distribution, by a kernel: the maximum mean discrepancy.

For X, X′ ~ p and Y, Y′ ~ q, all independent,

    MMD²(p, q) = E[k(X, X′)] + E[k(Y, Y′)] − 2 E[k(X, Y)]

is the squared distance of two means in the kernel's space; 0 if and only if p = q for the kernels
here. Gretton et al. 2012, "A kernel two-sample test", eq. 2. With k(x, y) = −‖x − y‖ it is the
energy distance (Székely & Rizzo 2013, eq. 5), which needs no scale.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diabolo.parts.spec import Part


class Kernel(Part, abstract=True):
    """k(x, y) as a function of the squared distance ‖x − y‖²."""

    def forward(self, squared: Tensor) -> Tensor:
        """Elementwise; the shape stays."""
        raise NotImplementedError


class _Mixture(Kernel, abstract=True):
    """Mean of one kernel at several scales, where no single one fits all distances."""

    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        self.scales = tuple(map(float, self.scales))
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales={self.scales} of a kernel must be positive, one at least.")

    def forward(self, squared: Tensor) -> Tensor:
        """Elementwise; the shape stays."""
        total = torch.zeros_like(squared)
        for scale in self.scales:
            total = total + self._at(squared, scale)
        return total / len(self.scales)

    def _at(self, squared: Tensor, scale: float) -> Tensor:
        raise NotImplementedError


class GaussianKernel(_Mixture):
    """k = exp(−‖x − y‖² / 2s²), mean over the scales s."""

    def _at(self, squared: Tensor, scale: float) -> Tensor:
        return torch.exp(squared / (-2 * scale * scale))


class InverseMultiquadratic(_Mixture):
    """k = C / (C + ‖x − y‖²), mean over the scales C.

    Heavier tails than a Gaussian's, so codes far from the prior are still pulled to it. Tolstikhin
    et al. 2018, "Wasserstein auto-encoders", sec. 4: C = 2 d σ² for d units of variance σ².
    """

    def _at(self, squared: Tensor, scale: float) -> Tensor:
        return scale / (scale + squared)


class NegativeDistance(Kernel):
    """k = −‖x − y‖, whose discrepancy is the energy distance."""

    def forward(self, squared: Tensor) -> Tensor:
        """Elementwise; the shape stays."""
        return -squared.clamp_min(1e-12).sqrt()  # a root's slope at 0 would be infinite


WIDTHS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of Tolstikhin et al., relative to 2 d σ²


def for_normal(dim: int, variance: float = 1.0) -> InverseMultiquadratic:
    """The mixture for codes whose prior is N(0, variance · I) in `dim` units."""
    return InverseMultiquadratic(tuple(2 * dim * variance * width for width in WIDTHS))


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """‖xᵢ − yⱼ‖², (n, d) and (m, d) → (n, m)."""
    # about a common point: ‖x‖² + ‖y‖² − 2xy loses its digits where rows are far from 0
    middle = y.detach().mean(0)
    x, y = x - middle, y - middle
    squared = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return squared.clamp_min(0)


def mmd(x: Tensor, y: Tensor, kernel: Kernel, *, unbiased: bool = True) -> Tensor:
    """Estimate of MMD², (n, d) and (m, d) → (), differentiable.

    unbiased : without the pairs of a row and itself (Gretton et al. 2012, eq. 3): may be negative,
        needs two rows of each. Otherwise with them (eq. 5): never negative, too large by O(1/n).
    raises ValueError for rows of two widths, or too few.
    """
    _require_comparable(x, y, fewest=2 if unbiased else 1)
    within = _mean_within if unbiased else _mean
    between = _mean(kernel(squared_distances(x, y)))
    return (
        within(kernel(squared_distances(x, x)))
        + within(kernel(squared_distances(y, y)))
        - 2 * between
    )


def chance(rows: Tensor, kernel: Kernel, n: int, m: int) -> Tensor:
    """Standard deviation, (), of the unbiased estimate for n and m rows of the law of `rows`.

    √2 (1/n + 1/m) ‖k̃‖, with ‖k̃‖² = E[k̃(X, X′)²] of the kernel centred in both arguments: what
    differs by a few of these from 0 may be 0 (Gretton et al. 2012, theorem 12).
    """
    values = kernel(squared_distances(rows, rows))
    centred = values - values.mean(0) - values.mean(1)[:, None] + values.mean()
    pairs = len(rows) * (len(rows) - 1)
    norm = ((centred.square().sum() - centred.diagonal().square().sum()) / max(1, pairs)).sqrt()
    return math.sqrt(2) * (1 / n + 1 / m) * norm


def _mean(values: Tensor) -> Tensor:
    return values.mean()


def _mean_within(values: Tensor) -> Tensor:
    """Mean over pairs of two different rows."""
    n = len(values)
    return (values.sum() - values.diagonal().sum()) / (n * (n - 1))


def _require_comparable(x: Tensor, y: Tensor, fewest: int) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            f"rows of shapes {tuple(x.shape)} and {tuple(y.shape)} cannot be compared: both must "
            "be (rows, features) with as many features."
        )
    if min(len(x), len(y)) < fewest:
        raise ValueError(
            f"the discrepancy needs at least {fewest} rows of each kind, got {len(x)} and {len(y)}."
        )

"""The aggregated posterior q(z) = 1/N Σ_x q(z|x), estimated from one batch of Gaussian codes.

What a code costs on average is made of three things (Chen et al. 2018, eq. 2):

    E KL(q(z|x) ‖ p(z)) = I(x; z) + KL(q(z) ‖ Π_j q(z_j)) + Σ_j KL(q(z_j) ‖ p(z_j))

what the code says about the row, the total correlation of its units, and how far each unit alone
is from its prior.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from diabolo.parts.priors import LOG_2PI

SAMPLINGS = ("stratified", "weighted")


class Aggregated(NamedTuple):
    """Log-densities of the codes of a batch, in nats."""

    conditional: Tensor  # (n,)    log q(z|x) of the row's own posterior
    joint: Tensor  # (n,)          log q(z)
    marginals: Tensor  # (n, dim)  log q(z_j)

    @property
    def mutual_information(self) -> Tensor:
        """I(x; z), ()."""
        return (self.conditional - self.joint).mean()

    @property
    def total_correlation(self) -> Tensor:
        """KL(q(z) ‖ Π_j q(z_j)), (); 0 when the units are independent."""
        return (self.joint - self.marginals.sum(1)).mean()


def aggregated(
    z: Tensor, mu: Tensor, logvar: Tensor, rows: int, sampling: str = "stratified"
) -> Aggregated:
    """Densities of z, each drawn from its row's N(μ, diag σ²); all (n, dim).

    rows : N, of the whole training set.
    sampling : "stratified" counts the row itself 1/N and the others of the batch for all the rest;
        an unbiased q(z), and exact where the batch is the whole set (after Chen et al. 2018,
        appendix C.2, with the weight of the others spread evenly). "weighted" is their eq. 5: 1/nN
        for every row, a lower bound of log q(z).
    """
    # (n, n, dim): log q(z_j of row i | row k)
    error = z[:, None] - mu
    table = -0.5 * (error * error * torch.exp(-logvar) + logvar + LOG_2PI)
    weight = _log_weights(z, rows, sampling)
    return Aggregated(
        table.diagonal().sum(0),
        torch.logsumexp(table.sum(2) + weight, 1),
        torch.logsumexp(table + weight[:, :, None], 1),
    )


def _log_weights(z: Tensor, rows: int, sampling: str) -> Tensor:
    """What each row of the batch counts for each other's q(z), (n, n)."""
    n = len(z)
    rows = max(rows, n)  # a set held against the model may be smaller than its batch says
    if sampling == "weighted" or n == 1:
        return z.new_full((n, n), -math.log(n * rows))
    others = z.new_full((n, n), math.log((1 - 1 / rows) / (n - 1)) if rows > 1 else 0.0)
    return others.fill_diagonal_(-math.log(rows))

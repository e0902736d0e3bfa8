"""How many nats a row costs, code and residual together: one figure for all autoencoders.

A sender who has the decoder, a prior for codes and a law for residuals can tell a row x in

    L(x) = KL(q(z|x) ‖ p(z))  +  E_q[−log p(x|z)]          nats: rate + distortion

by bits-back (Hinton & van Camp 1993; Townsend, Bird & Barber 2019): the code is sent only as
exactly as it pays. Every family is judged by the same words, whatever it was trained with: p(z) is
a Gaussian (or a mixture) fitted to codes, q(z|x) a Gaussian around the code of the row, whose
widths are chosen to make L smallest; numbers have a Gaussian residual with a learned width for
each column, at the resolution of the data; a 0 or 1, or a category, costs its own −log p. What is
fitted is fitted to the rows that were learned from; what counts is L on others.

L is an upper bound of −log p(x) of the model made so, and equals it where the decoder is linear and
its columns are orthogonal (probabilistic PCA, Tipping & Bishop 1999).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from diabolo.data.columns import Columns
from diabolo.models.autoencoder import Example, call
from diabolo.parts.likelihoods import Mixed

STEPS, LR = 80, 0.1  # of Adam on the widths; more changed nothing in the third digit
DRAWS = 4  # codes a row on which it is judged
FINE = 0.01  # resolution of numbers that are not whole, in standard deviations or ranges
SURE = 1e-3  # the least that is thought possible of a 0 or 1
FLAT = 1e-8  # of the code's largest variance: directions without any are left out
ROWS = 1000  # fitted to, at most


class DescriptionLength(NamedTuple):
    """Means over rows in nats, and `each` row's total, (n,)."""

    rate: float
    distortion: float
    each: np.ndarray

    @property
    def total(self) -> float:
        return self.rate + self.distortion

    @property
    def standard_error(self) -> float:
        return float(self.each.std() / math.sqrt(len(self.each)))


def description_length(
    module: Any, columns: Columns, learned: Example, judged: Example, clusters: int = 1
) -> DescriptionLength:
    """Nats a row of `judged`, by widths, prior and residuals fitted to `learned`; scaled rows.

    clusters : components of the prior; more reward codes that fall into groups.
    """
    learned = _first(learned, ROWS)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        space = _Space.of(module.encode(learned.x, learned.context), clusters)
        codes = [space.whitened(module.encode(e.x, e.context)) for e in (learned, judged)]
    law = _Law(module, columns, learned, space)
    widths = torch.full((codes[0].shape[1],), math.log(0.3), requires_grad=True)
    own = [widths] if law.is_binary else [widths, law.log_scale]
    moments = [(torch.zeros_like(one), torch.zeros_like(one)) for one in own]
    for step in range(1, STEPS + 1):
        rate, distortion = _terms(codes[0], widths, learned, law, space, noise)
        slopes = torch.autograd.grad((rate + distortion).mean(), own)
        with torch.no_grad():
            for value, slope, (first, second) in zip(own, slopes, moments, strict=True):
                _descend(value, slope, first, second, step)
    with torch.no_grad():
        draws = [_terms(codes[1], widths, judged, law, space, noise) for _ in range(DRAWS)]
    rate, distortion = (torch.stack(each).mean(0) for each in zip(*draws, strict=True))
    return DescriptionLength(
        float(rate.mean()), float(distortion.mean()), (rate + distortion).double().numpy()
    )


def _descend(value: Tensor, slope: Tensor, first: Tensor, second: Tensor, step: int) -> None:
    """One step of Adam; torch.optim takes seconds to import."""
    first.lerp_(slope, 0.1)
    second.lerp_(slope.square(), 0.001)
    size = first / (1 - 0.9**step) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
    value -= LR * size


def _first(rows: Example, most: int) -> Example:
    step = -(-len(rows.x) // most)
    return Example(rows.x[::step], None if rows.context is None else rows.context[::step])


def _terms(
    codes: Tensor, widths: Tensor, rows: Example, law: _Law, space: _Space, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Rate and distortion of every row, each (n,), with one draw of its code."""
    drawn = torch.empty_like(codes).normal_(generator=noise)
    u = codes + widths.exp() * drawn
    # E log q is known; log p only by the draw, where it is no standard normal
    entropy = (widths + 0.5 * (1 + math.log(2 * math.pi))).sum()
    if space.weights is None:
        second = (codes.square() + (2 * widths).exp()).sum(1)
        log_p = -0.5 * (second + codes.shape[1] * math.log(2 * math.pi))
    else:
        log_p = space.log_prob(u)
    return -log_p - entropy, law.nats(rows, space.back(u))


class _Space(NamedTuple):
    """Codes brought to mean 0 and covariance I, (n, r), and the prior there."""

    mean: Tensor  # (dim,)
    out: Tensor  # (dim, r): whitened = (z − mean) out
    into: Tensor  # (r, dim): z = mean + whitened into
    weights: Tensor | None = None  # (k,) of a mixture; None: standard normal
    means: Tensor | None = None  # (k, r)
    factors: Tensor | None = None  # (k, r, r) of the precisions

    @classmethod
    def of(cls, codes: Tensor, clusters: int) -> _Space:
        mean = codes.mean(0)
        covariance = torch.cov(codes.T.double()).reshape(codes.shape[1], -1)
        values, vectors = torch.linalg.eigh(covariance)
        moves = values > FLAT * values.max().clamp(min=1e-30)
        spread = values[moves].sqrt()
        out = (vectors[:, moves] / spread).float()
        into = (vectors[:, moves] * spread).T.float()
        space = cls(mean, out, into)
        if clusters == 1 or not len(spread):
            return space
        from sklearn.mixture import GaussianMixture

        count = min(clusters, len(codes) // 10)
        mixture = GaussianMixture(count, reg_covar=1e-2, random_state=0)
        mixture.fit(space.whitened(codes).double().numpy())
        tensors = (mixture.weights_, mixture.means_, mixture.precisions_cholesky_)
        return cls(mean, out, into, *(torch.from_numpy(t).float() for t in tensors))

    def whitened(self, codes: Tensor) -> Tensor:
        return (codes - self.mean) @ self.out

    def back(self, u: Tensor) -> Tensor:
        return self.mean + u @ self.into

    def log_prob(self, u: Tensor) -> Tensor:
        """Of the mixture, (n,)."""
        assert self.weights is not None
        assert self.means is not None
        assert self.factors is not None
        apart = torch.einsum("nkr,krs->nks", u[:, None] - self.means, self.factors)
        size = self.factors.diagonal(dim1=1, dim2=2).log().sum(1)
        each = -0.5 * (apart.square().sum(2) + u.shape[1] * math.log(2 * math.pi)) + size
        return torch.logsumexp(each + self.weights.log(), 1)


class _Law:
    """What a cell costs, given the code: the same for models of all likelihoods."""

    def __init__(self, module: Any, columns: Columns, learned: Example, space: _Space) -> None:
        self.module, self.is_binary = module, columns.kind == "binary"
        self.step = torch.from_numpy(resolution(columns)).float()
        self.coded = torch.from_numpy(columns.coded)
        with torch.no_grad():
            error = (learned.x - module.reconstruct(learned.x, learned.context)).square()
            spread = error.nanmean(0).sqrt().nan_to_num(1.0)
        self.log_scale = torch.maximum(spread, self.step).log().requires_grad_()

    def nats(self, rows: Example, z: Tensor) -> Tensor:
        """−log p(x|z) at the resolution of the data, (n,)."""
        out = call(self.module.decoder, z, rows.context)
        likelihood = self.module.likelihood
        mean, missing = likelihood.mean(out), rows.x.isnan()
        x = rows.x.masked_fill(missing, 0.0)
        if self.is_binary:
            p = mean.clamp(SURE, 1 - SURE)
            return -(x * p.log() + (1 - x) * (1 - p).log()).sum(1)
        # no residual is told more exactly than the data are
        scale = self.log_scale.exp() + self.step / math.sqrt(12)
        error = (x - mean) / scale
        nats = 0.5 * (error.square() + math.log(2 * math.pi)) + (scale / self.step).log()
        if isinstance(likelihood, Mixed):
            nats = torch.where(self.coded, -likelihood.log_prob(rows.x, out), nats)
        return nats.masked_fill(missing, 0.0).sum(1)


def resolution(columns: Columns) -> np.ndarray:
    """The step between neighbouring values of every column, scaled, (d,)."""
    whole = columns.whole_numbers if columns.schema is None else np.zeros(columns.n_features, bool)
    steps = np.where(whole, 1 / np.abs(columns.scale), FINE)
    return np.maximum(steps, 1e-6)

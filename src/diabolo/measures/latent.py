"""What a latent space holds: its price by unit, the bound by its terms, codes against the prior.

    −ELBO = E[−log p(x|z)] + E[log q(z|x) − log p(z)]           reconstruction + rate
    rate  = E[log q(z|x) − log q(z)] + KL(q(z) ‖ p(z))          information + gap

with q(z) the mean posterior over rows, the codes that the decoder really sees (Hoffman & Johnson
2016, "ELBO surgery"). Where the gap is wide, samples from the prior fall between the codes. All in
nats per row. Log-likelihoods are in `diabolo.models.bounds`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from diabolo.doctor.units import active_units
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.sampling import codes_of, draw, prior_of
from diabolo.estimators.seeds import Seeds
from diabolo.measures.features import Embedding
from diabolo.measures.samples import TwoSampleTest, two_sample_test
from diabolo.models.autoencoder import call
from diabolo.parts.densities import MeanPosterior
from diabolo.parts.discrepancies import for_normal, mmd
from diabolo.parts.priors import StandardNormal

PIECE = 1024  # codes whose density is computed at once
MOST = 5000  # rows whose posteriors stand for q(z)


class UnitPrices(NamedTuple):
    """KL(q(z_j|x) ‖ N(0, 1)) of every unit, mean over rows, and how many units are in use."""

    nats: np.ndarray  # (units,)
    active: int  # by Burda et al. 2016, sec. 5.1
    n_rows: int


class Evidence(NamedTuple):
    """The evidence lower bound by terms; β and warm-up of the training have no part in it.

    information, gap : of the rate, see above; NaN for codes whose posterior is no Gaussian with
        one level. The information cannot exceed log(n_posteriors).
    """

    elbo: float
    standard_error: float  # of the mean over rows
    reconstruction: float
    rate: float
    information: float
    gap: float
    n_rows: int
    n_draws: int
    n_posteriors: int


class PriorGap(NamedTuple):
    """Codes of rows against draws from the prior: squared MMD and a classifier's accuracy."""

    mmd: float  # unbiased, 0 where they are alike
    standard_error: float  # over blocks
    two_sample: TwoSampleTest
    prior: str
    kernel: str
    n_rows: int
    blocks: int


def unit_prices(model: Estimator, X: Any, *, context: Any = None) -> UnitPrices:
    """What every unit of a Gaussian code costs on rows X, where the prior is N(0, I)."""
    mu, logvar = _posteriors(model, X, context)
    prior = getattr(model.module_.code, "prior", None)
    if not isinstance(prior, StandardNormal):
        raise ValueError(
            f"a prior of kind {type(prior).__name__} has no price by unit: its units depend on "
            "each other. See `evidence` for the whole rate."
        )
    nats = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).mean(0, dtype=torch.float64)
    return UnitPrices(nats.numpy(), active_units(mu.numpy()), len(mu))


def evidence(
    model: Estimator, X: Any, *, n_draws: int = 1, random_state: Any = None, context: Any = None
) -> Evidence:
    """The bound on log p(x) of rows X by its terms, with draws of every row's code."""
    check_is_fitted(model)
    _require_posterior(model)
    if n_draws < 1:
        raise ValueError(f"n_draws={n_draws!r} must be at least 1.")
    module: Any = model.module_
    generator = Seeds.of(random_state).generator("evidence", model.device_)

    def terms(x: Tensor, side: Tensor | None) -> Tensor:
        x = module.augmentation(x, generator)
        z, rate = module.code(call(module.encoder, x, side), generator)[:2]
        log_px = module.likelihood.log_prob(x, call(module.decoder, z, side)).sum(1)
        return torch.stack([-log_px, rate], 1)

    draws = [model._rows_through(terms, X, context, 2).astype(np.float64) for _ in range(n_draws)]
    by_row = np.mean(draws, 0)
    bounds = -by_row.sum(1)
    spread = bounds.std(ddof=1) if len(bounds) > 1 else math.nan
    reconstruction, rate = by_row.mean(0)
    information, count = _information(model, X, context, generator)
    return Evidence(
        float(bounds.mean()),
        float(spread / math.sqrt(len(bounds))),
        float(reconstruction),
        float(rate),
        information,
        float(rate) - information,
        len(bounds),
        n_draws,
        count,
    )


def _information(
    model: Estimator, X: Any, context: Any, generator: torch.Generator
) -> tuple[float, int]:
    """E[log q(z|x) − log q(z)] by a draw of each posterior, and how many there were."""
    if not hasattr(model.module_.code, "posterior") or hasattr(model.module_.code, "above"):
        return math.nan, 0
    mu, logvar = _posteriors(model, X, context)
    step = -(-len(mu) // MOST)
    mu, logvar = mu[::step], logvar[::step]
    n, dim = mu.shape
    mean = MeanPosterior(dim, n)
    mean.means.copy_(mu)
    mean.logvars.copy_(logvar)
    noise = torch.empty(n, dim, device=generator.device).normal_(generator=generator).cpu()
    z = mu + torch.exp(0.5 * logvar) * noise
    own = -0.5 * (noise * noise + logvar + math.log(2 * math.pi)).sum(1)
    whole = torch.cat([mean.log_prob(rows) for rows in z.split(PIECE)])
    return float((own - whole).mean(dtype=torch.float64)), n


def prior_gap(
    model: Estimator,
    X: Any,
    *,
    prior: Any = None,
    blocks: int = 10,
    random_state: Any = 0,
    context: Any = None,
) -> PriorGap:
    """How far codes of rows X are from what `model.sample` draws; for any model with a prior.

    prior : as in `sample`. Codes are drawn where the code is random.
    """
    check_is_fitted(model)
    seeds = Seeds.of(random_state)
    source = prior_of(model, prior)
    codes = torch.from_numpy(codes_of(model, X, context, seeds))
    blocks = min(blocks, len(codes) // 2)
    if blocks < 2:
        raise ValueError(f"{len(codes)} rows are too few to compare codes: pass four at least.")
    with torch.no_grad():
        drawn = draw(source, len(codes), seeds.generator("prior")).cpu()
    order = torch.randperm(len(codes), generator=seeds.generator("blocks"))
    variance = float(drawn.var(0).mean()) or 1.0
    kernel = for_normal(codes.shape[1], variance)
    parts = zip(codes[order].tensor_split(blocks), drawn.tensor_split(blocks), strict=True)
    values = np.array([float(mmd(a, b, kernel)) for a, b in parts])
    embedded = [Embedding(rows.numpy(), "codes", "") for rows in (codes, drawn)]
    return PriorGap(
        float(values.mean()),
        float(values.std(ddof=1) / math.sqrt(blocks)),
        two_sample_test(*embedded, seed=seeds.number("two samples") >> 32),
        type(source).__name__,
        f"inverse multiquadratic, variance {variance:.3g}",
        len(codes),
        blocks,
    )


def _posteriors(model: Estimator, X: Any, context: Any) -> tuple[Tensor, Tensor]:
    """μ and log σ² of rows X, each (n, units)."""
    check_is_fitted(model)
    _require_posterior(model)
    moments = torch.from_numpy(codes_of(model, X, context, Seeds(0), moments=True))
    mu, logvar = moments.chunk(2, dim=1)
    return mu, logvar


def _require_posterior(model: Estimator) -> None:
    if not model.module_.is_variational:
        raise ValueError(
            f"{type(model).__name__} has no posterior q(z|x), and so no price of its codes: "
            "this is for a VariationalAutoencoder and its relatives."
        )

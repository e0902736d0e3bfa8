"""New rows from an autoencoder: codes from a prior, its own or one fitted to codes, decoded."""

from __future__ import annotations

import math
import os
from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from diabolo.estimators import priors
from diabolo.estimators.priors import KINDS, FittedPrior
from diabolo.estimators.rowwise import PIECE, require_finite
from diabolo.estimators.tables import side_columns
from diabolo.models.autoencoder import AutoencoderModule, call
from diabolo.parts.priors import Prior, StandardNormal

if TYPE_CHECKING:
    from diabolo.estimators.estimator import Estimator
    from diabolo.estimators.seeds import Seeds

FOLLOWS = 0.1  # share of the codes' variance that may go with the context
OWN = "own"  # the name of the prior that a model was trained with


def sample(
    estimator: Estimator,
    n_samples: Any,
    seeds: Seeds,
    prior: Any,
    mean: bool,
    context: Any,
    temperature: Any,
) -> np.ndarray:
    """New rows; see `Estimator.sample`."""
    n = count(n_samples, estimator.columns_.n_features)
    heat = checked_temperature(temperature)
    source, generator = prior_of(estimator, prior), seeds.generator("sample")
    sides, pieces = estimator._sides(context, n), []
    for start in range(0, n, PIECE):
        z = draw(source, min(PIECE, n - start), generator, heat)
        side = None if sides is None else sides[start : start + PIECE]
        pieces.append(_emitted(estimator, z, side, None if mean else generator, start))
    return np.concatenate(pieces)


def prior_of(estimator: Estimator, prior: Any = None) -> Any:
    """What to draw codes from; one sentence where there is none, or it does not fit.

    prior : None (fitted after training, or else the model's own), "own", a kind that was fitted,
        "normal", or an object with `sample(n, generator)`.
    """
    fitted, dim = getattr(estimator, "prior_", None), estimator.module_.code.dim
    own = getattr(estimator.module_.code, "prior", None)
    if prior is None:
        prior = fitted if fitted is not None else OWN
    if isinstance(prior, str):
        return _by_name(estimator, prior, own, fitted)
    if isinstance(prior, FittedPrior):
        if not hasattr(prior, "density_"):
            raise ValueError(
                f"this prior of kind {prior.kind!r} is not fitted yet: pass it to "
                "model.fit_prior(X, prior), or call its fit on codes."
            )
        prior = prior.density_
    if not callable(getattr(prior, "sample", None)):
        raise ValueError(
            f"prior={prior!r:.60} is none: pass a name ({', '.join([OWN, *KINDS])}), or what "
            "diabolo.estimators.priors makes."
        )
    if getattr(prior, "dim", dim) != dim:
        raise ValueError(f"a prior of {prior.dim} units does not fit a code of {dim}.")
    return prior


def _by_name(estimator: Estimator, name: str, own: Any, fitted: Prior | None) -> Any:
    family = type(estimator).__name__
    if name == OWN:
        if own is None:
            raise ValueError(
                f"this {family} has no prior to draw codes from: fit one first, "
                'as in model.fit_prior(X, kind="mixture").'
            )
        return own
    if name not in KINDS:
        known = ", ".join([OWN, *KINDS])
        raise ValueError(f"prior={name!r} is unknown. Known are {known}.")
    if name == "normal":
        return StandardNormal(estimator.module_.code.dim)
    if not isinstance(fitted, KINDS[name].density):
        raise ValueError(
            f"this {family} has no prior of kind {name!r} yet: fit it first, "
            f'as in model.fit_prior(X, kind="{name}").'
        )
    return fitted


def draw(prior: Any, n: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
    """(n, dim) of a prior, the noise that they are made of multiplied by the temperature."""
    if temperature == 1:
        return prior.sample(n, generator)
    if "temperature" not in signature(prior.sample).parameters:
        raise ValueError(
            f"a prior of kind {type(prior).__name__} has no temperature: leave it at 1."
        )
    return prior.sample(n, generator, temperature)


def _emitted(
    estimator: Estimator,
    z: Tensor,
    side: Tensor | None,
    generator: torch.Generator | None,
    first_row: int,
) -> np.ndarray:
    """Codes → rows in the units of the data; means, or draws where a generator is given."""
    module: AutoencoderModule = estimator.module_
    z = z.to(estimator.device_)
    with torch.inference_mode():
        z = module.code.rounded(z)
        if generator is None:
            return estimator._decoded(z, side, first_row, drawn=True)
        out = call(module.decoder, z, side)
        require_finite(out, first_row, "the codes")
        return estimator.columns_.drawn(module.likelihood.sample(out, generator), whole=True)


def fit_prior(
    estimator: Estimator, X: Any, kind: Any, context: Any, seeds: Seeds, settings: dict[str, Any]
) -> Prior:
    """The density of a prior of that kind, fitted to the codes of rows X."""
    prior = priors.make(kind, settings)
    codes = codes_of(estimator, X, context, seeds, moments=prior.wants_moments)
    if context is not None:
        _require_independent(
            codes[:, : estimator.module_.code.dim], side_columns(context, len(codes))
        )
    return prior.fit(codes, seeds.number("prior") >> 32).density_


def _require_independent(codes: np.ndarray, sides: np.ndarray | None) -> None:
    """Raise a ValueError where the codes (n, dim) follow their context (n, c), by least squares."""
    assert sides is not None
    n = len(codes)
    regressors = np.column_stack([np.ones(n), sides]).astype(np.float64)
    centred = codes - codes.mean(0, dtype=np.float64)
    fit, _, rank, _ = np.linalg.lstsq(regressors, centred, rcond=None)
    whole, left = np.square(centred).sum(), np.square(centred - regressors @ fit).sum()
    if n <= rank or whole == 0:
        return
    share = 1 - left / (n - rank) / (whole / (n - 1))  # of chance alone it is 0 on average
    if share > FOLLOWS + 4 * rank / n:  # of few rows chance alone makes as much
        raise ValueError(
            f"{share:.0%} of the variance of these codes goes with the context, of which a fitted "
            "prior knows nothing: what is drawn would not suit it. Fit the prior to rows of one "
            "context at a time, or take a model whose codes leave the context out "
            "(VariationalAutoencoder, AdversarialAutoencoder)."
        )


def codes_of(
    estimator: Estimator, X: Any, context: Any, seeds: Seeds, *, moments: bool = False
) -> np.ndarray:
    """Codes of rows X, drawn where the code is random: together they are the mean posterior.

    moments : means and log-variances (n, 2·dim) instead.
    """
    module: Any = estimator.module_
    if not module.is_variational:
        if moments:
            raise ValueError(
                f"{type(estimator).__name__} has no posterior q(z|x), of which a prior of this "
                'kind is made: pass kind="kernel", which is alike.'
            )
        return estimator.transform(X, context=context)
    generator = seeds.generator("codes", estimator.device_)

    def through(x: Tensor, side: Tensor | None) -> Tensor:
        h = call(module.encoder, x, side)
        if moments:
            return torch.cat(module.code.posterior(h), 1)
        return module.code(h, generator).z

    width = module.code.dim * (2 if moments else 1)
    return estimator._rows_through(through, X, context, width)


def at_least_one(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1.")
    return int(value)


def count(n_samples: Any, n_features: int) -> int:
    """Rows to draw, if there is room for all of them at once."""
    n = at_least_one("n_samples", n_samples)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n * n_features * 8 > memory:
        raise ValueError(
            f"{n:,} rows of {n_features} numbers do not fit in this machine's memory: "
            "draw fewer at a time, or write them to a file with `diabolo generate`."
        )
    return n


def checked_temperature(temperature: Any) -> float:
    try:
        value = float(temperature)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"temperature={temperature!r} must be a number of at least 0.")
    return value

"""Codes by way of eight bits: more than twice as many rows a second, at a price measured first.

    fast = quantised(model, X)     # the model itself stays as it is
    fast.transform(X)              # as model.transform(X), nearly
    print(fast.price)

The encoder's layers count in whole numbers (`diabolo.parts.int8`) whose ranges are laid over some
rows of X; other rows of X then say what that costs. Where it costs too much there is no such
encoder, but a sentence.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from diabolo.data.dataset import Dataset
from diabolo.estimators import rowwise
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.tables import side_columns
from diabolo.measures.maps import nearest_others
from diabolo.measures.rows import spread
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts import int8

MOST = 2000  # rows that are looked at, half of them to lay ranges, half to judge
FEWEST = 100
NEIGHBOURS = 10


class Price(NamedTuple):
    """What codes by eight bits lose, on rows that no range was laid over.

    code : root mean squared error of the codes, as a share of their spread (the root of the sum
        of their units' variances).
    reconstruction : by what share the error of rows decoded from them grows.
    neighbours : share of the ten nearest neighbours of a row that stay among the ten.
    """

    code: float
    reconstruction: float
    neighbours: float

    def within(self, bound: Price) -> bool:
        return (
            self.code <= bound.code
            and self.reconstruction <= bound.reconstruction
            and self.neighbours >= bound.neighbours
        )

    def __str__(self) -> str:
        return (
            f"codes off by {self.code:.1%} of their spread, reconstruction error "
            f"{self.reconstruction:+.1%}, {self.neighbours:.0%} of the nearest neighbours kept"
        )


BOUND = Price(code=0.05, reconstruction=0.02, neighbours=0.85)


class TooCoarseError(ValueError):
    """Eight bits cost more than was allowed; `price` says how much, `finding` in words."""

    def __init__(self, price: Price, bound: Price) -> None:
        self.price = price
        self.finding = (
            f"eight bits are too coarse for this encoder ({price}; allowed are {bound.code:.1%}, "
            f"{bound.reconstruction:+.1%} and {bound.neighbours:.0%})"
        )
        super().__init__(f"{self.finding}: use model.transform, or pass another bound.")


@dataclass(frozen=True)
class QuantisedEncoder:
    """A fitted model's `transform` in whole numbers of eight bits; made by `quantised`.

    A row with a value beyond all that ranges were laid over is encoded in float32, so that an
    outlier keeps its own code. A row's code depends on that row alone, bit for bit.
    """

    model: Estimator
    module: AutoencoderModule
    low: float  # smallest and largest scaled value of the rows that ranges were laid over
    high: float
    price: Price

    def transform(self, X: Any, *, context: Any = None) -> np.ndarray:
        """Codes of rows X, (n, n_components) float32."""
        return _codes(self.model, self._encode, X, context)

    def _encode(self, x: Tensor, side: Tensor | None) -> Tensor:
        z = self.module.encode(x, side)
        if x.amin() >= self.low and x.amax() <= self.high:
            return z
        beyond = ((x < self.low) | (x > self.high)).any(1)
        if beyond.any():  # no comparison with what is not a number says so
            sides = None if side is None else side[beyond]
            z[beyond] = rowwise.apply(self.model.module_.encode, x[beyond], sides)
        return z


def quantised(
    model: Estimator, X: Any, *, context: Any = None, bound: Price = BOUND
) -> QuantisedEncoder:
    """An encoder in whole numbers of eight bits, laid over rows like those it is for.

    model : fitted, with a dense encoder, on the CPU; it is not changed.
    X : such rows as will be encoded, 100 at least; up to 2,000 are used, evenly spread.
    bound : the most that it may cost.

    raises TooCoarseError (a ValueError) where it costs more, ValueError where it cannot be done.
    """
    _check(model)
    dataset = model._open(X)
    if len(dataset) < FEWEST:
        raise ValueError(
            f"{len(dataset)} rows are too few to lay ranges over and to judge by: pass {FEWEST} "
            "or more."
        )
    sides = side_columns(context, len(dataset))
    numbers = np.arange(0, len(dataset), -(-len(dataset) // MOST))
    laid, judged = (_Some.of(dataset, sides, index) for index in (numbers[::2], numbers[1::2]))
    module = _in_int8(model, laid)
    low, high = laid.extent(model)
    price = _price(model, module, judged)
    if not price.within(bound):
        raise TooCoarseError(price, bound)
    return QuantisedEncoder(model, module, low, high, price)


class _Some(NamedTuple):
    """Some rows and their context."""

    rows: Dataset
    context: np.ndarray | None

    @classmethod
    def of(cls, dataset: Dataset, sides: np.ndarray | None, index: np.ndarray) -> _Some:
        return cls(spread(dataset, MOST, index), None if sides is None else sides[index])

    def extent(self, model: Estimator) -> tuple[float, float]:
        """Smallest and largest scaled value; missing cells are none."""

        def extremes(x: Tensor, _: Tensor | None) -> Tensor:
            known = x.nan_to_num(0.0)
            return torch.stack([known.amin(1), known.amax(1)], 1)

        ends = model._rows_through(extremes, self.rows, self.context, 2)
        return float(ends[:, 0].min()), float(ends[:, 1].max())


def _check(model: Any) -> None:
    if not isinstance(model, Estimator):
        raise ValueError(
            f"{type(model).__name__} is no autoencoder that makes codes: pass one, such as the "
            "estimator_ of a use."
        )
    check_is_fitted(model)
    if model.device_.type != "cpu":
        raise ValueError(f"eight bits are for the CPU, but this model is on {model.device_}.")
    if not int8.available():
        raise ValueError(
            f"torch {torch.__version__} cannot multiply bytes on this processor: use "
            "model.transform."
        )


def _in_int8(model: Estimator, laid: _Some) -> AutoencoderModule:
    def look(encoder: nn.Module) -> None:
        _codes(model, _with(model.module_, encoder).encode, laid.rows, laid.context)

    try:
        return _with(model.module_, int8.in_int8(model.module_.encoder, look))
    except ValueError as error:
        raise ValueError(f"{type(model).__name__} cannot count in eight bits: {error}") from None


def _with(module: AutoencoderModule, encoder: nn.Module) -> AutoencoderModule:
    """The module with another encoder, all else shared."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    twin.encoder = encoder
    return twin


def _codes(model: Estimator, encode: rowwise.Rowwise, X: Any, context: Any) -> np.ndarray:
    return model._rows_through(encode, X, context, model._n_features_out)


def _price(model: Estimator, module: AutoencoderModule, judged: _Some) -> Price:
    codes = partial(_codes, model, X=judged.rows, context=judged.context)
    exact, coarse = codes(model.module_.encode), codes(module.encode)
    off = float(np.sqrt(np.square(coarse - exact, dtype=np.float64).sum(1).mean()))
    width = float(np.sqrt(exact.var(0, dtype=np.float64).sum()))
    before, after = (
        _error(model, encode, judged) for encode in (model.module_.encode, module.encode)
    )
    near = [nearest_others(z, NEIGHBOURS) for z in (exact, coarse)]
    kept = np.mean([len(np.intersect1d(*pair)) for pair in zip(*near, strict=True)]) / NEIGHBOURS
    tiny = float(np.finfo(np.float32).tiny)
    return Price(off / max(width, tiny), (after - before) / max(before, tiny), float(kept))


def _error(model: Estimator, encode: rowwise.Rowwise, judged: _Some) -> float:
    """Mean error of rows decoded from these codes, as `score_samples` measures it."""
    module = model.module_

    def error(x: Tensor, side: Tensor | None) -> Tensor:
        rebuilt = module.decode(encode(x, side), side)
        return module.likelihood.error(x, rebuilt).unsqueeze(1)

    errors = model._rows_through(error, judged.rows, judged.context, 1)
    return float(errors.mean(dtype=np.float64))

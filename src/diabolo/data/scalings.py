"""How each column is scaled: the rules that look at the data and choose.

    "auto"      binary if all values are 0 or 1; "unit" for images and for tables whose columns
                share one range (all minima equal, half of the columns reach half of the maximum);
                else "standard"
    "standard"  each column to mean 0, standard deviation 1
    "minmax"    each column to [0, 1]
    "unit"      one common scale to [0, 1]
    "shared"    as "auto", but where that standardises, each column to mean 0 and all divided by
                one number: distances between rows keep their proportions
    "none"      as they are

On a common scale, bytes of which one at least is above 127 are divided by 255.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from diabolo.data.moments import Extent, extent_of, known_of, moments_of, pieces
from diabolo.data.values import FLOAT32_MAX, column_name

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset

_MOST_LEVELS = 256
# Squares of larger values overflow float64.
_LARGEST_SQUARED = 1e150


class Scaling(NamedTuple):
    """scaled = (value - offset) / scale, see `diabolo.data.columns`.

    constant : numbers of the columns that never varied
    whole : numbers of the columns that hold nothing but whole numbers
    extent : smallest and largest values of the columns, where offset and scale do not tell
    """

    kind: str
    offset: np.ndarray  # (d,) float64
    scale: np.ndarray  # (d,) float64, never 0
    levels: int | None = None
    constant: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    extent: Extent | None = None


def _auto(dataset: Dataset, otherwise: Callable[..., Scaling] | None = None) -> Scaling:
    """otherwise : what is done with columns that have no scale in common; they are standardised."""
    if _uses_bytes(dataset):
        return _bytes(dataset)
    extent = _extent(dataset)
    if _is_binary(extent):
        return _unscaled(dataset, extent)
    if len(dataset.shape) > 1 or _share_one_range(extent):
        return _on_common_scale(dataset, extent)
    return (otherwise or _standardised)(dataset, extent)


def _extent(dataset: Dataset) -> Extent:
    """Smallest and largest values, if float64 can hold their squares and differences."""
    extent = extent_of(dataset)
    _refuse_squares(extent, dataset)
    return extent


def _refuse_squares(extent: Extent, dataset: Dataset) -> None:
    size = np.maximum(np.abs(extent.low), np.abs(extent.high))
    j = int(size.argmax())
    if size[j] > _LARGEST_SQUARED:
        raise ValueError(
            f"{column_name(j, dataset.shape, dataset.names)} of {dataset.source} reaches "
            f"{size[j]:.3g}, and squares beyond {_LARGEST_SQUARED:g} overflow float64. "
            "Rescale that column, or take its logarithm."
        )


def _unit(dataset: Dataset) -> Scaling:
    return _bytes(dataset) if _uses_bytes(dataset) else _on_common_scale(dataset)


def _uses_bytes(dataset: Dataset) -> bool:
    """Whether the rows are bytes of which one at least is in the upper half.

    Usually settled by the first piece: the pass over the whole set is saved.
    """
    if dataset.rows.dtype != np.uint8:
        return False
    return any(int(rows.max()) > 127 for _, rows in pieces(dataset))


def _is_binary(extent: Extent) -> bool:
    return extent.whole and bool(extent.low.min() >= 0) and bool(extent.high.max() <= 1)


def _share_one_range(extent: Extent) -> bool:
    low, high = extent.low.min(), extent.high.max()
    reach = extent.high >= low + (high - low) / 2
    return len(extent.low) > 1 and bool((extent.low == low).all()) and bool(reach.mean() >= 0.5)


def _bytes(dataset: Dataset) -> Scaling:
    d = math.prod(dataset.shape)
    return Scaling("unit", np.zeros(d), np.full(d, 255.0), levels=256, whole=tuple(range(d)))


def _unscaled(dataset: Dataset, extent: Extent | None = None) -> Scaling:
    extent = extent or _extent(dataset)
    d = len(extent.low)
    kind, levels = "real", None
    if extent.low.min() >= 0 and extent.high.max() <= 1:
        kind, levels = ("binary", 2) if extent.whole else ("unit", None)
    return _checked(Scaling(kind, np.zeros(d), np.ones(d), levels), extent, dataset)


def _on_common_scale(dataset: Dataset, extent: Extent | None = None) -> Scaling:
    extent = extent or _extent(dataset)
    d, low, width = len(extent.low), extent.low.min(), extent.high.max() - extent.low.min()
    levels = int(width) + 1 if extent.whole and width < _MOST_LEVELS else None
    still = () if width > 0 else tuple(range(d))
    scaling = Scaling("unit", np.full(d, low), np.full(d, width or 1.0), levels, still)
    return _checked(scaling, extent, dataset)


def _each_to_unit(dataset: Dataset) -> Scaling:
    extent = _extent(dataset)
    width = extent.high - extent.low
    scale = np.where(width > 0, width, 1.0)
    scaling = Scaling("unit", extent.low, scale, constant=_zeros(width))
    return _checked(scaling, extent, dataset)


def _standardised(dataset: Dataset, extent: Extent | None = None) -> Scaling:
    extent = extent or _extent(dataset)
    mean, variance = moments_of(dataset)
    width, deviation = extent.high - extent.low, np.sqrt(variance)
    # The variance of values around 1e-170 underflows to 0 although they vary.
    scale = np.where(deviation > 0, deviation, width)
    scale = np.where(width > 0, scale, 1.0)
    return _checked(Scaling("real", mean, scale, constant=_zeros(width)), extent, dataset)


def _shared(dataset: Dataset) -> Scaling:
    return _auto(dataset, _centred)


def _centred(dataset: Dataset, extent: Extent) -> Scaling:
    mean, variance = moments_of(dataset)
    width = extent.high - extent.low
    size = math.sqrt(float(variance.mean())) or float(width.max()) or 1.0
    scaling = Scaling("real", mean, np.full(len(mean), size), constant=_zeros(width))
    return _checked(scaling, extent, dataset)


def mixed(dataset: Dataset) -> Scaling:
    """Numbers and dates of a mixed table to mean 0 and standard deviation 1 over known cells.

    Codes stay as they are.
    """
    extent, moments, _ = known_of(dataset)
    _refuse_squares(extent, dataset)
    width, deviation = extent.high - extent.low, np.sqrt(moments.variance)
    is_number = np.array([field.kind in ("number", "date") for field in dataset.fields])
    scale = np.where(deviation > 0, deviation, width)
    scale = np.where((width > 0) & is_number, scale, 1.0)
    offset = np.where(is_number, moments.mean, 0.0)
    return _checked(Scaling("mixed", offset, scale, constant=_zeros(width)), extent, dataset)


def _zeros(width: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(width == 0).tolist())


def _checked(scaling: Scaling, extent: Extent, dataset: Dataset) -> Scaling:
    """The scaling, if float32 can hold all scaled values."""
    with np.errstate(over="ignore"):
        ends = [np.abs((end - scaling.offset) / scaling.scale) for end in (extent.low, extent.high)]
    within = (ends[0] <= FLOAT32_MAX) & (ends[1] <= FLOAT32_MAX)
    if within.all():
        return scaling._replace(
            whole=tuple(np.flatnonzero(extent.whole_columns).tolist()),
            extent=extent if scaling.kind in ("real", "mixed") else None,
        )
    j = int(within.argmin())
    raise ValueError(
        f"{column_name(j, dataset.shape, dataset.names)} of {dataset.source} has values from "
        f"{extent.low[j]:.3g} to {extent.high[j]:.3g}, which float32 cannot hold after scaling. "
        "Rescale that column, or use scaling='standard'."
    )


SCALINGS: dict[str, Callable[[Dataset], Scaling]] = {
    "auto": _auto,
    "none": _unscaled,
    "standard": _standardised,
    "minmax": _each_to_unit,
    "unit": _unit,
    "shared": _shared,
}

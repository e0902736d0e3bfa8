"""How rows become scaled float32 vectors, and how vectors become rows again.

    scaled = (row − offset) / scale          original = scaled · scale + offset

Scaling belongs to the model: it is learned from the training data, kept in the model file and
undone on the way out. Three kinds of data are told apart, since the likelihood follows from them:

    binary   every value is 0 or 1: left as they are
    unit     grey values and the like, one common scale to [0, 1]
    real     anything else, each column to mean 0 and standard deviation 1
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from diabolo.data.moments import Extent, extent_of, moments_of, pieces
from diabolo.data.values import FLOAT32_MAX, column_name, guess

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset

KINDS = ("binary", "unit", "real")
MOST_LEVELS = 256
# Their values are exact in float32; differences too, while means are near in standard deviations.
_NARROW = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.float16, torch.float32}
_NEAR = 1000.0
# Squares of larger values overflow float64.
_LARGEST_SQUARED = 1e150


@dataclass(frozen=True, eq=False)
class Columns:
    """Shape, names and scaling of the columns that a model was fitted on.

    shape         : of one row: (d,), (H, W) or (H, W, C)
    names         : of the columns, where the data had any
    kind          : "binary", "unit" or "real", see above
    offset, scale : (d,) float64; scale is never 0
    dtype         : of the data, such as "uint8"
    levels        : number of grey values, where all values are whole and have one scale
    constant      : names (or numbers) of columns that never varied; their scale is 1
    """

    shape: tuple[int, ...]
    names: tuple[str, ...] | None
    kind: str
    offset: np.ndarray
    scale: np.ndarray
    dtype: str
    levels: int | None = None
    constant: tuple[str | int, ...] = ()

    @classmethod
    def learn(cls, dataset: Dataset, scaling: str = "auto") -> Columns:
        """Look through the whole set, refuse NaN, infinity and what float32 cannot hold.

        scaling :
            "auto"      binary if all values are 0 or 1; one common scale to [0, 1] for images and
                        for tables whose columns share one range (all minima equal, and half of the
                        columns reach half of the maximum); else "standard"
            "standard"  each column to mean 0, standard deviation 1
            "minmax"    each column to [0, 1]
            "unit"      one common scale to [0, 1]
            "none"      as they are

        On a common scale, bytes that use the upper half of 0 … 255 are divided by 255.
        """
        if scaling not in _SCALINGS:
            raise ValueError(
                f"scaling={scaling!r} is unknown{guess(str(scaling), list(_SCALINGS))} "
                f"Known are {', '.join(_SCALINGS)}."
            )
        return _SCALINGS[scaling](dataset)

    @property
    def n_features(self) -> int:
        return math.prod(self.shape)

    def name(self, j: int) -> str:
        """What to call entry j of a flattened row in a message."""
        return column_name(j, self.shape, self.names)

    def check(self, dataset: Dataset) -> None:
        """Raise a ValueError if the rows of `dataset` are not of the kind learned from.

        Flat rows of the right width are taken for images.
        """
        if self.names is not None and dataset.names is not None:
            self._check_names(dataset)
        flat = dataset.shape == (self.n_features,)
        if dataset.shape == self.shape or flat:
            return
        raise ValueError(
            f"{dataset.source} has {_described(dataset.shape)}, but the model was fitted on "
            f"{_described(self.shape)}. Pass rows of that shape, or fit a new model."
        )

    def _check_names(self, dataset: Dataset) -> None:
        ours, theirs = self.names or (), dataset.names or ()
        if ours == theirs:
            return
        missing = [name for name in ours if name not in theirs]
        if missing:
            raise ValueError(
                f"{dataset.source} lacks column {missing[0]!r}"
                f"{guess(missing[0], [name for name in theirs if name not in ours]) or ', '} "
                f"The model was fitted on {len(ours)} columns: pass all of them."
            )
        unknown = [name for name in theirs if name not in ours]
        if unknown:
            raise ValueError(
                f"{dataset.source} has a column {unknown[0]!r} that the model was not fitted on. "
                "Leave it out."
            )
        first = next(j for j, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        raise ValueError(
            f"Columns of {dataset.source} come in another order than in training: column {first} "
            f"is {theirs[first]!r}, expected {ours[first]!r}. Put them in that order."
        )

    def scaled(self, rows: Tensor) -> Tensor:
        """Rows (b, *shape) in their own dtype → a new tensor (b, d) of float32."""
        exact = torch.float32 if rows.dtype in _NARROW and self._near else torch.float64
        x = rows.to(exact, copy=True).reshape(len(rows), self.n_features)
        offset, scale = self._tensors(exact, rows.device)
        if offset is not None:
            x.sub_(offset)
        if scale is not None:
            x.div_(scale)
        return x.to(torch.float32)

    def original(self, x: Tensor) -> np.ndarray:
        """Scaled (b, d) → rows (b, *shape), float64 where the data were float64, else float32."""
        wide = x.detach().to("cpu", torch.float64).numpy() * self.scale + self.offset
        dtype = np.float64 if self.dtype == "float64" else np.float32
        return wide.astype(dtype).reshape(len(x), *self.shape)

    @cached_property
    def _near(self) -> bool:
        """Whether float32 arithmetic loses nothing that matters."""
        moderate = bool(((self.scale > 1e-30) & (self.scale < 1e30)).all())
        return moderate and bool((np.abs(self.offset) <= _NEAR * self.scale).all())

    @cached_property
    def _cache(self) -> dict[tuple[torch.dtype, torch.device], tuple[Tensor | None, Tensor | None]]:
        return {}

    def _tensors(
        self, dtype: torch.dtype, device: torch.device
    ) -> tuple[Tensor | None, Tensor | None]:
        """Offset and scale (d,) on the device; None for what changes nothing."""
        key = dtype, device
        if key not in self._cache:
            offset = torch.tensor(self.offset, dtype=dtype, device=device)
            scale = torch.tensor(self.scale, dtype=dtype, device=device)
            self._cache[key] = (
                offset if self.offset.any() else None,
                scale if (self.scale != 1).any() else None,
            )
        return self._cache[key]

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and text; `from_json` gives the same columns back, bit for bit."""
        return {
            "shape": list(self.shape),
            "names": None if self.names is None else list(self.names),
            "kind": self.kind,
            "offset": self.offset.tolist(),
            "scale": self.scale.tolist(),
            "dtype": self.dtype,
            "levels": self.levels,
            "constant": list(self.constant),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Columns:
        return cls(
            shape=tuple(stored["shape"]),
            names=None if stored["names"] is None else tuple(stored["names"]),
            kind=stored["kind"],
            offset=np.array(stored["offset"], np.float64),
            scale=np.array(stored["scale"], np.float64),
            dtype=stored["dtype"],
            levels=stored["levels"],
            constant=tuple(stored["constant"]),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


def _described(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} features"
    return "images of " + "x".join(map(str, shape))


def _auto(dataset: Dataset) -> Columns:
    if _uses_bytes(dataset):
        return _bytes(dataset)
    extent = extent_of(dataset)
    if _is_binary(extent):
        return _unscaled(dataset, extent)
    if len(dataset.shape) > 1 or _share_one_range(extent):
        return _on_common_scale(dataset, extent)
    return _standardised(dataset, extent)


def _unit(dataset: Dataset) -> Columns:
    if _uses_bytes(dataset):
        return _bytes(dataset)
    return _on_common_scale(dataset, extent_of(dataset))


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


def _bytes(dataset: Dataset) -> Columns:
    d = math.prod(dataset.shape)
    return _columns(dataset, "unit", np.zeros(d), np.full(d, 255.0), levels=256)


def _unscaled(dataset: Dataset, extent: Extent | None = None) -> Columns:
    extent = extent or extent_of(dataset)
    d = len(extent.low)
    kind, levels = "real", None
    if extent.low.min() >= 0 and extent.high.max() <= 1:
        kind, levels = ("binary", 2) if extent.whole else ("unit", None)
    return _checked(
        _columns(dataset, kind, np.zeros(d), np.ones(d), levels=levels), extent, dataset
    )


def _on_common_scale(dataset: Dataset, extent: Extent) -> Columns:
    d, low, high = len(extent.low), extent.low.min(), extent.high.max()
    width = high - low
    levels = int(width) + 1 if extent.whole and width < MOST_LEVELS else None
    varies = np.full(d, width > 0)
    scale = np.full(d, width or 1.0)
    columns = _columns(dataset, "unit", np.full(d, low), scale, levels=levels, varies=varies)
    return _checked(columns, extent, dataset)


def _each_to_unit(dataset: Dataset) -> Columns:
    extent = extent_of(dataset)
    width = extent.high - extent.low
    scale = np.where(width > 0, width, 1.0)
    columns = _columns(dataset, "unit", extent.low, scale, varies=width > 0)
    return _checked(columns, extent, dataset)


def _standardised(dataset: Dataset, extent: Extent | None = None) -> Columns:
    extent = extent or extent_of(dataset)
    _refuse_overflow(np.maximum(np.abs(extent.low), np.abs(extent.high)), dataset)
    mean, variance = moments_of(dataset)
    width = extent.high - extent.low
    deviation = np.sqrt(variance)
    # The variance of values around 1e-170 underflows to 0 although they vary.
    scale = np.where(deviation > 0, deviation, width)
    # A constant column becomes exactly 0, whatever rounding did to its mean.
    offset = np.where(width > 0, mean, extent.low)
    scale = np.where(width > 0, scale, 1.0)
    columns = _columns(dataset, "real", offset, scale, varies=width > 0)
    return _checked(columns, extent, dataset)


def _refuse_overflow(size: np.ndarray, dataset: Dataset) -> None:
    j = int(size.argmax())
    if size[j] > _LARGEST_SQUARED:
        raise ValueError(
            f"{column_name(j, dataset.shape, dataset.names)} of {dataset.source} reaches "
            f"{size[j]:.3g}, and squares beyond {_LARGEST_SQUARED:g} overflow float64. "
            "Rescale that column, or take its logarithm."
        )


def _columns(
    dataset: Dataset,
    kind: str,
    offset: np.ndarray,
    scale: np.ndarray,
    *,
    levels: int | None = None,
    varies: np.ndarray | None = None,
) -> Columns:
    still = () if varies is None else tuple(int(j) for j in np.flatnonzero(~varies))
    names = dataset.names
    constant = still if names is None else tuple(names[j] for j in still)
    return Columns(
        dataset.shape, names, kind, offset, scale, str(dataset.rows.dtype), levels, constant
    )


def _checked(columns: Columns, extent: Extent, dataset: Dataset) -> Columns:
    """The columns, if float32 can hold all scaled values."""
    with np.errstate(over="ignore", invalid="ignore"):
        ends = np.abs([(end - columns.offset) / columns.scale for end in extent[:2]]).max(axis=0)
    j = int(np.argmax(np.where(np.isfinite(ends), ends, np.inf)))
    if not ends[j] <= FLOAT32_MAX:
        raise ValueError(
            f"{columns.name(j)} of {dataset.source} has values from {extent.low[j]:.3g} to "
            f"{extent.high[j]:.3g}, which float32 cannot hold after scaling. "
            "Rescale that column, or use scaling='standard'."
        )
    return columns


_SCALINGS: dict[str, Callable[[Dataset], Columns]] = {
    "auto": _auto,
    "none": _unscaled,
    "standard": _standardised,
    "minmax": _each_to_unit,
    "unit": _unit,
}

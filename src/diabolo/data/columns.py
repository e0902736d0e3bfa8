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
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from diabolo.data.moments import pieces
from diabolo.data.scalings import SCALINGS
from diabolo.data.values import column_name, guess, require_finite

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset

KINDS = ("binary", "unit", "real")
# Their values are exact in float32; differences too, while means are near in standard deviations.
_NARROW = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.float16, torch.float32}
_NEAR = 1000.0
# torch does not subtract or mix these with floating point.
_NOT_PROMOTED = {torch.bool, torch.uint16, torch.uint32, torch.uint64}


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
    whole         : names (or numbers) of columns that held nothing but whole numbers, where the
                    dtype and the levels do not say so anyway
    """

    shape: tuple[int, ...]
    names: tuple[str, ...] | None
    kind: str
    offset: np.ndarray
    scale: np.ndarray
    dtype: str
    levels: int | None = None
    constant: tuple[str | int, ...] = ()
    whole: tuple[str | int, ...] = ()

    @classmethod
    def learn(cls, dataset: Dataset, scaling: str = "auto") -> Columns:
        """Look through the whole set, refuse NaN, infinity and what float32 cannot hold.

        scaling : "auto", "standard", "minmax", "unit" or "none", see `diabolo.data.scalings`
        """
        if scaling not in SCALINGS:
            raise ValueError(
                f"scaling={scaling!r} is unknown{guess(str(scaling), SCALINGS) or '.'} "
                f"Known are {', '.join(SCALINGS)}."
            )
        kind, offset, scale, levels, still, whole = SCALINGS[scaling](dataset)
        names, dtype = dataset.names, dataset.rows.dtype
        if levels is not None or dtype.kind != "f":
            whole = ()
        constant, whole_names = (
            numbers if names is None else tuple(names[j] for j in numbers)
            for numbers in (still, whole)
        )
        return cls(
            dataset.shape, names, kind, offset, scale, str(dtype), levels, constant, whole_names
        )

    @property
    def n_features(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def whole_numbers(self) -> np.ndarray:
        """Which entries of a row held nothing but whole numbers, (d,) bool."""
        if self.levels is not None or np.dtype(self.dtype).kind != "f":
            return np.ones(self.n_features, bool)
        known: Sequence[str | int] = self.names or range(self.n_features)
        whole = set(self.whole)
        return np.array([name in whole for name in known])

    def name(self, j: int) -> str:
        """What to call entry j of a flattened row in a message."""
        return column_name(j, self.shape, self.names)

    def check(self, dataset: Dataset, values: bool = False) -> None:
        """Raise a ValueError if the rows of `dataset` are not of the kind learned from.

        Flat rows of the right width are taken for images.

        values : look through all values too, for NaN, infinity and what float32 cannot hold
        """
        if self.names is not None and dataset.names is not None:
            self._check_names(dataset)
        if dataset.shape not in (self.shape, (self.n_features,)):
            raise ValueError(
                f"{dataset.source} has {_described(dataset.shape)}, but the model was fitted on "
                f"{_described(self.shape)}. Pass rows of that shape, or fit a new model."
            )
        if values and dataset.rows.dtype.kind == "f":
            for first, rows in pieces(dataset):
                self.check_values(rows, np.arange(first, first + len(rows)), dataset)

    def check_values(self, rows: np.ndarray, numbers: np.ndarray, dataset: Dataset) -> None:
        """Raise a ValueError for the first of these rows that has no finite scaled values.

        numbers : (b,) of the rows in the data set, for the message
        """
        require_finite(rows, numbers, source=dataset.source, names=dataset.names)
        bad = torch.argwhere(~torch.isfinite(self.scaled(as_tensor(rows))))
        if len(bad):
            i, j = (int(one) for one in bad[0])
            raise ValueError(
                f"{dataset.source} has {rows[i].reshape(-1)[j]!s} in row {numbers[i]}, "
                f"{self.name(j)}, which float32 cannot hold after scaling. It lies far outside "
                "the data that the model was fitted on."
            )

    def _check_names(self, dataset: Dataset) -> None:
        ours, theirs = self.names or (), dataset.names or ()
        if ours == theirs:
            return
        new = [name for name in theirs if name not in ours]
        missing = [name for name in ours if name not in theirs]
        if missing:
            raise ValueError(
                f"{dataset.source} lacks column {missing[0]!r}{guess(missing[0], new) or '.'} "
                f"The model was fitted on {len(ours)} columns: pass all of them."
            )
        if new:
            raise ValueError(
                f"{dataset.source} has a column {new[0]!r} that the model was not fitted on. "
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
        offset, scale = self._tensors(exact, rows.device)
        x = rows if rows.ndim == 2 else rows.reshape(len(rows), self.n_features)
        if x.dtype in _NOT_PROMOTED:
            x = x.to(exact)
        # The first step makes a new tensor of the type `exact` in one pass: 5 µs for a small batch
        # instead of 9 µs with a conversion before it.
        if offset is not None:
            x = x - offset
            return (x if scale is None else x.div_(scale)).to(torch.float32)
        if scale is not None:
            return (x / scale).to(torch.float32)
        return x.to(torch.float32, copy=True)

    def original(self, x: Tensor) -> np.ndarray:
        """Scaled (b, d) → rows (b, *shape), float64 where the data were float64, else float32."""
        wide = x.detach().to("cpu", torch.float64).numpy() * self.scale + self.offset
        dtype = np.float64 if self.dtype == "float64" else np.float32
        limit = np.finfo(dtype).max  # which data may reach, and what is rebuilt then pass
        return wide.clip(-limit, limit).astype(dtype).reshape(len(x), *self.shape)

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
            **({"whole": list(self.whole)} if self.whole else {}),  # new since 0.1.0's first files
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Columns:
        """raises ValueError for anything that `to_json` would not have written."""
        try:
            columns = cls(
                shape=tuple(stored["shape"]),
                names=None if stored["names"] is None else tuple(stored["names"]),
                kind=stored["kind"],
                offset=np.array(stored["offset"], np.float64),
                scale=np.array(stored["scale"], np.float64),
                dtype=stored["dtype"],
                levels=stored["levels"],
                constant=tuple(stored["constant"]),
                whole=tuple(stored.get("whole", ())),
            )
            sound = columns._is_sound() and columns.to_json() == stored
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"The description of the columns is damaged ({error!r}).") from None
        if not sound:
            raise ValueError("The description of the columns contradicts itself.")
        return columns

    def _is_sound(self) -> bool:
        sizes = self.shape and all(type(size) is int and size > 0 for size in self.shape)
        d = math.prod(self.shape)
        known = self.names or range(d)
        return bool(
            sizes
            and self.offset.shape == self.scale.shape == (d,)
            and np.isfinite(self.offset).all()
            and np.isfinite(self.scale).all()
            and (self.scale > 0).all()
            and (self.names is None or len(self.names) == d)
            and all(type(name) is str for name in self.names or ())
            and self.kind in KINDS
            and np.dtype(self.dtype).kind in "biuf"
            and (self.levels is None or (type(self.levels) is int and self.levels > 0))
            and set(self.constant) | set(self.whole) <= set(known)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


def _described(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} features"
    return "images of " + "x".join(map(str, shape))


def as_tensor(rows: np.ndarray) -> Tensor:
    """The same memory as a tensor; also where it is marked read-only, since we only read."""
    return torch.from_numpy(rows if rows.flags.writeable else np.asarray(_Interface(rows)))


class _Interface:
    """Lends an array's memory without the mark that torch would warn of."""

    def __init__(self, array: np.ndarray):
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}
        self._array = array

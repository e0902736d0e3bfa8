"""How rows become scaled float32 vectors, and how vectors become rows again.

    scaled = (row − offset) / scale          original = scaled · scale + offset

Scaling belongs to the model: it is learned from the training data, kept in the model file and
undone on the way out. Four kinds of data are told apart, since the likelihood follows from them:

    binary   every value is 0 or 1: left as they are
    unit     grey values and the like, one common scale to [0, 1]
    real     anything else, each column to mean 0 and standard deviation 1
    mixed    a table with text, dates or missing cells: numbers and dates to mean 0 and standard
             deviation 1 over their known cells, categories stay codes, missing cells NaN
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

from diabolo.data.fields import Field, Schema
from diabolo.data.moments import pieces
from diabolo.data.scalings import SCALINGS, mixed
from diabolo.data.values import column_name, guess, require_finite

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset

KINDS = ("binary", "unit", "real", "mixed")
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
    kind          : "binary", "unit", "real" or "mixed", see above
    offset, scale : (d,) float64; scale is never 0
    dtype         : of the data, such as "uint8"
    levels        : number of grey values, where all values are whole and have one scale
    constant      : names (or numbers) of columns that never varied; their scale is 1
    whole         : names (or numbers) of columns that held nothing but whole numbers, where the
                    dtype and the levels do not say so anyway
    schema        : of a mixed table: what its columns are, and the categories; else None
    low, high     : (d,) float64, smallest and largest values; None where the kind tells, or the
                    model is of a version that did not keep them
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
    schema: Schema | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @classmethod
    def learn(cls, dataset: Dataset, scaling: str = "auto") -> Columns:
        """Look through the whole set, refuse NaN, infinity and what float32 cannot hold.

        scaling : "auto", "standard", "minmax", "unit", "shared" or "none", see
            `diabolo.data.scalings`
        """
        if scaling not in SCALINGS:
            raise ValueError(
                f"scaling={scaling!r} is unknown{guess(str(scaling), SCALINGS) or '.'} "
                f"Known are {', '.join(SCALINGS)}."
            )
        if dataset.schema is not None and scaling not in ("auto", "standard"):
            raise ValueError(
                f"scaling={scaling!r} is for numbers alone, but {dataset.source} is a mixed table, "
                "whose numbers are standardised. Pass scaling='auto'."
            )
        rule = SCALINGS[scaling] if dataset.schema is None else mixed
        kind, offset, scale, levels, still, whole, extent = rule(dataset)
        names, dtype = dataset.names, dataset.rows.dtype
        if levels is not None or dtype.kind != "f":
            whole = ()
        constant, whole_names = (
            numbers if names is None else tuple(names[j] for j in numbers)
            for numbers in (still, whole)
        )
        return cls(
            dataset.shape,
            names,
            kind,
            offset,
            scale,
            str(dtype),
            levels,
            constant,
            whole_names,
            dataset.schema,
            *(() if extent is None else (extent.low, extent.high)),
        )

    @property
    def fields(self) -> tuple[Field, ...]:
        """What the columns of a mixed table are; () for plain numbers."""
        return () if self.schema is None else self.schema.fields

    @property
    def categories(self) -> tuple[int, ...]:
        """How many categories each column of a mixed table has, 0 for numbers; else ()."""
        return () if self.schema is None else self.schema.levels

    @cached_property
    def coded(self) -> np.ndarray:
        """Which columns hold codes of categories, (d,) bool."""
        return np.array(self.categories or (0,) * self.n_features) > 0

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
        self._check_schema(dataset)
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
        gaps = self.schema is not None
        require_finite(rows, numbers, source=dataset.source, names=dataset.names, gaps=gaps)
        scaled = self.scaled(as_tensor(rows))
        bad = torch.argwhere(torch.isinf(scaled) if gaps else ~torch.isfinite(scaled))
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

    def _check_schema(self, dataset: Dataset) -> None:
        """Whether numbers mean the same there as here."""
        given, known = dataset.schema, self.schema
        if known is None and given is not None:
            name = given.fields[0].name
            raise ValueError(
                f"{dataset.source} was opened as a mixed table (column {name!r}, …), but the model "
                "was fitted on numbers alone. Pass those."
            )
        if known is None:
            return
        if given is None and not known.takes_numbers():
            odd = next(f for f in known.fields if f.kind in ("category", "date"))
            raise ValueError(
                f"{dataset.source} holds numbers alone, but the model knows column {odd.name!r} "
                f"as {odd.kind}. Pass a frame, a CSV or a Parquet file."
            )
        if given is not None and not known.agrees_with(given):
            odd = next(a for a, b in zip(known.fields, given.fields, strict=True) if a != b)
            raise ValueError(
                f"{dataset.source} was opened with another idea of column {odd.name!r} than the "
                "model has. Open it with open_dataset(…, schema=model.columns_.schema)."
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
        """Scaled (b, d) → rows (b, *shape), float64 where the data were float64, else float32.

        Of a mixed table these are cells as numbers; `as_given` makes a frame of them.
        """
        return self._as_rows(self._unscaled(x))

    def drawn(self, x: Tensor, whole: bool = False) -> np.ndarray:
        """New rows, scaled (b, d), as `original`, but in no column beyond the rows learned from.

        whole : columns that held nothing but whole numbers hold nothing else.
        """
        wide = self._unscaled(x).clip(*self._range)
        if whole and self.schema is None:  # a mixed table's are whole anyway
            wide[:, self.whole_numbers] = np.rint(wide[:, self.whole_numbers]) + 0.0  # no -0
        return self._as_rows(wide)

    def _unscaled(self, x: Tensor) -> np.ndarray:
        return x.detach().to("cpu", torch.float64).numpy() * self.scale + self.offset

    def _as_rows(self, wide: np.ndarray) -> np.ndarray:
        if self.schema is not None:
            return self._cells(wide)
        dtype = np.float64 if self.dtype == "float64" else np.float32
        limit = np.finfo(dtype).max  # which data may reach, and what is rebuilt then pass
        return wide.clip(-limit, limit).astype(dtype).reshape(len(wide), *self.shape)

    @cached_property
    def _range(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest values of the columns, (d,) each; infinite where nobody knows."""
        d = self.n_features
        if self.low is not None and self.high is not None:
            return np.where(self.coded, -np.inf, self.low), np.where(self.coded, np.inf, self.high)
        if self.kind in ("unit", "binary"):
            return self.offset, self.offset + self.scale
        return np.full(d, -np.inf), np.full(d, np.inf)

    def _cells(self, wide: np.ndarray) -> np.ndarray:
        """Numbers as a cell may hold them: codes of categories, whole numbers where all were."""
        coded, last = self.coded, np.array(self.categories) - 1.0
        wide[:, self.whole_numbers] = np.rint(wide[:, self.whole_numbers]) + 0.0  # no -0
        wide[:, coded] = np.rint(wide[:, coded]).clip(0, last[coded])
        empty = [field.kind == "empty" for field in self.fields]
        wide[:, empty] = np.nan
        return wide

    def as_given(self, rows: np.ndarray) -> Any:
        """Rows in the form in which they came: of a mixed table a frame of the same library."""
        if self.schema is None:
            return rows
        from diabolo.data.originals import frame_of  # imports polars

        return frame_of(rows, self.schema)

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
            **({} if self.schema is None else {"schema": self.schema.to_json()}),  # likewise
            **(
                {}
                if self.low is None or self.high is None
                else {"range": [self.low.tolist(), self.high.tolist()]}
            ),
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
                schema=Schema.from_json(stored["schema"]) if "schema" in stored else None,
                **_range_in(stored),
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
            and (self.kind == "mixed") == (self.schema is not None)
            and (self.schema is None or self._suits(self.schema))
            and (self.low is None or _is_range(self.low, self.high, d))
        )

    def _suits(self, schema: Schema) -> bool:
        return bool(
            schema.names == self.names
            and self.shape == (len(schema.fields),)
            and (self.scale[self.coded] == 1).all()
            and not self.offset[self.coded].any()
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]


def _range_in(stored: dict[str, Any]) -> dict[str, np.ndarray]:
    """What files did not hold before: the smallest and largest values."""
    if "range" not in stored:
        return {}
    low, high = np.array(stored["range"], np.float64)
    return {"low": low, "high": high}


def _is_range(low: np.ndarray, high: np.ndarray | None, d: int) -> bool:
    if high is None or low.shape != (d,) or high.shape != (d,):
        return False
    return bool(np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all())


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

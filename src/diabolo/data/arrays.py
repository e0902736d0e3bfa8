"""Arrays, lists, tensors and sparse matrices → rows in a dtype that can be learned from.

An ordinary array is used where it lies, without a copy, and a memory map is read from its file a
batch at a time. Copied once are: other byte orders, rows
that do not lie contiguous (Fortran order), negative strides, objects and long doubles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
import torch
from sklearn.utils.validation import check_array

from diabolo.data.dataset import Dataset
from diabolo.data.file_rows import is_mapped, mapped_rows, release
from diabolo.data.rows import ArrayRows, Rows, SparseRows, native
from diabolo.data.spill import LARGE, spilled
from diabolo.data.values import column_name, require_rows_and_columns

_MOST_CHANNELS = 4
_PIECE = 64 * 2**20  # bytes at a time


def from_array(source: Any, *, name: str = "X", labels: np.ndarray | None = None) -> Dataset:
    """A data set of the rows of an (n, d) table or of (n, H, W) or (n, H, W, C) images."""
    if scipy.sparse.issparse(source):
        return from_sparse(source, name=name, labels=labels)
    array = _checked(_as_array(source, name), name)
    return Dataset(_rows(array, name), array.shape[1:], None, labels, name)


def from_sparse(source: Any, *, name: str = "X", labels: np.ndarray | None = None) -> Dataset:
    """A data set of the rows of a scipy sparse matrix, made dense a batch at a time."""
    _refuse_kind(source.dtype, name)
    if source.ndim != 2:
        raise ValueError(_not_a_table(source.shape, name))
    require_rows_and_columns(source.shape, name)
    matrix = check_array(source, accept_sparse="csr", ensure_all_finite=False)
    return Dataset(SparseRows(matrix), (matrix.shape[1],), None, labels, name)


def _as_array(source: Any, name: str) -> np.ndarray:
    if isinstance(source, torch.Tensor):
        return _from_tensor(source, name)
    if isinstance(source, np.ma.MaskedArray):
        return _unmasked(source, name)
    try:
        return np.asanyarray(source)
    except ValueError:  # numpy's own words: "inhomogeneous shape after 1 dimensions …"
        raise ValueError(
            f"{name} is ragged: {_first_ragged(source)}. Make all rows equally long."
        ) from None


def _from_tensor(tensor: torch.Tensor, name: str) -> np.ndarray:
    if tensor.layout is not torch.strided:
        raise TypeError(
            f"{name} is a sparse torch tensor. Pass a scipy.sparse matrix, or X.to_dense()."
        )
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype is torch.bfloat16:  # numpy has no such type
        tensor = tensor.float()
    return tensor.numpy()


def _unmasked(source: np.ma.MaskedArray, name: str) -> np.ndarray:
    masked = np.argwhere(np.ma.getmaskarray(source))
    if len(masked):
        raise ValueError(
            f"{name} is a masked array with {len(masked)} masked values, the first in row "
            f"{masked[0][0]}. Fill them with X.filled(…), or pass a frame: there cells may be "
            "missing."
        )
    return source.data


def _first_ragged(source: Any) -> str:
    lengths = [len(row) if hasattr(row, "__len__") else 1 for row in source]
    odd = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is None:
        return "its rows have different shapes"
    return f"row 0 has {lengths[0]} values, row {odd} has {lengths[odd]}"


def _checked(array: np.ndarray, name: str) -> np.ndarray:
    """The same array, if it is a table or images of numbers. Values are looked at later."""
    _refuse_kind(array.dtype, name)
    require_shape(array.shape, name)
    if array.dtype.kind == "O":
        return _numbers(array, name)
    if array.ndim > 2 or is_mapped(array):
        return np.asarray(array)
    return check_array(array, dtype="numeric", ensure_all_finite=False, input_name=name)


def _refuse_kind(dtype: np.dtype, name: str) -> None:
    if dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has dtype {dtype}. "
            "Pass real and imaginary parts as columns of their own."
        )
    if dtype.kind in "US":
        raise ValueError(
            f"{name} holds text (dtype {dtype}), expected numbers. If all of it is numbers "
            "written as text, pass X.astype(float)."
        )
    if dtype.kind in "mM":
        raise ValueError(
            f"{name} holds dates or times (dtype {dtype}), expected numbers. "
            "Turn them into numbers, such as days since a given day."
        )
    if dtype.kind not in "biufO":
        raise ValueError(
            f"{name} has dtype {dtype}, expected numbers. Pass an array of shape (n, d) with one "
            "column for every field."
        )


def _not_a_table(shape: tuple[int, ...], name: str) -> str:
    scalar = "scalar array" if not shape else f"{len(shape)}D array"
    return (
        f"Expected 2D array, got {scalar} instead: {name} has shape {shape}. Reshape your data "
        "with X.reshape(-1, 1) if it is one column, or with X.reshape(1, -1) if it is one row."
    )


def require_shape(shape: tuple[int, ...], name: str) -> None:
    """Raise a ValueError unless the shape is that of a table or of images, channels last."""
    if len(shape) < 2:
        raise ValueError(_not_a_table(shape, name))
    require_rows_and_columns(shape, name)
    if len(shape) > 4:
        raise ValueError(
            f"{name} has shape {shape}, expected a table (n, d) or images (n, H, W) or "
            "(n, H, W, C). Flatten the rest with X.reshape(len(X), -1)."
        )
    if len(shape) == 4 and shape[3] > _MOST_CHANNELS:
        first = shape[1] <= _MOST_CHANNELS
        remedy = "np.moveaxis(X, 1, -1)" if first else "X.reshape(len(X), -1) to make it a table"
        raise ValueError(
            f"{name} has shape {shape}, expected images (n, H, W, C) with at most "
            f"{_MOST_CHANNELS} channels, last. Pass {remedy}."
        )


def _numbers(array: np.ndarray, name: str) -> np.ndarray:
    """An array of objects as float64, if every one of them is a number."""
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    for position in np.ndindex(array.shape):
        value = array[position]
        try:
            float(value)
        except (TypeError, ValueError) as error:
            j = int(np.ravel_multi_index(position[1:], array.shape[1:]))
            raise type(error)(
                f"{name} holds {value!r:.60} in row {position[0]}, "
                f"{column_name(j, array.shape[1:])}, expected a number ({error}). "
                "Leave that column out, or turn it into numbers."
            ) from None
    raise ValueError(f"{name} holds objects that are not numbers. Pass an array of numbers.")


def _rows(array: np.ndarray, name: str) -> Rows:
    if not is_mapped(array):
        return ArrayRows(_contiguous(array))
    from_file = mapped_rows(array)
    if from_file is not None:
        return from_file
    if _lies_contiguous(array) or array.nbytes <= LARGE:
        return ArrayRows(_contiguous(array))
    return _laid_out(array, name)


def _contiguous(array: np.ndarray) -> np.ndarray:
    """The array itself if torch can gather its rows, else a copy that it can."""
    dtype = native(array.dtype)
    if array.dtype == dtype and _lies_contiguous(array):
        return array
    return np.ascontiguousarray(array, dtype)


def _lies_contiguous(array: np.ndarray) -> bool:
    return array[:1].flags.c_contiguous and array.strides[0] >= 0


def _laid_out(array: np.ndarray, name: str) -> Rows:
    """A mapped array in column order, written row by row: each read would touch every page."""
    dtype = native(array.dtype)
    size = max(1, _PIECE * len(array) // array.nbytes)
    return spilled(array.shape, dtype, _pieces(array, size), source=name)


def _pieces(array: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for first in range(0, len(array), size):
        yield array[first : first + size]
        release(array)

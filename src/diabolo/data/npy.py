"""numpy's own files: .npy (large ones stay in the file) and .npz.

Nothing is unpickled. An .npz cannot be read in pieces; a large array belongs into an .npy.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.sparse

from diabolo.data.arrays import from_array
from diabolo.data.dataset import Dataset
from diabolo.data.spill import LARGE
from diabolo.data.values import guess, require_one_part

_SPARSE = {"data", "indices", "indptr", "shape"}
_ROWS = ("X", "x", "data", "images")
_LABELS = ("y", "labels", "target")


def open_npy(path: Path) -> Dataset:
    """The array of an .npy file: up to 256 MB in memory, above that mapped."""
    large = path.stat().st_size > LARGE
    try:
        array = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise ValueError(_unreadable(path, error)) from None
    return from_array(array, name=path.name)


def split_member(path: Path) -> tuple[Path, str | None]:
    """A path such as faces.npz:images → the file and the array meant.

    >>> split_member(Path("faces.npz:images"))[1]
    'images'
    """
    named = re.fullmatch(r"(.*\.npz):(\w+)", str(path))
    return (Path(named[1]), named[2]) if named else (path, None)


def open_npz(path: Path, member: str | None, target: str | None, split: str) -> Dataset:
    """One array of an .npz file.

    member : its name. Without one: X, x, data or images, with or without _train or _test (as
             `split` says) at the end; else the only array of at least two dimensions.
    target : name of the labels; without one: y, labels or target, likewise, if one a row.

    Sparse matrices written by scipy.sparse.save_npz are read as such.
    """
    _refuse_bomb(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _chosen(arrays, path, member, target, split)
    except (zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise ValueError(_unreadable(path, error)) from None
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ValueError(_unreadable(path, error)) from None


def _chosen(
    arrays: Mapping[str, np.ndarray], path: Path, member: str | None, target: str | None, split: str
) -> Dataset:
    if member is None and set(arrays) >= _SPARSE:
        rows, kind = _sparse(arrays, path), ""
    else:
        name = _named(member, arrays, path) if member else _rows_name(arrays, path, split)
        rows, kind = arrays[name], _ending(name)
    labels = _labels(arrays, path, target, kind)
    if labels is not None and len(labels) != rows.shape[0]:
        if target:
            raise ValueError(
                f"{path} has {rows.shape[0]} rows, but {len(labels)} labels in {target!r}."
            )
        labels = None
    return from_array(rows, name=path.name, labels=labels)


def _named(name: str, arrays: Mapping[str, np.ndarray], path: Path) -> str:
    if name not in arrays:
        raise ValueError(
            f"{path} has no array {name!r}{guess(name, arrays) or '.'} "
            f"It holds {', '.join(arrays)}."
        )
    return name


def _rows_name(arrays: Mapping[str, np.ndarray], path: Path, split: str) -> str:
    of_part = next((name for one in _ROWS if (name := f"{one}_{split}") in arrays), None)
    if of_part:
        return of_part
    require_one_part(split, path.name)
    for name in _ROWS:
        if name in arrays:
            return name
    tables = [name for name in arrays if arrays[name].ndim > 1]
    if len(tables) == 1:
        return tables[0]
    found = ", ".join(f"{name} {arrays[name].shape}" for name in arrays) or "nothing"
    example = tables[0] if tables else "X"
    raise ValueError(
        f"{path} holds {found}: which array is meant is not clear. Name it, as in "
        f"{path.name}:{example}."
    )


def _ending(name: str) -> str:
    """'_train' or '_test' if the array's name ends so, else nothing."""
    return next((end for end in ("_train", "_test") if name.endswith(end)), "")


def _labels(
    arrays: Mapping[str, np.ndarray], path: Path, target: str | None, ending: str
) -> np.ndarray | None:
    if target:
        return arrays[_named(target, arrays, path)]
    name = next((one + ending for one in _LABELS if one + ending in arrays), None)
    return arrays[name] if name and arrays[name].ndim == 1 else None


def _sparse(arrays: Mapping[str, np.ndarray], path: Path) -> scipy.sparse.csr_array:
    if "format" in arrays and str(arrays["format"][()]) not in ("csr", "b'csr'"):
        raise ValueError(f"{path} is sparse, but not in CSR form. Save X.tocsr() instead.")
    parts = tuple(arrays[name] for name in ("data", "indices", "indptr"))
    try:
        matrix = scipy.sparse.csr_array(parts, shape=tuple(int(n) for n in arrays["shape"]))
        matrix.check_format(full_check=True)  # indices outside would be read from anywhere
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(_unreadable(path, error)) from None
    return matrix


def _refuse_bomb(path: Path) -> None:
    """Raise a ValueError if the arrays unpack to more than this machine's memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(_unreadable(path, error)) from None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise ValueError(
            f"{path} unpacks to {size / 1e9:.1f} GB, more than the {memory / 1e9:.1f} GB of "
            "memory here. Save its rows as .npy, which is read in pieces."
        )


def _unreadable(path: Path, error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return (
            f"{path} is damaged, or holds Python objects, which are never unpickled since that "
            "can run code. Save an array of numbers."
        )
    return f"{path} cannot be read ({error}). It is truncated or damaged: get or save it again."

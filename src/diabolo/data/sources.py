"""Whatever the user has → a checked data set, or one clear sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from diabolo.data import catalogue
from diabolo.data.arrays import from_array
from diabolo.data.csv_table import open_csv
from diabolo.data.dataset import Dataset as Dataset
from diabolo.data.fields import Asked, Schema, check_wishes
from diabolo.data.idx import open_idx, open_idx_folder
from diabolo.data.npy import open_npy, open_npz, split_member
from diabolo.data.parquet import open_parquet
from diabolo.data.pictures import SUFFIXES, open_folder
from diabolo.data.tables import from_frame, is_frame
from diabolo.data.values import guess, require_one_part

_TEXT = {".csv", ".tsv", ".txt"}
_KNOWN = ".csv, .tsv, .parquet, .npy, .npz, idx files (gzipped or not), folders of images"


def open_dataset(
    source: Any,
    *,
    target: str | None = None,
    image_size: tuple[int, int] | None = None,
    split: str = "train",
    schema: Asked = None,
) -> Dataset:
    """Open a data set by name or path, or take an array or a frame.

    source     : "digits", "mnist" or "fashion-mnist"; the path of a .csv, .parquet, .npy, .npz
                 (one array of several: faces.npz:images) or idx file, or of a folder of images; a
                 numpy or torch array of shape (n, d), (n, H, W) or (n, H, W, C), a list of rows, a
                 scipy sparse matrix, or a frame of pandas, polars, pyarrow and others.
                 A name comes before a path: write ./digits for a file so called.
    target     : the column, or array of an .npz, that holds the labels
    image_size : (height, width) for a folder of images; else their own, or the median
    split      : "train" or "test", of sets that come in these two parts
    schema     : of frames, CSV and Parquet: {name: "number", "boolean", "category", "date" or
                 "ignore"} for columns that are not what their type says; or, to read a table as a
                 model does, its `columns_.schema`

    Arrays are not copied, files above 256 MB stay on disk (Parquet and CSV: are unpacked there).
    Values are not looked at yet: `Columns.learn` refuses NaN and infinity. Only in tables may cells
    be missing.
    """
    _check_arguments(image_size, split)
    check_wishes(schema)
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str) and source in catalogue.NAMES:
        _refuse_schema(schema, source)
        return _named(source, split)
    if isinstance(source, str | Path):
        return _from_path(source, target, image_size, split, schema)
    require_one_part(split, "X")
    if is_frame(source):
        return from_frame(source, target=target, schema=schema)
    _refuse_target(target, "An array")
    _refuse_schema(schema, "An array")
    if is_annotated(source):
        return replace(from_array(source.X), names=tuple(map(str, source.var_names)))
    return from_array(source)


def is_annotated(source: Any) -> bool:
    """Whether it is an AnnData or looks like one: a matrix with names of rows and columns."""
    return all(hasattr(source, name) for name in ("X", "obs_names", "var_names"))


def _refuse_schema(schema: Asked, what: str) -> None:
    """A model's own schema is let through: its columns say what does not fit."""
    if schema and not isinstance(schema, Schema):
        raise ValueError(
            f"{what} has no named columns, so the schema names nothing. "
            "Pass a frame, a CSV or a Parquet file, or leave the schema out."
        )


def _check_arguments(image_size: tuple[int, int] | None, split: str) -> None:
    if split not in catalogue.SPLITS:
        raise ValueError(
            f"split={split!r} is unknown{guess(split, catalogue.SPLITS) or '.'} "
            "Known are 'train' and 'test'."
        )
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1):
        raise ValueError(f"image_size={image_size!r}: expected (height, width), such as (28, 28).")


def _refuse_target(target: str | None, what: str) -> None:
    if target is not None:
        raise ValueError(
            f"{what} has no named columns, so target={target!r} names nothing. "
            "Pass the labels beside the data."
        )


def _named(name: str, split: str) -> Dataset:
    images, labels = catalogue.load(name, split)
    return from_array(images, name=name, labels=labels)


def _from_path(
    source: str | Path,
    target: str | None,
    image_size: tuple[int, int] | None,
    split: str,
    schema: Asked,
) -> Dataset:
    path, member = split_member(Path(source).expanduser())
    if not path.exists():
        raise FileNotFoundError(_nothing_there(str(source)))
    if path.is_dir():
        _refuse_schema(schema, str(path))
        return open_idx_folder(path, split) or open_folder(path, image_size, split)
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    kind = suffix.lower()
    if kind == ".npz":
        _refuse_schema(schema, path.name)
        return open_npz(path, member, target, split)
    require_one_part(split, path.name)
    if kind in _TEXT:
        return open_csv(path, target, schema)
    if kind in {".parquet", ".pq"}:
        return open_parquet(path, target, schema)
    _refuse_target(target, path.name)
    _refuse_schema(schema, path.name)
    if kind == ".npy":
        return open_npy(path)
    if re.search(r"idx\d", path.name) or kind == ".idx":
        return open_idx(path)
    raise ValueError(_unknown_kind(path, kind))


def _nothing_there(source: str) -> str:
    bare = Path(source).name == source and "." not in source
    if not bare:
        return f"There is no file or folder {source!r}."
    return (
        f"There is no set, file or folder named {source!r}{guess(source, catalogue.NAMES) or '.'} "
        f"Named sets are {', '.join(catalogue.NAMES)}."
    )


def _unknown_kind(path: Path, kind: str) -> str:
    if kind in SUFFIXES:
        return f"{path} is one image. Pass the folder that holds all of them."
    return f"{path} is of a kind that cannot be read. Known are {_KNOWN}."

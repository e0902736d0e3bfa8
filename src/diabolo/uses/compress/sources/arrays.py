"""Files of one array, .npy and idx ↔ symbols: every byte comes back."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from diabolo.uses.compress.sources import columns, numbers
from diabolo.uses.compress.sources.bounds import Bounds
from diabolo.uses.compress.sources.grids import Rows, Span, add_table, table_back
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.tiles import Tiles, add_images

PIXELS = "pixels"  # what the one column of an array of images is called
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_HEADERS = {  # of .npy, by version: how they are read and written
    (1, 0): (np.lib.format.read_array_header_1_0, np.lib.format.write_array_header_1_0),
    (2, 0): (np.lib.format.read_array_header_2_0, np.lib.format.write_array_header_2_0),
}


def npy(found: Material, content: bytes, bounds: Bounds | None) -> dict[str, Any] | None:
    file = io.BytesIO(content)
    try:
        read, _ = _HEADERS[np.lib.format.read_magic(file)]
        shape, fortran, dtype = read(file)
    except (ValueError, KeyError):
        return None
    if fortran and len(shape) > 2:
        return None
    return _array(found, content, bounds, file.tell(), dtype, shape, fortran)


def idx(found: Material, content: bytes, bounds: Bounds | None) -> dict[str, Any] | None:
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= 4 or len(content) < start:
        return None
    shape = tuple(np.frombuffer(content, ">u4", dimensions, 4).tolist())
    return _array(found, content, bounds, start, np.dtype(IDX_TYPES[content[2]]), shape)


def _array(
    found: Material,
    content: bytes,
    bounds: Bounds | None,
    start: int,
    dtype: np.dtype,
    shape: tuple[int, ...],
    fortran: bool = False,
) -> dict[str, Any] | None:
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or not shape or 0 in shape:
        return None
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        return None
    values = np.frombuffer(content, dtype, offset=start).reshape(
        shape, order="F" if fortran else "C"
    )
    head = {"kind": "array", "head": found.keep(content[:start]), "dtype": dtype.str}
    images = None if fortran else _as_images(values)
    if images is not None:
        bound = bounds and bounds.at(PIXELS)
        if bounds and bound and dtype.kind == "u":
            images = numbers.levels(bound)[images]
            bounds.look(PIXELS, bound, values.reshape(-1), images.reshape(-1))
            head |= found.comes_back(content[:start] + images.tobytes())
        described = add_images(found, images, few=bound is not None)
        return {**head, "images": described, "shape": list(images.shape)}
    table = values.reshape(len(values), -1)
    if table.shape[1] > 2048:
        return None
    if dtype.kind == "b" and values.view(np.uint8).max() > 1:
        return None
    native = table.astype(dtype.newbyteorder("="))
    if fortran:
        head["fortran"] = True
    if bounds is None or dtype.kind == "b":
        parts = [numbers.to_symbols(column, found.keep) for column in native.T]
    else:
        parts, back = _rounded(found, native, bounds)
        order: Any = "F" if fortran else "C"
        head |= found.comes_back(content[:start] + back.astype(dtype).tobytes(order))
    return {**head, "table": add_table(found, parts), "columns": [part[2] for part in parts]}


def _rounded(
    found: Material, table: np.ndarray, bounds: Bounds
) -> tuple[list[columns.Part], np.ndarray]:
    """All columns on grids within their bounds, and the table that comes back."""
    parts, back = [], np.empty_like(table)
    for j, column in enumerate(table.T):
        bound = bounds.at(str(j))
        parts.append(numbers.to_symbols(column, found.keep, bound=bound))
        _, symbols, recipe = parts[-1]
        fetch = found.kept.__getitem__
        back[:, j], _ = numbers.from_symbols(symbols, recipe, fetch, column.dtype)
        if bound:
            bounds.look(str(j), bound, column, back[:, j])
    return parts, back


def _as_images(values: np.ndarray) -> np.ndarray | None:
    """Bytes (n, height, width, channels), if they are images or look like rows of some."""
    if values.dtype not in (np.uint8, np.bool_):
        return None
    values = values.view(np.uint8)
    if values.ndim == 4 and values.shape[3] <= 4:
        return values
    if values.ndim == 3:
        return values[..., None]
    side = math.isqrt(values[0].size)
    if values.ndim == 2 and side >= 8 and side * side == values[0].size:
        return values.reshape(len(values), side, side, 1)
    return None


def array_back(
    entry: dict[str, Any], rows: Rows, fetch: columns.Fetch, span: Span = None
) -> Iterator[bytes]:
    """The bytes of all values, or of those of a span of rows."""
    dtype = np.dtype(str(entry["dtype"]))
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError("its directory has an array of an impossible type")
    if "images" in entry:
        n, height, width, _ = checked_shape(entry["shape"])
        if n * height * width > entry["size"]:  # before memory is asked for an image
            raise ValueError("its directory has an array of another shape than its size")
        first, last = span or (0, n)
        tiles = Tiles.equal(n, height, width)
        values = entry["images"].get("values")
        table = None if values is None else np.array(values, np.uint8)
        found = rows(entry["images"]["stream"], tiles, tiles.of_images(first, last))
        for image in tiles.joined(found, first, last):
            yield (image.astype(np.uint8) if table is None else table[image]).tobytes()
        return
    symbols, recipes = table_back(entry, rows, span)
    native = dtype.newbyteorder("=")
    if len(symbols) * len(recipes) * dtype.itemsize > entry["size"]:
        raise ValueError("its directory has an array of an impossible shape")
    out, place = np.empty((len(symbols), len(recipes)), dtype), 0
    row = span[0] if span else 0
    for j, recipe in enumerate(recipes):
        stop = place + columns.digits_in(recipe)
        out[:, j], _ = numbers.from_symbols(symbols[:, place:stop], recipe, fetch, native, row)
        place = stop
    yield out.tobytes("F" if entry.get("fortran") is True else "C")


def head_of(content: bytes, count: int) -> bytes:
    """What stands before the values of an array, for so many rows instead of all."""
    if content[:2] == b"\0\0":
        return content[:4] + count.to_bytes(4, "big") + content[8:]
    file, new = io.BytesIO(content), io.BytesIO()
    read, write = _HEADERS[np.lib.format.read_magic(file)]
    shape, fortran, dtype = read(file)
    described = {"shape": (count, *shape[1:]), "fortran_order": fortran}
    write(new, {**described, "descr": np.lib.format.dtype_to_descr(dtype)})
    return new.getvalue()


def checked_shape(shape: Any) -> tuple[int, int, int, int]:
    if not (isinstance(shape, list) and len(shape) == 4 and all(type(s) is int for s in shape)):
        raise ValueError("its directory has an array of an impossible shape")
    n, height, width, channels = shape
    if not (1 <= n <= 2**31 and 1 <= height <= 2**20 and 1 <= width <= 2**20 and channels <= 4):
        raise ValueError("its directory has an array of an impossible shape")
    return n, height, width, channels

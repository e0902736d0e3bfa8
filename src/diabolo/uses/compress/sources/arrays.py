"""Files of one array, .npy and idx ↔ symbols: every byte comes back."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from diabolo.uses.compress.content import Content, Source, Stored, blocks
from diabolo.uses.compress.sources import columns, numbers
from diabolo.uses.compress.sources.bounds import Bounds
from diabolo.uses.compress.sources.grids import (
    Rows,
    Span,
    add_table,
    recipes_of,
    table_back,
    whole_table,
)
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.tiles import Tiles, add_images

GROUP = 2**25  # bytes of columns that are read together
PIXELS = "pixels"  # what the one column of an array of images is called
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_HEAD = 2**17  # bytes of a .npy before its values
_HEADERS = {  # of .npy, by version: how they are read and written
    (1, 0): (np.lib.format.read_array_header_1_0, np.lib.format.write_array_header_1_0),
    (2, 0): (np.lib.format.read_array_header_2_0, np.lib.format.write_array_header_2_0),
}


def npy(found: Material, source: Source, bounds: Bounds | None) -> dict[str, Any] | None:
    file = io.BytesIO(source.read(0, _MOST_HEAD))
    try:
        read, _ = _HEADERS[np.lib.format.read_magic(file)]
        shape, fortran, dtype = read(file)
    except (ValueError, KeyError):
        return None
    if fortran and len(shape) > 2:
        return None
    return _array(found, Stored(source, file.tell(), dtype, shape), bounds, fortran)


def idx(found: Material, source: Source, bounds: Bounds | None) -> dict[str, Any] | None:
    head = source.read(0, 20)
    dimensions = head[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= 4 or len(head) < start:
        return None
    shape = tuple(np.frombuffer(head, ">u4", dimensions, 4).tolist())
    return _array(found, Stored(source, start, np.dtype(IDX_TYPES[head[2]]), shape), bounds)


def _array(
    found: Material, values: Stored, bounds: Bounds | None, fortran: bool = False
) -> dict[str, Any] | None:
    """fortran : whether the values lie column by column"""
    shape, dtype = values.shape, values.dtype
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or not shape or 0 in shape:
        return None
    if math.prod(shape) * dtype.itemsize != values.source.size - values.start:
        return None
    of_images = None if fortran else _as_images(dtype, shape)
    if of_images is not None:
        return _images(found, values.seen_as(np.dtype(np.uint8), of_images), dtype, bounds)
    if math.prod(shape[1:]) > 2048:
        return None
    if dtype.kind == "b":
        if any(block.max() > 1 for block in blocks(values.seen_as(np.dtype(np.uint8), shape))):
            return None
        bounds = None
    return _table(found, values, bounds, fortran)


def _images(
    found: Material, images: Stored, dtype: np.dtype, bounds: Bounds | None
) -> dict[str, Any]:
    before = images.source.read(0, images.start)
    head = {"kind": "array", "head": found.keep(before), "dtype": dtype.str}
    bound = bounds and bounds.at(PIXELS)
    if bounds and bound and dtype.kind == "u":
        exact = images
        images = exact.seen_as(exact.dtype, exact.shape, numbers.levels(bound))
        pairs = zip(blocks(exact), blocks(images), strict=True)
        bounds.look(PIXELS, bound, ((a.reshape(-1), b.reshape(-1)) for a, b in pairs))
        head |= found.comes_back(Content.together([Content.of(before), images.content()]))
    described = add_images(found, images, few=bound is not None)
    return {**head, "images": described, "shape": list(images.shape)}


def _table(found: Material, values: Stored, bounds: Bounds | None, fortran: bool) -> dict[str, Any]:
    before, size = values.source.read(0, values.start), values.source.size
    head = {"kind": "array", "head": found.keep(before), "dtype": values.dtype.str}
    if fortran:
        head["fortran"] = True
    parts = [
        found.stored(_part(found, str(j), column, bounds))
        for j, column in enumerate(_columns(values, fortran))
    ]
    head |= {"table": add_table(found, parts), "columns": [part[2] for part in parts]}
    if not bounds or not bounds.found:
        return head
    entry = {**head, "size": size}

    def back() -> Iterator[bytes]:
        """What a reader makes of the symbols."""
        yield before
        yield from array_back(entry, lambda number, *_: found.rows(number), found.fetch)

    return {**head, **found.comes_back(Content(size, back))}


def _columns(values: Stored, fortran: bool) -> Iterator[np.ndarray]:
    """Each column of a table, native, as many read together as fit into `GROUP` bytes."""
    n, width = values.shape[0], math.prod(values.shape[1:])
    native = values.dtype.newbyteorder("=")
    if fortran:
        lines = values.seen_as(values.dtype, (width, n))
        yield from (lines[j : j + 1][0].astype(native) for j in range(width))
        return
    table, together = values.seen_as(values.dtype, (n, width)), max(1, GROUP * width // values.size)
    for first in range(0, width, together):
        group = np.empty((min(together, width - first), n), native)
        row = 0
        for block in blocks(table):
            group[:, row : row + len(block)] = block[:, first : first + together].T
            row += len(block)
        yield from group


def _part(found: Material, name: str, column: np.ndarray, bounds: Bounds | None) -> columns.Part:
    """Symbols of a column, on a grid within its bound."""
    bound = bounds.at(name) if bounds else None
    part = numbers.to_symbols(column, found.keep, bound=bound)
    if bounds and bound:
        back, _ = numbers.from_symbols(part[1], part[2], found.fetch, column.dtype)
        bounds.look(name, bound, [(column, back)])
    return part


def _as_images(dtype: np.dtype, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """(n, height, width, channels) of bytes, if they are images or look like rows of some."""
    if dtype not in (np.uint8, np.bool_):
        return None
    match shape:
        case n, height, width, channels if channels <= 4:
            return n, height, width, channels
        case n, height, width:
            return n, height, width, 1
        case n, pixels if (side := math.isqrt(pixels)) >= 8 and side * side == pixels:
            return n, side, side, 1
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
    recipes, n = recipes_of(entry), entry["table"]["rows"]
    if n * len(recipes) * dtype.itemsize > entry["size"]:
        raise ValueError("its directory has an array of an impossible shape")
    if entry.get("fortran") is True:  # all rows of a column come before the next one
        symbols, first = whole_table(entry, rows, span), span[0] if span else 0
        for column in _columns_back(symbols, recipes, fetch, dtype, first):
            yield column.astype(dtype).tobytes()
        return
    for row, symbols in table_back(entry, rows, span):
        table = np.stack([*_columns_back(symbols, recipes, fetch, dtype, row)], 1)
        yield table.astype(dtype).tobytes()


def _columns_back(
    symbols: np.ndarray, recipes: list[Any], fetch: columns.Fetch, dtype: np.dtype, row: int
) -> Iterator[np.ndarray]:
    """Values of each column, native, from that row on."""
    place, native = 0, dtype.newbyteorder("=")
    for recipe in recipes:
        stop = place + columns.digits_in(recipe)
        values, _ = numbers.from_symbols(symbols[:, place:stop], recipe, fetch, native, row)
        yield values
        place = stop


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

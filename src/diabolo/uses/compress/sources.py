"""Whatever the user has → streams of symbols and kept bytes; and back to the same bytes.

    one file     .npy, idx (what is in a .gz, too): header kept, values coded; byte for byte
                 .csv, .tsv: cells coded; byte for byte
                 anything else: kept by zstandard; byte for byte
    a folder     its files, by their paths within it. Images whose pixels can be had exactly are
                 coded as pixels and come back as PNG (or BMP, PPM …) with the same pixels, mode
                 and metadata; all other files are kept byte for byte.

A model is worth its bytes only where there is much alike: files are gathered into as few streams
as possible, all grey images of a folder into one, all RGB images into another.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diabolo.uses.compress import columns
from diabolo.uses.compress.chunks import STEPS
from diabolo.uses.compress.heads import Plane
from diabolo.uses.compress.layout import Layout
from diabolo.uses.compress.streams import Stream

TILE = 64  # lines and cells of a tile of a large image
MOST_FILES = 1_000_000
_IDX = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_TEXT = {".csv": ",", ".tsv": "\t"}


@dataclass
class Material:
    """What a source was taken apart into.

    files   : what the directory says of each file
    streams : of symbols, to be coded by models
    kept    : bytes, to be packed by zstandard
    size    : bytes of all files together, as they come back
    original : the bytes of each file, for the comparison with zstandard and for the fallback
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    original: list[tuple[str, Callable[[], bytes]]] = field(default_factory=list)

    def keep(self, content: bytes) -> int:
        self.kept.append(content)
        return len(self.kept) - 1


def material(source: str | os.PathLike[str]) -> Material:
    """A file or a folder, taken apart; raises OSError or ValueError with one sentence."""
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(source)!r}.")
    found = Material()
    if path.is_dir():
        from diabolo.uses.compress.folders import add_folder

        add_folder(found, path)
        return found
    name = path.name.removesuffix(".gz") if path.suffix == ".gz" else path.name
    content = gzip.decompress if path.suffix == ".gz" else bytes
    try:
        add_file(found, name, content(path.read_bytes()))
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}). Get it again.") from None
    return found


def add_file(found: Material, name: str, content: bytes) -> None:
    """One file by its bytes."""
    found.original.append((name, lambda: content))
    entry: dict[str, Any] = {"name": name, "size": len(content), "hash": fingerprint(content)}
    suffix = Path(name).suffix.lower()
    described = None
    if suffix == ".npy":
        described = _npy(found, content)
    elif content[:2] == b"\0\0" and len(content) > 4 and content[2] in _IDX:
        described = _idx(found, content)
    elif suffix in _TEXT:
        described = _text(found, content, _TEXT[suffix])
    if described is None:
        described = {"kind": "bytes", "kept": found.keep(content)}
    found.files.append({**entry, **described})


def fingerprint(content: bytes | memoryview) -> str:
    """16 bytes of the SHA-256, as 22 characters."""
    return shown(hashlib.sha256(content))


def shown(hashed: hashlib._Hash) -> str:
    return base64.b64encode(hashed.digest()[:16])[:22].decode()


def together(keep: columns.Keep, files: list[tuple[str, bytes]]) -> dict[str, Any]:
    """What the directory says of files that are kept as they are, one behind the other."""
    whole = b"".join(content for _, content in files)
    entry = {"size": len(whole), "hash": fingerprint(whole), "kept": keep(whole)}
    if len(files) == 1:
        return {"kind": "bytes", "name": files[0][0], **entry}
    lengths = np.array([len(content) for _, content in files], "<u8")
    return {
        "kind": "parts",
        **entry,
        "names": keep("\n".join(name for name, _ in files).encode()),
        "lengths": keep(np.ascontiguousarray(lengths.view("u1").reshape(-1, 8).T).tobytes()),
    }


def parts(entry: dict[str, Any], fetch: columns.Fetch) -> Iterator[bytes]:
    """The files of `together`, once all of them are known to be right."""
    whole, packed = fetch(entry["kept"]), fetch(entry["lengths"])
    if len(packed) % 8 or fingerprint(whole) != entry["hash"]:
        raise ValueError("its files do not come back as they were")
    planar = np.frombuffer(packed, np.uint8).reshape(8, -1)
    lengths = np.ascontiguousarray(planar.T).view("<u8").reshape(-1).tolist()
    if sum(lengths) != len(whole):
        raise ValueError("its directory makes no sense")
    place = 0
    for length in lengths:
        yield whole[place : place + length]
        place += length


# arrays


def _npy(found: Material, content: bytes) -> dict[str, Any] | None:
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, fortran, dtype = read[version](file)
    except (ValueError, KeyError):
        return None
    if fortran and len(shape) > 2:
        return None
    return _array(found, content, file.tell(), dtype, shape, fortran)


def _idx(found: Material, content: bytes) -> dict[str, Any] | None:
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= 4 or len(content) < start:
        return None
    shape = tuple(np.frombuffer(content, ">u4", dimensions, 4).tolist())
    return _array(found, content, start, np.dtype(_IDX[content[2]]), shape)


def _array(
    found: Material,
    content: bytes,
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
        return {**head, "images": add_images(found, images), "shape": list(images.shape)}
    table = values.reshape(len(values), -1)
    if table.shape[1] > 2048:
        return None
    if dtype.kind == "b" and values.view(np.uint8).max() > 1:
        return None
    native = table.astype(dtype.newbyteorder("="))
    parts = [columns.to_symbols(columns.keys_of(column), found.keep) for column in native.T]
    if fortran:
        head["fortran"] = True
    return {**head, "table": _table_stream(found, parts), "columns": [part[2] for part in parts]}


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


def add_images(found: Material, images: np.ndarray) -> dict[str, Any]:
    """Images of one size, whole where they are small, else in tiles."""
    values = np.flatnonzero(np.bincount(images.reshape(-1), minlength=256))
    few = len(values) <= 16
    table = np.searchsorted(values, np.arange(256)).astype(np.int16)
    n, height, width, channels = images.shape
    tiles = Tiles.equal(n, height, width)

    def read(first: int, last: int) -> np.ndarray:
        rows = tiles.cut(lambda i: images[i], first, last, channels)
        return table[rows] if few else rows.astype(np.int16)

    alphabet = len(values) if few else 256
    planes = []
    for c in range(channels):
        counts = np.bincount(images[..., c].reshape(-1), minlength=256)
        planes.append(Plane(alphabet, True, common_edge(counts[values] if few else counts)))
    found.streams.append(image_stream(tiles, tuple(planes), read))
    described: dict[str, Any] = {"stream": len(found.streams) - 1}
    return {**described, "values": values.tolist()} if few else described


def image_stream(
    tiles: Tiles, planes: tuple[Plane, ...], read: Callable[[int, int], np.ndarray]
) -> Stream:
    """The stream of tiles of images, with what is known to predict pixels."""
    whole = tiles.each == 1
    photo = all(plane.edge < 0 for plane in planes) and planes[0].alphabet > 16
    binary = planes[0].alphabet == 2
    layout = Layout(
        tiles.height,
        tiles.width,
        planes,
        reach=60 if binary else 24 if photo else 40,
        across=6,
        beside=4,
        differences=photo,
        position=whole and not photo,
    )
    return Stream(layout, tiles.count, read, tiles.sizes)


def common_edge(counts: np.ndarray) -> int:
    """The first or the last symbol, if it is common enough to be decided first; else −1."""
    if len(counts) < 3:
        return len(counts) - 2
    for edge in (0, len(counts) - 1):
        if counts[edge] > COMMON * counts.sum():
            return edge
    return -1


COMMON = 0.1  # of all


class Tiles:
    """Images of any size cut into equal pieces: where each lies, and the way back.

    heights, widths : of all images. Small images are a tile each, larger ones several of 64 x 64.
    """

    def __init__(self, heights: np.ndarray, widths: np.ndarray) -> None:
        self.heights, self.widths = heights, widths
        self.uniform = heights.strides == (0,)  # one size, never written out for each image
        tallest, widest = (int(heights[0]), int(widths[0])) if self.uniform else (
            int(heights.max()), int(widths.max())
        )  # fmt: skip
        small = max(tallest, widest) <= TILE
        self.height, self.width = (tallest, widest) if small else (TILE, TILE)
        self.each = -(-tallest // self.height) * -(-widest // self.width)
        self.ends = np.zeros(0, np.int64)
        if not self.uniform:
            self.ends = np.cumsum(-(-heights // self.height) * -(-widths // self.width))
        self.count = len(heights) * self.each if self.uniform else int(self.ends[-1])
        even = tallest % self.height == 0 and widest % self.width == 0
        self.exact = self.uniform and even

    @classmethod
    def equal(cls, n: int, height: int, width: int) -> Tiles:
        """Of n images of one size."""
        return cls(np.broadcast_to(np.int64(height), n), np.broadcast_to(np.int64(width), n))

    def places(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of tiles first … last − 1: the image, and the tile's first line and column in it."""
        number = np.arange(first, last)
        if self.uniform:
            image, within = np.divmod(number, self.each)
        else:
            image = np.searchsorted(self.ends, number, side="right")
            within = number - np.concatenate([[0], self.ends])[image]
        line, column = np.divmod(within, -(-self.widths[image] // self.width))
        return image, line * self.height, column * self.width

    def sizes(self, first: int, last: int) -> np.ndarray | None:
        """(n, 2) lines and columns that each of these tiles has; None: all of them."""
        if self.exact:
            return None
        image, y, x = self.places(first, last)
        lines = np.minimum(self.heights[image] - y, self.height)
        return np.stack([lines, np.minimum(self.widths[image] - x, self.width)], 1)

    def cut(
        self, image: Callable[[int], np.ndarray], first: int, last: int, channels: int
    ) -> np.ndarray:
        """Tiles first … last − 1 as (n, height, width, channels) bytes, 0 beyond an edge."""
        rows = np.zeros((last - first, self.height, self.width, channels), np.uint8)
        held: tuple[int, np.ndarray] | None = None
        places = zip(*(place.tolist() for place in self.places(first, last)), strict=True)
        for row, (number, y, x) in zip(rows, places, strict=True):
            if held is None or held[0] != number:
                held = number, image(number)
            piece = held[1][y : y + self.height, x : x + self.width]
            row[: piece.shape[0], : piece.shape[1]] = piece
        return rows

    def joined(self, tiles: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Whole images from all tiles in order, each (height, width, channels)."""
        for h, w in zip(self.heights, self.widths, strict=True):
            h, w = int(h), int(w)
            if (h, w) == (self.height, self.width):
                yield next(tiles)
                continue
            image: np.ndarray | None = None
            for y in range(0, h, self.height):
                for x in range(0, w, self.width):
                    tile = next(tiles)
                    if image is None:
                        image = np.empty((h, w, tile.shape[2]), tile.dtype)
                    piece = image[y : y + self.height, x : x + self.width]
                    piece[:] = tile[: piece.shape[0], : piece.shape[1]]
            assert image is not None
            yield image


# tables


def _table_stream(
    found: Material, parts: list[tuple[list[Plane], np.ndarray, dict[str, Any]]]
) -> dict[str, Any]:
    """All columns as planes of one stream; where it lies and how many rows there are."""
    symbols = np.concatenate([part[1] for part in parts], 1)
    planes = tuple(plane for part in parts for plane in part[0])
    n = len(symbols)
    if not planes:
        return {"rows": n}
    # a piece of rows a lane: few enough lanes that their 28 bits do not count, many for speed
    height = max(32, math.ceil(n / 256), math.ceil(n * len(planes) / 2**18))
    height = min(height, max(1, STEPS // len(planes)))
    pieces = math.ceil(n / height)
    padded = np.zeros((pieces * height, len(planes)), np.int16)
    padded[:n] = symbols
    grids = padded.reshape(pieces, height, 1, len(planes))
    series = _is_series(symbols)
    layout = Layout(
        height,
        1,
        planes,
        reach=2 if series else 0,
        across=1 if series and len(planes) <= 16 else 0,
        beside=24,
        differences=series,
        position=False,
    )
    pieces_of = Pieces(n, height)
    found.streams.append(
        Stream(layout, pieces, lambda first, last: grids[first:last], pieces_of.sizes)
    )
    return {"stream": len(found.streams) - 1, "rows": n}


class Pieces:
    """n rows of a table in pieces of `height`."""

    width = 1

    def __init__(self, n: int, height: int) -> None:
        self.n, self.height = n, height
        self.count = -(-n // height)

    def sizes(self, first: int, last: int) -> np.ndarray | None:
        """(pieces, 2) lines and cells that each of these pieces has; None: all of them."""
        if last * self.height <= self.n:
            return None
        sizes = np.full((last - first, 2), (self.height, 1))
        sizes[-1, 0] = self.n - (last - 1) * self.height
        return sizes


def _is_series(symbols: np.ndarray) -> bool:
    """Whether a row says much of the next: steps are shorter than those between any two rows."""
    if len(symbols) < 64:
        return False
    symbols = symbols[:50_000].astype(np.float64)
    steps = abs(np.diff(symbols, axis=0)).mean(0)
    random = np.random.default_rng(0).permutation(len(symbols))
    anywhere = abs(np.diff(symbols[random], axis=0)).mean(0)
    return bool((steps < 0.7 * anywhere)[anywhere > 0].mean() > 0.2) if anywhere.any() else False


def _text(found: Material, content: bytes, separator: str) -> dict[str, Any] | None:
    """Lines of equally many cells; None for text that is not just that."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    last = lines.pop() if lines and lines[-1] == "" else None
    if len(lines) < 3 or (end == "\n" and "\r" in text):
        return None
    cells = [line.split(separator) for line in lines]
    if any(len(line) != len(cells[0]) for line in cells) or len(cells[0]) > 2048:
        return None
    parts, described = [], []
    for column in zip(*cells[1:], strict=True):
        part = columns.text_to_symbols(list(column), found.keep)
        if part is None:
            kept = found.keep("\n".join(column).encode())
            part = [], np.zeros((len(column), 0), np.int16), {"kept": kept}
        parts.append(part)
        described.append(part[2])
    head = {"separator": separator, "line": end, "last": last is not None, "first": lines[0]}
    return {"kind": "text", **head, "table": _table_stream(found, parts), "columns": described}


# back

Rows = Callable[[Any, Any], Iterator[np.ndarray]]


def restored(
    entry: dict[str, Any],
    rows: Rows,
    fetch: columns.Fetch,
) -> Iterator[bytes]:
    """The bytes of a file, in pieces.

    rows  : all symbols of a stream in order, (height, width, planes) each, given how they lie:
            tiles of images, or the rows of a table
    fetch : kept bytes by their number
    raises ValueError for a directory that makes no sense.
    """
    kind = entry.get("kind")
    if kind == "bytes":
        yield fetch(entry["kept"])
    elif kind == "array":
        yield fetch(entry["head"])
        yield from _array_back(entry, rows, fetch)
    elif kind == "text":
        yield _text_back(entry, rows, fetch)
    else:
        raise ValueError(f"its directory has a file of the unknown kind {kind!r:.20}")


def _array_back(entry: dict[str, Any], rows: Rows, fetch: columns.Fetch) -> Iterator[bytes]:
    dtype = np.dtype(str(entry["dtype"]))
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError("its directory has an array of an impossible type")
    if "images" in entry:
        n, height, width, _ = checked_shape(entry["shape"])
        tiles = Tiles.equal(n, height, width)
        values = entry["images"].get("values")
        table = None if values is None else np.array(values, np.uint8)
        for image in tiles.joined(rows(entry["images"]["stream"], tiles)):
            yield (image.astype(np.uint8) if table is None else table[image]).tobytes()
        return
    symbols, recipes = _table_back(entry, rows)
    native = dtype.newbyteorder("=")
    out, place = np.empty((len(symbols), len(recipes)), dtype), 0
    for j, recipe in enumerate(recipes):
        stop = place + columns.digits_in(recipe)
        keys = columns.from_symbols(symbols[:, place:stop], recipe, fetch)
        out[:, j] = columns.values_of(keys, native)
        place = stop
    yield out.tobytes("F" if entry.get("fortran") is True else "C")


def _table_back(entry: dict[str, Any], rows: Rows) -> tuple[np.ndarray, list[Any]]:
    """Symbols (n, planes) of a table, and how its columns are to be read."""
    recipes, n = entry["columns"], entry["table"]["rows"]
    if not isinstance(recipes, list) or type(n) is not int or not 0 <= n < columns.MOST_ROWS:
        raise ValueError("its directory has a table that makes no sense")
    planes = sum(columns.digits_in(recipe) for recipe in recipes if "kept" not in recipe)
    if "stream" not in entry["table"]:
        if planes or n > 2**28:
            raise ValueError("its directory has a table that makes no sense")
        return np.zeros((n, 0), np.int16), recipes
    symbols = np.concatenate([row[:, 0] for row in rows(entry["table"]["stream"], n)])
    if len(symbols) < n or symbols.shape[1] != planes:
        raise ValueError("its directory has a table that makes no sense")
    return symbols[:n], recipes


def _text_back(entry: dict[str, Any], rows: Rows, fetch: columns.Fetch) -> bytes:
    symbols, recipes = _table_back(entry, rows)
    cells, place = [], 0
    for recipe in recipes:
        if "kept" in recipe:
            column = fetch(recipe["kept"]).decode().split("\n")
        else:
            stop = place + columns.digits_in(recipe)
            column = columns.text_from_symbols(symbols[:, place:stop], recipe, fetch)
            place = stop
        if len(column) != len(symbols):
            raise ValueError("its directory has a column that is too short or too long")
        cells.append(column)
    lines = [str(entry["first"])]
    lines += map(str(entry["separator"]).join, zip(*cells, strict=True))
    return (str(entry["line"]).join(lines) + (str(entry["line"]) if entry["last"] else "")).encode()


def checked_shape(shape: Any) -> tuple[int, int, int, int]:
    if not (isinstance(shape, list) and len(shape) == 4 and all(type(s) is int for s in shape)):
        raise ValueError("its directory has an array of an impossible shape")
    n, height, width, channels = shape
    if not (1 <= n <= 2**31 and 1 <= height <= 2**20 and 1 <= width <= 2**20 and channels <= 4):
        raise ValueError("its directory has an array of an impossible shape")
    return n, height, width, channels


SAFE_NAME = re.compile(r"[^\x00-\x1f\x7f\\/:]{1,255}")


def checked_name(name: Any) -> str:
    """A relative path that stays below the folder it is put in; raises ValueError for others."""
    parts = name.split("/") if isinstance(name, str) and len(name) <= 4096 else []
    good = 1 <= len(parts) <= 32 and all(
        SAFE_NAME.fullmatch(part)
        and part not in (".", "..")
        and len(part.encode(errors="surrogatepass")) <= 255
        for part in parts
    )
    if not good:
        raise ValueError(f"its directory has a file of the unsafe name {name!r:.80}")
    return "/".join(parts)

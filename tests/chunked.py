"""Tables and arrays of every kind, in files of many small chunks, and their rows to compare."""

import io
from pathlib import Path

import numpy as np
import polars as pl

from compressible import saved, smooth
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import streams
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.sources.files import restored, restored_rows
from diabolo.uses.compress.sources.grids import Pieces
from diabolo.uses.compress.sources.material import Material


def uncoded(material: Material, span: tuple[int, int] | None = None) -> list[bytes]:
    """What comes back of each file, or of these rows, with no model between."""

    def rows(number, lie, span=None):
        stream = material.streams[number]
        pieces = Pieces(lie, stream.layout.height) if isinstance(lie, int) else lie
        yield from stream.read(*pieces.holding(span))

    fetch = material.fetch
    if span is None:
        return [
            fetch(entry["kept"])
            if entry["kind"] == "bytes"
            else b"".join(restored(entry, rows, fetch))
            for entry in material.files
        ]
    return [b"".join(restored_rows(entry, rows, fetch, *span)) for entry in material.files]


ROWS = 1500


def table(folder: Path, kind: str) -> Path:
    """A walk with gaps, odd cells, row numbers, days, words, and texts that no model codes."""
    walk = np.random.default_rng(0).integers(-5, 6, ROWS).cumsum()
    if kind == "images.npy":
        return saved(folder, smooth(120, (12, 12)), kind)
    if kind.endswith("npy"):
        array = np.stack([walk, 2 * walk + 1, np.arange(ROWS)], 1) / 4
        array[::50, 0] = np.nan
        array[7, 1] = -0.0
        return saved(folder, np.asfortranarray(array) if "fortran" in kind else array, kind)
    if kind.endswith("idx"):
        array = np.stack([walk, walk[::-1], walk + walk[::-1], 3 * walk], 1)
        head = b"\0\0\x0b\x02" + np.array(array.shape, ">u4").tobytes()
        (folder / kind).write_bytes(head + array.astype(">i2").tobytes())
        return folder / kind
    frame = pl.DataFrame(
        {
            "day": pl.Series(np.arange(ROWS)).cast(pl.Date),
            "walk": walk,
            "word": [["up", "down", "so"][w % 3] for w in walk],
            "text": [f"{w * 7919 % 1000003} and {w % 10}" for w in range(ROWS)],
        }
    ).with_columns(pl.when(pl.col("walk") % 5 > 0).then(pl.col("walk") / 4).alias("gaps"))
    (frame.write_csv if kind.endswith("csv") else frame.write_parquet)(folder / kind)
    return folder / kind


def packed(path: Path, patch, **options) -> Path:
    """In many small chunks."""
    patch.setattr(streams, "CHUNK", 3000 if "images" in path.name else 1000)
    result = compress(path, path.with_suffix(".dbo"), steps=60, n_threads=1, **options)
    assert not result.fallback
    with container.opened(path.with_suffix(".dbo")) as reader:
        assert len(reader.document["streams"][0]["chunks"]) > 2
    return path.with_suffix(".dbo")


def rows_of(content: bytes, name: str):
    """The rows of a file, as something that can be sliced and compared."""
    if name.endswith("npy"):
        return np.load(io.BytesIO(content)).view("u1" if "images" in name else np.uint64)
    if name.endswith("idx"):
        shape = np.frombuffer(content, ">u4", 2, 4)
        return np.frombuffer(content, ">i2", offset=12).reshape(shape)
    if name.endswith("csv"):
        head, *lines = content.decode().splitlines()
        return np.array([f"{head}|{line}" for line in lines])
    return pl.read_parquet(io.BytesIO(content))


def same(one, other) -> bool:
    return (
        one.equals(other, null_equal=True)
        if isinstance(one, pl.DataFrame)
        else (one == other).all()
    )


KINDS = ["x.npy", "fortran.npy", "images.npy", "x.idx", "x.csv", "x.parquet"]

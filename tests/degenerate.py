"""Data that go wrong elsewhere, and what must come of them: one table for all tests.

Every case makes its data in an empty folder. `expected` is a part of the one sentence that a user
must see before any training, or None where the data are good and the result must be right.

    from degenerate import CASES

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_something(case, tmp_path):
        source = case.make(tmp_path)
"""

import gzip
import struct
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse
import torch
from PIL import Image


class Case(NamedTuple):
    name: str
    make: Callable[[Path], Any]
    expected: str | None = None
    error: type[Exception] = ValueError

    def __str__(self) -> str:
        return self.name


def table(n=24, d=4, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(2, 3, (n, d)).astype(dtype)


def changed(row, column, value, dtype=np.float64):
    array = table(dtype=dtype)
    array[row, column] = value
    return array


def frame(**changes):
    return pd.DataFrame({"age": [1.0, 2, 4], "height": [3.0, 4, 4.5]} | changes)


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv(text, name="table.csv"):
    return lambda folder: written(folder, name, text)


def saved(name, array, save=np.save):
    def make(folder):
        save(folder / name, array)
        return folder / name

    return make


def mapped(array, mode="r"):
    def make(folder):
        np.save(folder / "rows.npy", array)
        return np.load(folder / "rows.npy", mmap_mode=mode)

    return make


def images(**files):
    def make(folder):
        for name, image in files.items():
            image.save(folder / f"{name}.png")
        return folder

    return make


def bytes_idx(shape, content, kind=8):
    header = bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return lambda folder: written(folder, "rows-idx.idx", header + content)


def bomb(folder):
    with zipfile.ZipFile(folder / "rows.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", b"\0" * 100)
    raw = (folder / "rows.npz").read_bytes()
    # The directory at the end claims a petabyte for the member.
    at = raw.index(b"PK\x01\x02")
    zip64 = struct.pack("<HHQ", 1, 8, 2**50)
    record = bytearray(raw[at : at + 46 + 5])
    record[24:28] = b"\xff" * 4
    record[30:32] = struct.pack("<H", len(zip64))
    directory = bytes(record) + zip64
    end = bytearray(raw[raw.index(b"PK\x05\x06") :])
    end[12:16] = struct.pack("<I", len(directory))
    return written(folder, "rows.npz", raw[:at] + directory + bytes(end))


def broken_gzip(folder):
    whole = gzip.compress(bytes([0, 0, 8, 2]) + struct.pack(">2I", 4, 3) + bytes(range(12)))
    return written(folder, "rows-idx2-ubyte.gz", whole[:-10])


def noise(height, width, *channels, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, *channels))
    return Image.fromarray(pixels.astype(np.uint8))


NUMERIC_OBJECTS = np.array([[1, 2.5], [True, np.float32(4)], ["3", Decimal("7")]], object)

GOOD = [
    Case("float64", lambda _: table()),
    Case("float32", lambda _: table(dtype=np.float32)),
    Case("float16", lambda _: table(dtype=np.float16)),
    Case("long double", lambda _: table(dtype=np.longdouble)),
    Case("uint8", lambda _: np.arange(40, dtype=np.uint8).reshape(10, 4) * 6),
    Case("int8 with negatives", lambda _: np.arange(-20, 20, dtype=np.int8).reshape(10, 4)),
    Case("uint16", lambda _: np.arange(40, dtype=np.uint16).reshape(10, 4) * 1000),
    Case("int64", lambda _: np.arange(40).reshape(10, 4)),
    Case("uint64 above 2^63", lambda _: np.arange(40, dtype=np.uint64).reshape(10, 4) + 2**63),
    Case("true and false", lambda _: table() > 2),
    Case("list of lists", lambda _: [[1, 2], [3, 4.5], [6, 6]]),
    Case("objects that are numbers", lambda _: NUMERIC_OBJECTS),
    Case("big-endian", lambda _: table().astype(">f8")),
    Case("big-endian int16", lambda _: np.arange(40).reshape(10, 4).astype(">i2")),
    Case("negative strides", lambda _: table()[::-1, ::-1]),
    Case("every other row and column", lambda _: table(40, 8)[::2, ::2]),
    Case("Fortran order", lambda _: np.asfortranarray(table())),
    Case("one row repeated by stride 0", lambda _: np.broadcast_to(table(1), (9, 4))),
    Case("read-only", lambda _: np.frombuffer(table().tobytes()).reshape(-1, 4)),
    Case("memory map", mapped(table())),
    Case("memory map, reversed", lambda folder: mapped(table())(folder)[::-1]),
    Case("memory map, big-endian", mapped(table().astype(">f4"))),
    Case("memory map, Fortran order", mapped(np.asfortranarray(table()))),
    Case("memory map, copy on write", mapped(table(), "c")),
    Case("masked array without masks", lambda _: np.ma.array(table())),
    Case("torch", lambda _: torch.from_numpy(table())),
    Case("torch bfloat16", lambda _: torch.from_numpy(table()).bfloat16()),
    Case("torch with gradient", lambda _: torch.from_numpy(table()).requires_grad_()),
    Case("torch, transposed", lambda _: torch.from_numpy(table(4, 24)).T),
    Case("sparse CSR", lambda _: scipy.sparse.csr_array(np.eye(9) * 3)),
    Case("sparse COO with doubles", lambda _: scipy.sparse.coo_array(([1.0, 2], ([0, 0], [1, 1])))),
    Case("sparse, 64-bit indices", lambda _: scipy.sparse.csc_matrix(np.eye(9, dtype=np.int32))),
    Case("pandas", lambda _: frame()),
    Case("pandas, mixed types", lambda _: frame(smokes=[True, False, True], n=[1, 2, 3])),
    Case("pandas, columns named by numbers", lambda _: pd.DataFrame(table())),
    Case("pandas, nullable without nulls", lambda _: frame().astype("Float64")),
    Case("pandas, objects", lambda _: frame(n=np.array([1, 2.5, 3], object))),
    Case("polars", lambda _: pl.from_pandas(frame())),
    Case("polars, lazy", lambda _: pl.from_pandas(frame()).lazy()),
    Case("polars, decimals", lambda _: pl.DataFrame({"a": [Decimal("1.5"), Decimal("2.5")]})),
    Case("pyarrow", lambda _: pl.from_pandas(frame()).to_arrow()),
    Case("images, grey", lambda _: np.arange(7 * 64, dtype=np.uint16).reshape(7, 8, 8)),
    Case("images, colour", lambda _: np.zeros((7, 8, 9, 3), np.uint8) + 200),
    Case("images, one channel", lambda _: table(7, 64).reshape(7, 8, 8, 1)),
    Case("one row", lambda _: table(1)),
    Case("two rows", lambda _: table(2)),
    Case("one column", lambda _: table(d=1)),
    Case("one value", lambda _: np.array([[3.0]])),
    Case("all zero", lambda _: np.zeros((9, 4))),
    Case("all the same", lambda _: np.full((9, 4), 7.5)),
    Case("a constant column", lambda _: np.c_[table(), np.full(24, 0.1)]),
    Case("same column twice", lambda _: np.c_[table(), table()]),
    Case("values of 1e30", lambda _: table() * 1e30),
    Case("values of 1e30 in float32", lambda _: (table() * 1e30).astype(np.float32)),
    Case("values of 1e-30", lambda _: table() * 1e-30),
    Case("subnormal values", lambda _: table() * 1e-310),
    Case("one outlier of 1e12", lambda _: changed(5, 2, 1e12)),
    Case("a large offset", lambda _: table() + 1e9),
    Case("1.6e9 seconds in float32", lambda _: (table() * 1e3 + 1.6e9).astype(np.float32)),
    Case("CSV", csv("a,b\n1,2\n3,4.5\n5,5\n")),
    Case("CSV without a header", csv("1,2\n3,4.5\n5,5\n")),
    Case("CSV, semicolons, BOM, CRLF", csv("\ufeffa;b\r\n1;2\r\n3;4\r\n")),
    Case("CSV, true and false", csv("a,b\n1,true\n0,false\n")),
    Case("CSV, quoted", csv('"a, b","c"\n"1","2"\n"3","4"\n')),
    Case("CSV, columns named 0, 1, 2", csv("0,1,2\n5,6,7\n8,9,10\n")),
    Case("CSV, wide late rows", csv("a\n" + "1\n" * 2000 + "70000.5\n")),
    Case("npy, Fortran order", saved("rows.npy", np.asfortranarray(table()))),
    Case("idx", bytes_idx((4, 3), bytes(range(12)))),
    Case("idx, big-endian int", bytes_idx((2, 1), struct.pack(">2i", -5, 70000), 12)),
    Case("images of two sizes", images(a=noise(8, 9), b=noise(12, 10))),
    Case("images, one grey, one with alpha", images(a=noise(8, 8), b=noise(8, 8, 4))),
    Case("image of one pixel", images(a=noise(1, 1))),
]


def days(*texts):
    return pd.to_datetime(list(texts))


# tables with text, dates or missing cells
MIXED = [
    Case("pandas NaN", lambda _: frame(n=[1, np.nan, 3])),
    Case("pandas NA", lambda _: frame(n=pd.array([1, None, 3], "Int64"))),
    Case("pandas, Arrow types", lambda _: frame(n=pd.array([1, None, 3], "int64[pyarrow]"))),
    Case("pandas text", lambda _: frame(sex=["f", "m", "f"])),
    Case("pandas, text with gaps", lambda _: frame(sex=["f", None, "m"])),
    Case("pandas, empty texts", lambda _: frame(sex=["", "m", ""])),
    Case("pandas, objects of text", lambda _: frame(s=np.array(["f", None, "m"], object))),
    Case("pandas categories", lambda _: frame(s=pd.Categorical([1, 2, 1]))),
    Case(
        "pandas, unused categories",
        lambda _: frame(s=pd.Categorical(["u", "v", None], categories=list("wvu"), ordered=True)),
    ),
    Case("pandas, intervals", lambda _: frame(s=pd.cut([1, 2, 3], 2))),
    Case("pandas, yes and no with gaps", lambda _: frame(b=[True, None, False])),
    Case("pandas, nullable yes and no", lambda _: frame(b=pd.array([1, None, 0], "boolean"))),
    Case("pandas dates", lambda _: frame(d=days("2026-01-01", "2026-01-05", None))),
    Case("pandas, one date", lambda _: frame(d=days("2026-01-01", "2026-01-01", "2026-01-01"))),
    Case(
        "pandas, dates with time zones",
        lambda _: frame(d=days("2026-01-01", "2026-01-05", None).tz_localize("Europe/Berlin")),
    ),
    Case("pandas, columns by number", lambda _: pd.DataFrame({0: [1.0, None], 1: ["a", "b"]})),
    Case("pandas, nothing in a column", lambda _: frame(n=[None, None, None])),
    Case("pandas, nothing in a row", lambda _: pd.DataFrame({"a": [1, None], "b": ["u", None]})),
    Case("a category seen once", lambda _: frame(s=["a", "b", "b"])),
    Case("one category", lambda _: frame(s=["a", "a", "a"])),
    Case("text alone", lambda _: pd.DataFrame({"s": ["a", "b", "b"]})),
    Case(
        "1,000 categories",
        lambda _: pd.DataFrame({"s": [f"c{i % 1000}" for i in range(2000)], "n": range(2000)}),
    ),
    Case("polars null", lambda _: pl.DataFrame({"n": [1, None]})),
    Case("polars NaN", lambda _: pl.DataFrame({"n": [1.0, float("nan")]})),
    Case("polars, nothing in a column", lambda _: pl.DataFrame({"n": [None, None], "m": [1, 2]})),
    Case(
        "polars, Enum", lambda _: pl.DataFrame({"s": pl.Series(["a", None], dtype=pl.Enum("ba"))})
    ),
    Case(
        "polars, Categorical",
        lambda _: pl.DataFrame({"s": pl.Series(["a", "b"], dtype=pl.Categorical)}),
    ),
    Case("polars, lazy text", lambda _: pl.LazyFrame({"s": ["a", "b"]})),
    Case("pyarrow text", lambda _: pa.table({"s": ["a", None], "n": [1, 2]})),
    Case(
        "pyarrow, dictionary", lambda _: pa.table({"s": pa.array(["a", "b"]).dictionary_encode()})
    ),
    Case("CSV, text", csv("a,b\n1,2\n3,x\n")),
    Case("CSV, missing", csv("a,b\n1,2\n3,\n")),
    Case("CSV, NA after the sample", csv("a\n" + "1\n" * 3000 + "NA\n")),
    Case("CSV, nan", csv("a,b\n1,2\n3,nan\n")),
    Case("CSV, row too short", csv("a,b\n1,2\n3\n")),
    Case("CSV, dates", csv("d,n\n2026-01-31,1\n2025-12-31,2\n,3\n")),
    Case("CSV, moments", csv("d,n\n2026-01-31T12:30:00,1\n2025-12-31T00:00:00,2\n")),
    Case("CSV, no dates after the sample", csv("d\n" + "2026-01-31\n" * 3000 + "never\n")),
    Case("CSV, an empty column", csv("a,b\n1,\n3,\n")),
    Case("CSV, text with separators", csv('a,b\n"x, y",2\n"z ""q""",3\n')),
]

BAD = [
    Case("NaN", lambda _: changed(5, 2, np.nan), "X contains NaN in row 5, column 2."),
    Case("NaN in float16", lambda _: changed(5, 2, np.nan, np.float16), "NaN in row 5, column 2."),
    Case("infinity", lambda _: changed(5, 2, np.inf), "infinity (inf) in row 5, column 2."),
    Case("minus infinity", lambda _: changed(7, 0, -np.inf), "(-inf) in row 7, column 0."),
    Case(
        "float32 infinity", lambda _: changed(1, 1, np.inf, np.float32), "infinity (inf) in row 1"
    ),
    Case("NaN in an image", lambda _: changed(3, 2, np.nan).reshape(24, 2, 2), "pixel (1, 0)"),
    Case(
        "NaN in a sparse matrix", lambda _: scipy.sparse.csr_array(changed(5, 2, np.nan)), "row 5"
    ),
    Case("None", lambda _: np.array([[1, None]], object), "NaN in row 0, column 1"),
    Case("masked values", lambda _: np.ma.masked_less(table(), 0), "masked"),
    Case("±1e308", lambda _: np.array([[1.7e308, 2], [-1.7e308, 3]]), "overflow float64"),
    Case("1e300 squared", lambda _: table() * 1e300, "overflow float64"),
    Case("complex", lambda _: table() + 1j, "Complex data not supported: X has dtype complex128."),
    Case(
        "complex, pandas", lambda _: frame(z=[1j, 2, 3]), "Complex data not supported: column 'z'"
    ),
    Case("complex, sparse", lambda _: scipy.sparse.csr_array(np.eye(3) * 1j), "Complex data not"),
    Case("text", lambda _: np.array([["a", "b"]]), "X holds text"),
    Case("text among numbers", lambda _: [[1, 2], [3, "four"]], "X holds text"),
    Case("text objects", lambda _: np.array([[1, "four"]], object), "'four' in row 0, column 1"),
    Case("pandas sets", lambda _: frame(s=[{1}, {2}, {3}]), "column 's' of X holds lists or other"),
    Case("pandas bytes", lambda _: frame(s=[b"1", b"x", b"3"]), "column 's' of X holds b'x'"),
    Case(
        "polars lists", lambda _: pl.DataFrame({"a": [[1, 2], [3]]}), "column 'a' of X is of type"
    ),
    Case("times", lambda _: frame(t=pd.to_timedelta([1, 2, 3])), "column 't' of X is of type"),
    Case("nothing at all", lambda _: pl.DataFrame({"n": [None, None]}), "NaN or nothing in every"),
    Case(
        "text and numbers", lambda _: frame(s=["a", 1, 2.5]), "holds text and numbers, such as 'a'"
    ),
    Case(
        "names of rows",
        lambda _: pd.DataFrame({"id": [f"row {i}" for i in range(60)], "n": range(60)}),
        "column 'id' of X has 60 different texts in 60 rows",
    ),
    Case(
        "more categories than can be told apart",
        lambda _: pd.DataFrame({"s": [f"c{i % 10_001}" for i in range(30_000)]}),
        "10,001 different values",
    ),
    Case(
        "infinity in a mixed table", lambda _: frame(n=[1, np.inf, None]), "infinity (inf) in row 1"
    ),
    Case(
        "±1e308 in a mixed table", lambda _: frame(n=[1.7e308, -1.7e308, None]), "overflow float64"
    ),
    Case("dates", lambda _: np.array([["2026-01-01"]], "datetime64[D]"), "dates or times"),
    Case(
        "a dictionary in a cell",
        lambda _: np.array([[1, {}]], object),
        "argument must be a string or a real",
        TypeError,
    ),
    Case("fields", lambda _: np.zeros((3, 2), [("a", float)]), "one column for every field"),
    Case("ragged", lambda _: [[1, 2], [3]], "X is ragged: row 0 has 2 values, row 1 has 1."),
    Case("ragged objects", lambda _: np.array([[1, 2], [3]], object), "Expected 2D array, got 1D"),
    Case("1-d", lambda _: np.arange(5.0), "Expected 2D array, got 1D array instead"),
    Case("1-d, remedy", lambda _: np.arange(5.0), "Reshape your data"),
    Case("pandas series", lambda _: frame()["age"], "Expected 2D array, got 1D array instead"),
    Case("1-d sparse", lambda _: scipy.sparse.coo_array([1, 0, 2]), "Expected 2D array, got 1D"),
    Case("a number", lambda _: 3.0, "Expected 2D array, got scalar array instead"),
    Case("nothing", lambda _: None, "Expected 2D array, got scalar array instead"),
    Case("empty list", lambda _: [], "Expected 2D array, got 1D array instead"),
    Case("no rows", lambda _: np.empty((0, 3)), "0 sample(s) (shape=(0, 3)) while a minimum of 1"),
    Case("no columns", lambda _: np.empty((12, 0)), "0 feature(s) (shape=(12, 0)) while a minimum"),
    Case(
        "no columns, pandas", lambda _: frame()[[]], "0 feature(s) (shape=(3, 0)) while a minimum"
    ),
    Case("no rows, polars", lambda _: pl.DataFrame({"a": []}), "0 sample(s) (shape=(0, 1))"),
    Case("no rows, sparse", lambda _: scipy.sparse.csr_array((0, 3)), "0 sample(s)"),
    Case("images without height", lambda _: np.empty((5, 0, 8)), "0 feature(s)"),
    Case("5-d", lambda _: np.zeros((2, 3, 4, 5, 6)), "X.reshape(len(X), -1)"),
    Case("channels first", lambda _: torch.zeros(5, 3, 32, 32), "np.moveaxis(X, 1, -1)"),
    Case("sparse torch", lambda _: torch.eye(3).to_sparse(), "X.to_dense()", TypeError),
    Case("duplicate names, pyarrow", lambda _: pa.table([[1], [2]], ["a", "a"]), "2 columns named"),
    Case(
        "duplicate names",
        lambda _: pd.DataFrame(table(), columns=list("abca")),
        "2 columns named 'a'",
    ),
    Case("CSV, a slip", csv("a,b\n1,2\n3,x\n5,6\n"), "table.csv has 'x' in row 1, column 'b'"),
    Case("CSV, nothing but names", csv("a,b\n,\n,\n"), "NaN or nothing in every cell"),
    Case("CSV, text after the sample", csv("a,b\n" + "1,2\n" * 3000 + "3,x\n"), "'x' in row 3000"),
    Case("CSV, row too long", csv("a,b\n1,2\n3,4,5\n"), "cannot be read as a table"),
    Case("CSV, duplicate names", csv("a,b,a\n1,2,3\n"), "2 columns named 'a'"),
    Case("CSV, row numbers", csv(",a\n0,5\n1,6\n"), "column 0 has no name"),
    Case("CSV, only a header", csv("a,b\n"), "0 sample(s) (shape=(0, 2))"),
    Case("CSV, empty", csv(""), "is empty"),
    Case("CSV, Latin-1", csv("größe\n1\n".encode("latin-1")), "not text in UTF-8"),
    Case("CSV, broken gzip", csv(gzip.compress(b"a\n1\n")[:-6], "table.csv.gz"), "damaged gzip"),
    Case("Parquet, not", csv("a,b\n1,2\n", "table.parquet"), "cannot be read as Parquet"),
    Case("npy, objects", saved("rows.npy", np.array([[{}]], object)), "never unpickled"),
    Case(
        "npy, truncated",
        lambda folder: written(
            folder, "rows.npy", saved("x.npy", table())(folder).read_bytes()[:-8]
        ),
        "truncated or damaged",
    ),
    Case("npy, not", csv("hello", "rows.npy"), "damaged, or holds Python objects"),
    Case("npz, not", csv("hello", "rows.npz"), "truncated or damaged"),
    Case(
        "npz, two tables",
        lambda folder: saved(
            "rows.npz", None, lambda path, _: np.savez(path, a=table(), b=table())
        )(folder),
        "rows.npz:a",
    ),
    Case("npz, a bomb", bomb, "more than the"),
    Case("idx, truncated", bytes_idx((4, 3), bytes(11)), "holds only 11"),
    Case("idx, too long", bytes_idx((4, 3), bytes(13)), "holds more"),
    Case("idx, a petabyte announced", bytes_idx((2**31, 2**10, 2**9), b""), "holds only 0"),
    Case("idx, not", csv("hello world", "rows.idx"), "not an idx file"),
    Case("idx, broken gzip", broken_gzip, "damaged gzip"),
    Case("folder without images", lambda folder: folder, "holds no images"),
    Case(
        "folder with a broken image", lambda folder: written(folder, "a.png", "no").parent, "a.png"
    ),
    Case("one image", lambda folder: images(a=noise(8, 8))(folder) / "a.png", "is one image"),
    Case("unknown kind", csv("x", "rows.xlsx"), "of a kind that cannot be read"),
    Case("no such file", lambda folder: folder / "rows.csv", "There is no file", FileNotFoundError),
    Case("misspelt name", lambda _: "mnits", "did you mean 'mnist'?", FileNotFoundError),
]

# families that say so of mixed tables
NUMBERS_ALONE = {
    "ConvolutionalAutoencoder",
    "IsometricAutoencoder",
    "ParametricUMAP",
    "SUREAutoencoder",
    "SparseDictionary",
    "VAEGAN",
}

CASES = GOOD + MIXED + BAD

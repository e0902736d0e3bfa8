"""Whole files: everything comes back exactly, however it was compressed."""

import io
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from compressible import always_by_models, folder_of_images, saved, smooth, there_and_back
from diabolo.files import DamagedFileError
from diabolo.uses.compress import pool
from diabolo.uses.compress.coding.models import save_model
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress
from soaked import counted

ARRAYS = {
    "grey": smooth(40, (9, 11)),
    "colour": smooth(20, (8, 8, 3)),
    "binary": (smooth(50, (8, 8)) > 128).astype(np.uint8) * 255,
    "booleans": smooth(50, (8, 8)) > 128,
    "one image": smooth(1, (100, 70)),
    "flat rows": smooth(40, (8, 8)).reshape(40, 64),
    "constant": np.full((20, 8, 8), 7, np.uint8),
    "one value": np.zeros(1, np.int64),
    "nothing": np.zeros((0, 5)),
    "scalar": np.array(3.0),
    "int16": np.arange(-300, 300, dtype=np.int16).reshape(200, 3) ** 2,
    "int64": np.array([[np.iinfo(np.int64).min, 5], [np.iinfo(np.int64).max, 6], [0, 7]]),
    "uint64": np.array([2**64 - 1, 0, 5, 2**63], np.uint64),
    "big-endian": np.arange(60, dtype=">i4").reshape(20, 3) * 70_001,
    "float32": np.linspace(-1, 1, 300, dtype=np.float32).reshape(100, 3) ** 3,
    "float64": np.random.default_rng(0).normal(size=(64, 4)).round(1),
    "float16": np.arange(64, dtype=np.float16),
    "extremes": np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, 1.8e308, -1.0] * 20),
    "complex": np.arange(4) * 1j,
    "column order": np.asfortranarray(np.arange(60.0).reshape(20, 3)),
    "wide": np.arange(3 * 3000, dtype=np.int32).reshape(3, 3000),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name, tmp_path):
    path = saved(tmp_path, ARRAYS[name])
    _, found = there_and_back(path, tmp_path)
    assert found == {"x.npy": path.read_bytes()}


# anything, coded by models whether they gain or not, in chunks of any size

DTYPES = st.sampled_from(["u1", "i1", "<i2", ">u2", "<i4", "<i8", "<u8", "<f4", "<f8", ">f8", "?"])
SHAPES = arrays.array_shapes(max_dims=4, min_side=0, max_side=7)
ANY_ARRAY = DTYPES.flatmap(  # many of them constant but for a few entries
    lambda dtype: arrays.arrays(dtype, SHAPES, fill=arrays.from_dtype(np.dtype(dtype)))
)
ANY_TEXT = st.lists(
    st.lists(st.text("012.-e x\ré\x1e", max_size=4), min_size=2, max_size=2), max_size=30
)
CHUNKS = st.sampled_from([1, 10, 100, 2**21])  # symbols
MANY = int(os.environ.get("DIABOLO_ROUND_TRIPS", "5000"))
RELAXED = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def comes_back(path: Path, folder: Path, chunk: int) -> int:
    """The symbols that models coded on the way there and back."""
    with always_by_models(chunk=chunk):
        result = compress(path, folder / "x.dbo", steps=1, n_threads=1)
    (back,) = decompress(folder / "x.dbo", folder / "back", n_threads=1, force=True)
    assert back.read_bytes() == path.read_bytes()
    return result.values


def text_file(folder: Path, rows: list[list[str]]) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join(map(",".join, rows)), newline="")
    return path


@settings(max_examples=40, **RELAXED)
@given(array=ANY_ARRAY, chunk=CHUNKS)
def test_any_array(array, chunk, tmp_path):
    comes_back(saved(tmp_path, array), tmp_path, chunk)


@settings(max_examples=40, **RELAXED)
@given(rows=ANY_TEXT, chunk=CHUNKS)
def test_any_text(rows, chunk, tmp_path):
    comes_back(text_file(tmp_path, rows), tmp_path, chunk)


@pytest.mark.soak
def test_ten_thousand_inputs_come_back(tmp_path):
    arrays, texts = tmp_path / "arrays", tmp_path / "texts"
    arrays.mkdir()
    texts.mkdir()
    with counted("compression there and back") as counts:
        coded: list[int] = []

        @settings(max_examples=MANY, **RELAXED)
        @given(array=ANY_ARRAY, chunk=CHUNKS)
        def arrays_come_back(array, chunk):
            coded.append(comes_back(saved(arrays, array), arrays, chunk))

        @settings(max_examples=MANY, **RELAXED)
        @given(rows=ANY_TEXT, chunk=CHUNKS)
        def texts_come_back(rows, chunk):
            coded.append(comes_back(text_file(texts, rows), texts, chunk))

        arrays_come_back()
        texts_come_back()
        counts |= {
            "inputs": len(coded),
            "coded by models": sum(values > 0 for values in coded),
            "symbols": sum(coded),
            "different": 0,
        }
        assert counts["coded by models"] > len(coded) / 5


TEXTS = {
    "numbers": "a,b\n" + "\n".join(f"{i * i % 17},{i * 0.25:.2f}" for i in range(200)) + "\n",
    "no last line": "a,b\n1,2\n3,4\n5,6",
    "windows": "a,b\r\n1,x\r\n2,y\r\n3,x\r\n",
    "ragged": "a,b\n1,2\n3\n4,5\n",
    "quoted": 'a,b\n"1,5",2\n"3,5",4\n5,6\n',
    "empty cells": "a,b\n1,\n,2\n3,\n" * 20,
    "dates": "d\n" + "\n".join(f"2020-01-{i % 28 + 1:02d} 0{i % 10}:00:00" for i in range(50)),
    "hours": "d,v\n" + "\n".join(f"2020-01-01 {i:02d}:00:00,{i % 3}" for i in range(24)) + "\n",
    "names": "n,k\n" + "\n".join(f"{['red', 'green', 'blue'][i % 3]},{i}" for i in range(99)),
    "odd numbers": "v\n1e5\n-0\n007\n1.50\n.5\n" * 30,
    "huge numbers": "v\n123456789012345678901234567890\n1\n2\n" * 9,
    "singles": "v\n" + "\n".join(str(float(np.float32(i * 0.067))) for i in range(200)),
    "empty": "",
    "one line": "a,b,c",
    "not text": "a,b\n\udcff,1\n2,3\n4,5\n",
    "mixed ends": "a,b\r\n1,2\n3,4\r\n5,6\r\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(TEXTS[name].encode(errors="surrogateescape"))
    _, found = there_and_back(path, tmp_path)
    assert found == {"t.csv": path.read_bytes()}


def test_a_table_that_a_model_is_worth_for(tmp_path):
    """Hours, a walk, what follows from it, singles, truths; all of it through the model."""
    walk = np.random.default_rng(0).integers(-5, 6, 4000).cumsum()
    hours = np.datetime64("2020-01-01T00:00:00") + np.arange(4000).astype("timedelta64[h]")
    columns = {
        "d": [text.replace("T", " ") for text in np.datetime_as_string(hours).tolist()],
        "w": walk.tolist(),
        "v": (2 * walk + 3).tolist(),
        "s": (walk * 0.067).round(3).astype(np.float32).astype(np.float64).tolist(),
        "b": (walk > 0).tolist(),
    }
    lines = [columns, *zip(*columns.values(), strict=True)]
    path = tmp_path / "t.csv"
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    result, found = there_and_back(path, tmp_path, steps=200)
    assert found == {"t.csv": path.read_bytes()}
    assert not result.fallback
    assert result.size < 0.7 * result.zstandard


def test_idx_and_what_is_in_a_gzip_file(tmp_path):
    import gzip

    content = b"\0\0\x08\x03" + np.array([30, 9, 9], ">u4").tobytes() + smooth(30, (9, 9)).tobytes()
    (tmp_path / "t-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    _, found = there_and_back(tmp_path / "t-idx3-ubyte.gz", tmp_path)
    assert found == {"t-idx3-ubyte": content}


def test_any_other_file(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear reader" * 50)
    result, found = there_and_back(path, tmp_path)
    assert result.fallback
    assert found == {"letter.txt": path.read_bytes()}


# folders


def test_folder_of_images(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    pixels = folder_of_images(source)
    result, found = there_and_back(source, tmp_path, steps=100)
    assert found.keys() == {p.relative_to(source).as_posix() for p in source.rglob("*.*")}
    for name in ("palette.png", "photo.jpg", "note.txt"):
        assert found[name] == (source / name).read_bytes()
    for name, array in pixels.items():
        with Image.open(io.BytesIO(found[name])) as image, Image.open(source / name) as before:
            assert np.array_equal(np.asarray(image), array)
            assert (image.mode, image.info, image.text) == (before.mode, before.info, before.text)
    assert not result.fallback


def test_folder_that_does_not_gain_comes_back_byte_for_byte(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(noise).save(source / "noise.png")
    result, found = there_and_back(source, tmp_path)
    assert result.fallback
    assert found == {"noise.png": (source / "noise.png").read_bytes()}


# models of their own


def test_model_kept_apart(tmp_path):
    first = compress(
        saved(tmp_path, smooth(300, (12, 12))), tmp_path / "first.dbo", steps=100, n_threads=1
    )
    save_model(tmp_path / "model.safetensors", first.models[0])
    path = saved(tmp_path, smooth(100, (12, 12), seed=1), "new.npy")
    apart = compress(path, tmp_path / "new.dbo", model=tmp_path / "model.safetensors", n_threads=1)
    within = compress(
        path, tmp_path / "own.dbo", model=tmp_path / "model.safetensors", embed=True, n_threads=1
    )
    assert apart.training == 0
    assert apart.size < within.size
    with pytest.raises(DamagedFileError, match="made with a model that is not in it: pass that"):
        decompress(tmp_path / "new.dbo", tmp_path / "back")
    decompress(tmp_path / "new.dbo", tmp_path / "back", model=tmp_path / "model.safetensors")
    assert (tmp_path / "back" / "new.npy").read_bytes() == path.read_bytes()
    decompress(tmp_path / "own.dbo", tmp_path / "back", force=True)

    save_model(tmp_path / "other.safetensors", _another(tmp_path))
    with pytest.raises(DamagedFileError, match="another model than the one you passed"):
        decompress(tmp_path / "new.dbo", tmp_path / "no", model=tmp_path / "other.safetensors")
    assert not (tmp_path / "no").exists()


def _another(folder: Path):
    path = saved(folder, smooth(300, (12, 12), seed=5), "other.npy")
    return compress(path, folder / "other.dbo", steps=60, n_threads=1, seed=9).models[0]


def test_same_seed_same_bytes(tmp_path):
    path = saved(tmp_path, smooth(60, (12, 12)))
    for name in ("a.dbo", "b.dbo"):
        compress(path, tmp_path / name, steps=20, n_threads=1)
    assert (tmp_path / "a.dbo").read_bytes() == (tmp_path / "b.dbo").read_bytes()


def test_processes_code_what_one_does(tmp_path, monkeypatch):
    path = saved(tmp_path, smooth(300, (12, 12)))
    model = tmp_path / "model.safetensors"
    with always_by_models(chunk=8192):
        save_model(model, compress(path, tmp_path / "x.dbo", steps=20, n_threads=1).models[0])
        compress(path, tmp_path / "one.dbo", model=model, n_threads=1)
        monkeypatch.setattr(pool, "WORTH", 1)
        compress(path, tmp_path / "two.dbo", model=model, n_threads=2)
    assert (tmp_path / "one.dbo").read_bytes() == (tmp_path / "two.dbo").read_bytes()
    (back,) = decompress(tmp_path / "two.dbo", tmp_path / "back", model=model, n_threads=2)
    assert back.read_bytes() == path.read_bytes()


def test_interruption_leaves_nothing(tmp_path):
    """Ctrl-C in the middle of training, of coding and of decoding."""
    path = saved(tmp_path, smooth(300, (12, 12)))
    for stop in ("training", "coding", "decoding"):

        def report(stage, *_, stop=stop):
            if stage == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            compress(path, tmp_path / "x.dbo", steps=100, n_threads=1, report=report)
        left = {p.name for p in tmp_path.iterdir()}
        assert left <= {"x.npy"} | ({"x.dbo"} if stop == "decoding" else set())


def test_crc_of_pngs_is_checked(tmp_path):
    """A damaged PNG is no image: it is kept as it is."""
    source = tmp_path / "source"
    source.mkdir()
    folder_of_images(source)
    path = source / "a" / "one.png"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert zlib.crc32(content)
    _, found = there_and_back(source, tmp_path, steps=20)
    assert found["a/one.png"] == bytes(content)


def test_what_the_page_shows_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[3] / "docs" / "uses" / "compress.md").read_text()
    code, *_ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["result"].size < names["result"].zstandard

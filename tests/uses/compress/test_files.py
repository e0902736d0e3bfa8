"""Whole files: everything comes back exactly, or is refused with one sentence."""

import hashlib
import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, PngImagePlugin

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container, files
from diabolo.uses.compress.files import compress, decompress

QUICK = {"steps": 20, "n_threads": 1}


def there_and_back(source: Path, folder: Path, **options):
    """Compress, decompress; the result, and the bytes of every file that came back."""
    packed, back = folder / "packed.dbo", folder / "back"
    result = compress(source, packed, **{**QUICK, **options})
    decompress(packed, back, n_threads=1, force=True)
    found = {p.relative_to(back).as_posix(): p.read_bytes() for p in back.rglob("*") if p.is_file()}
    assert result.size == packed.stat().st_size
    others = sum(len(name) + 16 for name in list(found)[1:])  # a folder has names and lengths
    assert result.size <= result.zstandard + 200 + others
    return result, found


def saved(folder: Path, array: np.ndarray, name: str = "x.npy") -> Path:
    path = folder / name
    np.save(path, array)
    return path


def smooth(n: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Bytes (n, *shape) that a model predicts better than zstandard does."""
    random = np.random.default_rng(seed)
    steps = random.integers(-9, 10, (n, *shape)).cumsum(1).cumsum(2)
    return np.clip(steps + 128, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A file of images that a model was worth for, and what is in it."""
    folder = tmp_path_factory.mktemp("images")
    array = smooth(300, (12, 12))
    result = compress(saved(folder, array), folder / "x.dbo", steps=100, n_threads=1)
    assert not result.fallback
    return folder / "x.dbo", (folder / "x.npy").read_bytes()


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


DTYPES = st.sampled_from(["u1", "i1", "<i2", ">u2", "<i4", "<i8", "<u8", "<f4", "<f8", ">f8", "?"])


@settings(
    max_examples=30, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    array=DTYPES.flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=4, max_side=7))
    )
)
def test_any_array(array, tmp_path):
    path = saved(tmp_path, array)
    _, found = there_and_back(path, tmp_path, steps=2)
    assert found == {"x.npy": path.read_bytes()}


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


@settings(
    max_examples=30, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    rows=st.lists(
        st.lists(st.text("012.-e x\ré\x1e", max_size=4), min_size=2, max_size=2), max_size=30
    )
)
def test_any_text(rows, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(map(",".join, rows)), newline="")
    _, found = there_and_back(path, tmp_path, steps=2)
    assert found == {"t.csv": path.read_bytes()}


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


def folder_of_images(folder: Path) -> dict[str, np.ndarray]:
    """PNG of several sizes and modes, with metadata, and a note; the pixels by name."""
    pixels = {
        "a/one.png": smooth(1, (130, 140))[0],
        "a/two.png": smooth(1, (190, 170), 1)[0],
        "three.png": smooth(1, (20, 166, 3), 2)[0],
        "b/c/four.png": smooth(1, (128, 128, 3), 3)[0],
    }
    for name, array in pixels.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", f"picture {name}")
        Image.fromarray(array).save(path, pnginfo=text, dpi=(300, 300))
    Image.fromarray(pixels["a/one.png"]).convert("P").save(folder / "palette.png")
    Image.fromarray(pixels["three.png"]).save(folder / "photo.jpg")
    (folder / "note.txt").write_text("nothing to see")
    return pixels


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
    files.save_model(tmp_path / "model.safetensors", first.models[0])
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

    files.save_model(tmp_path / "other.safetensors", _another(tmp_path))
    with pytest.raises(DamagedFileError, match="another model than the one you passed"):
        decompress(tmp_path / "new.dbo", tmp_path / "no", model=tmp_path / "other.safetensors")
    assert not (tmp_path / "no").exists()


def _another(folder: Path):
    path = saved(folder, smooth(300, (12, 12), seed=5), "other.npy")
    return compress(path, folder / "other.dbo", steps=60, n_threads=1, seed=9).models[0]


def test_same_seed_same_bytes(tmp_path):
    path = saved(tmp_path, smooth(60, (12, 12)))
    for name in ("a.dbo", "b.dbo"):
        compress(path, tmp_path / name, **QUICK)
    assert (tmp_path / "a.dbo").read_bytes() == (tmp_path / "b.dbo").read_bytes()


# damage


def refused(path: Path, back: Path) -> str:
    """The sentence; fails the test if anything was written."""
    with pytest.raises(DamagedFileError) as error:
        decompress(path, back, n_threads=1)
    assert not back.exists()
    assert not [p for p in back.parent.iterdir() if p.name.startswith(".diabolo")]
    sentence = str(error.value)
    assert sentence.startswith(f"Cannot use {path}: ")
    assert "\n" not in sentence
    return sentence


def test_some_flips_and_truncations_of_a_file_with_a_model(images, tmp_path):
    content = images[0].read_bytes()
    path, back = tmp_path / "bad.dbo", tmp_path / "back"
    step = max(1, len(content) // 60)
    for place in [
        *range(12),
        *range(12, len(content), step),
        *range(len(content) - 24, len(content)),
    ]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        refused(path, back)
    for length in [*range(30), *range(30, len(content), step), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path, back)
    path.write_bytes(content + b"\0")
    refused(path, back)


SMALL = {
    "grey": lambda folder: saved(folder, smooth(4, (6, 6))),
    "colour": lambda folder: saved(folder, smooth(2, (6, 6, 3))),
    "table": lambda folder: saved(folder, np.arange(90, dtype=np.int16).reshape(30, 3) % 7),
    "floats": lambda folder: saved(folder, np.linspace(0, 1, 20, dtype=np.float32)),
    "text": lambda folder: _text(folder),
    "nothing": lambda folder: saved(folder, np.zeros((0, 3))),
    "worth a model": lambda folder: saved(folder, smooth(300, (12, 12))),
}
SMALL_FILES = [
    pytest.param(name, marks=[pytest.mark.soak] if "model" in name else []) for name in SMALL
]


def _text(folder: Path) -> Path:
    path = folder / "t.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n" * 20)
    return path


@pytest.mark.parametrize("name", SMALL_FILES)
def test_every_flip_and_truncation_is_noticed(name, tmp_path):
    """All single bits and all lengths."""
    path, back = SMALL[name](tmp_path), tmp_path / "back"
    compress(path, tmp_path / "x.dbo", steps=100 if "model" in name else 2, n_threads=1)
    content = (tmp_path / "x.dbo").read_bytes()
    bad = tmp_path / "bad.dbo"
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        bad.write_bytes(flipped)
        with pytest.raises(DamagedFileError):
            _read(bad)
    for length in range(len(content)):
        bad.write_bytes(content[:length])
        with pytest.raises(DamagedFileError):
            _read(bad)
    assert not back.exists()


def _read(path: Path) -> dict[str, str]:
    """All files in it, decoded."""
    with container.opened(path) as reader:
        contents = files.Contents(reader, n_threads=1)
        return {
            name: hashlib.sha256(b"".join(pieces)).hexdigest() for name, pieces in contents.all()
        }


def test_a_damaged_chunk_loses_only_itself(images):
    path, _ = images
    with container.opened(path) as reader:
        number = reader.document["streams"][0]["chunks"][0][0]
        start, length, _ = reader.sections[number]
    content = bytearray(path.read_bytes())
    content[start + length // 2] ^= 1
    path = path.with_name("damaged.dbo")
    path.write_bytes(content)
    with container.opened(path) as reader:
        whole = []
        for section in range(len(reader.sections)):
            try:
                reader.section(section)
                whole.append(section)
            except ValueError:
                assert section == number
        assert len(whole) == len(reader.sections) - 1


# enemies, who can write hashes


def rewritten(path: Path, target: Path, change) -> Path:
    """The file with another directory, its hashes right."""
    with container.opened(path) as reader:
        document = dict(reader.document)
        sections = [reader.section(number) for number in range(len(reader.sections))]
    writer = container.Writer()
    for section in sections:
        writer.section(section)
    document = change(document, writer) or document
    target.write_bytes(container.HEAD + b"".join(sections) + writer.directory(document))
    return target


NAMES = [
    "../up", "/root", "a/../../b", "C:/x", "a\\b", "", ".", "..", "a//b", "a/", "x\0y", "new\nline",
    "a" * 300, "/".join("a" * 40), "con:", None, 7, ["x"],
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_out_of_the_folder(name, images, tmp_path):
    def change(document, writer):
        document["files"][0]["name"] = name

    path = rewritten(images[0], tmp_path / "bad.dbo", change)
    assert "unsafe name" in refused(path, tmp_path / "back")


def test_two_files_of_one_name(images, tmp_path):
    def change(document, writer):
        document["files"] = [dict(document["files"][0], name=name) for name in ("a", "A")]

    path = rewritten(images[0], tmp_path / "bad.dbo", change)
    assert "two files of the name" in refused(path, tmp_path / "back")


CHANGES = {
    "size": lambda d: d["files"][0].update(size=2**60),
    "smaller size": lambda d: d["files"][0].update(size=5),
    "negative size": lambda d: d["files"][0].update(size=-5),
    "shape": lambda d: d["files"][0].update(shape=[2**30, 12, 12, 1]),
    "another shape": lambda d: d["files"][0].update(shape=[300, 12, 11, 1]),
    "huge shape": lambda d: d["files"][0].update(shape=[10**30, 12, 12, 1]),
    "text as shape": lambda d: d["files"][0].update(shape="12"),
    "kind": lambda d: d["files"][0].update(kind="spell"),
    "dtype": lambda d: d["files"][0].update(dtype="O"),
    "odd dtype": lambda d: d["files"][0].update(dtype="<f8,<f8"),
    "hash": lambda d: d["files"][0].update(hash="x"),
    "head": lambda d: d["files"][0].update(head=99),
    "stream": lambda d: d["files"][0]["images"].update(stream=4),
    "lanes": lambda d: d["streams"][0]["chunks"][0].__setitem__(1, 10**9),
    "no lanes": lambda d: d["streams"][0]["chunks"][0].__setitem__(1, 0),
    "rows": lambda d: d["streams"][0]["chunks"][0].__setitem__(2, 10**9),
    "section": lambda d: d["streams"][0]["chunks"][0].__setitem__(0, 77),
    "no chunks": lambda d: d["streams"][0].update(chunks=[]),
    "model": lambda d: d["streams"][0].update(model=0),
    "model hash": lambda d: d["streams"][0].update(hash="00"),
    "streams": lambda d: d.update(streams={}),
    "files": lambda d: d.pop("files"),
    "kept": lambda d: d.update(kept=[10**9]),
    "values": lambda d: d["files"][0]["images"].update(values=[1, 2]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_directories_that_make_no_sense(name, images, tmp_path):
    def change(document, writer):
        CHANGES[name](document)

    refused(rewritten(images[0], tmp_path / "bad.dbo", change), tmp_path / "back")


def test_a_packed_part_that_would_fill_the_memory(images, tmp_path):
    """A directory of 5 kB that unpacks to 150 MB is refused by what it says of itself."""
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(150 * 2**20))
    length = len(bomb).to_bytes(4, "little")
    end = hashlib.sha256(container.HEAD + bomb + length).digest()[:16]
    path = tmp_path / "bomb.dbo"
    path.write_bytes(container.HEAD + bomb + length + end)
    assert "a packed part claims" in refused(path, tmp_path / "back")


def test_more_than_is_allowed(images, tmp_path):
    with pytest.raises(DamagedFileError, match="raise --limit"):
        decompress(images[0], tmp_path / "back", limit=100)
    assert not (tmp_path / "back").exists()


def test_what_is_no_such_file(tmp_path):
    (tmp_path / "text.dbo").write_text("hello")
    assert "no file written by diabolo compress" in refused(tmp_path / "text.dbo", tmp_path / "b")
    (tmp_path / "empty.dbo").write_bytes(b"")
    refused(tmp_path / "empty.dbo", tmp_path / "b")
    refused(tmp_path, tmp_path / "b")
    newer = container.MAGIC + bytes([9]) + bytes(40)
    (tmp_path / "newer.dbo").write_bytes(newer)
    assert "install a newer diabolo" in refused(tmp_path / "newer.dbo", tmp_path / "b")


# writing


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


def test_unpacking_is_all_or_nothing(images, tmp_path, monkeypatch):
    back = tmp_path / "back"

    def report(stage, *_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decompress(images[0], back, n_threads=1, report=report)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_things_is_left_alone(images, tmp_path):
    back = tmp_path / "back"
    back.mkdir()
    (back / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="is not empty"):
        decompress(images[0], back)
    with pytest.raises(FileExistsError, match="holds mine.txt"):
        decompress(images[0], back, force=True)
    assert (back / "mine.txt").read_text() == "precious"


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
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["result"].size < names["result"].zstandard

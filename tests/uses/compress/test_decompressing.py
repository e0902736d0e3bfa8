"""What is damaged, forged or in the way is refused with one sentence, and nothing is written."""

import hashlib
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import zstandard
from PIL import Image, PngImagePlugin

from compressible import always_by_models, saved, smooth
from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import Contents, decompress
from forging import put_together
from soaked import counted


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


def grey(folder: Path, seed: int = 0) -> Path:
    return saved(folder, smooth(4, (6, 6), seed))


def colour(folder: Path, seed: int = 0) -> Path:
    return saved(folder, smooth(2, (6, 6, 3), seed))


def numbers(folder: Path, seed: int = 0) -> Path:
    walk = np.random.default_rng(seed).integers(-3, 4, (30, 3)).cumsum(0)
    return saved(folder, walk.astype(np.int16))


def text(folder: Path, seed: int = 0) -> Path:
    dice = np.random.default_rng(seed).integers(0, 9, (40, 2)).tolist()
    (folder / "t.csv").write_text("a,b\n" + "".join(f"{a},{'xyz'[b % 3]}\n" for a, b in dice))
    return folder / "t.csv"


def floats(folder: Path, seed: int = 0) -> Path:
    return saved(folder, np.linspace(0, 1 + seed, 20, dtype=np.float32))


def nothing(folder: Path, seed: int = 0) -> Path:
    return saved(folder, np.zeros((0, 3 + seed)))


SMALL = (grey, colour, numbers, text, floats, nothing)


def damaged(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Every single bit flipped, every length, every two neighbouring bytes swapped."""
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        yield "bits flipped", bytes(flipped)
    for length in range(len(content)):
        yield "cut", content[:length]
    for i in range(len(content) - 1):
        if content[i] != content[i + 1]:
            pair = content[i : i + 2][::-1]
            yield "bytes swapped", content[:i] + pair + content[i + 2 :]


def noticed(source: Path, folder: Path, by_models: bool) -> Counter[str]:
    """How much damage of each kind was refused; fails the test at the first that was not."""
    with always_by_models() if by_models else nullcontext():
        compress(source, folder / "x.dbo", steps=2, n_threads=1)
    counts: Counter[str] = Counter()
    for kind, bad in damaged((folder / "x.dbo").read_bytes()):
        (folder / "bad.dbo").write_bytes(bad)
        with pytest.raises(DamagedFileError):
            _read(folder / "bad.dbo")
        counts[kind] += 1
    return counts


@pytest.mark.parametrize("source", SMALL)
def test_all_damage_to_a_small_file_is_noticed(source, tmp_path):
    assert noticed(source(tmp_path), tmp_path, by_models=source in (grey, text)).total() > 2000


@pytest.mark.soak
def test_all_damage_to_many_files_is_noticed(tmp_path):
    """Files with a model in them, too; safetensors alone misses two flips in three."""
    with counted("every flip, cut and swap of compressed files") as counts:
        found: Counter[str] = Counter()
        for seed in range(4):
            for source in SMALL:
                found += noticed(source(tmp_path, seed), tmp_path, by_models=seed % 2 == 0)
        counts |= {"files": 4 * len(SMALL), **found, "not noticed": 0}


def _read(path: Path) -> dict[str, str]:
    """All files in it, decoded."""
    with container.opened(path) as reader:
        contents = Contents(reader, n_threads=1)
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


def text_of(rows: int, **more) -> dict:
    """A directory of a text whose cells count up; no bytes of it are in the file."""
    columns = [{"first": 2**63, "step": 1, "text": 0}] * 2
    head = {"kind": "text", "name": "t.csv", "size": 1000, "hash": "x", "first": "a,b"}
    ends = {"separator": ",", "line": "\n", "last": True}
    entry = {**head, **ends, "table": {"rows": rows}, "columns": columns, **more}
    return {"files": [entry], "streams": [], "kept": []}


BOMBS = {
    "a table of a thousand million cells": (text_of(2**28), "more cells than its bytes"),
    "lines of a megabyte": (text_of(100, separator="x" * 2**20), "more characters than its size"),
    "ends of a megabyte": (text_of(100, line="x" * 2**20), "more characters than its size"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_of_some_bytes_that_asks_for_gigabytes(name, tmp_path):
    document, words = BOMBS[name]
    (tmp_path / "bomb.dbo").write_bytes(put_together(document, []))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    assert words in refused(tmp_path / "bomb.dbo", tmp_path / "back")
    assert time.process_time() - began < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # kB


def test_an_image_larger_than_its_file(images, tmp_path):
    def change(document, writer):
        document["files"][0]["shape"] = [1, 2**20, 2**20, 1]

    path = rewritten(images[0], tmp_path / "bad.dbo", change)
    assert "another shape than its size" in refused(path, tmp_path / "back")


def test_what_is_around_pixels_counts_as_well(tmp_path):
    """Metadata are kept once and come back with every image: 60 bytes of pixels, 60 kB of text."""
    source = tmp_path / "source"
    source.mkdir()
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "x" * 6000)
    for number in range(10):
        Image.new("L", (3, 2), number).save(source / f"{number}.png", pnginfo=text)
    with always_by_models():
        compress(source, tmp_path / "x.dbo", steps=2, n_threads=1)
    with pytest.raises(DamagedFileError, match="raise --limit"):
        decompress(tmp_path / "x.dbo", tmp_path / "back", limit=50_000)
    assert not (tmp_path / "back").exists()
    assert len(decompress(tmp_path / "x.dbo", tmp_path / "back", limit=100_000)) == 10


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

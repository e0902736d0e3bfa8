"""Of damaged files what is whole comes back, and nothing that is wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunked import KINDS, packed, rows_of, same, table
from compressible import folder_of_images, saved, smooth
from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import streams
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.rescue import rescue


def damaged(file: Path, sections: list[int]) -> Path:
    """A copy with one bit flipped in each of these sections."""
    content = bytearray(file.read_bytes())
    with container.opened(file) as reader:
        for number in sections:
            start, length, _ = reader.sections[number]
            content[start + length // 2] ^= 4
    bad = file.with_name("bad.dbo")
    bad.write_bytes(content)
    return bad


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_whole_chunks_come_back(kind, tmp_path, monkeypatch):
    path = table(tmp_path, kind)
    file = packed(path, monkeypatch)
    whole = rows_of(path.read_bytes(), kind)
    with container.opened(file) as reader:
        chunks = [one[0] for one in reader.document["streams"][0]["chunks"]]
    for number, lost in enumerate(([0, 2], [len(chunks) - 1])):
        back = tmp_path / f"back{number}"
        found = rescue(damaged(file, [chunks[one] for one in lost]), back, n_threads=1)
        assert found.files == []
        (gone,) = found.lost
        assert gone.name == kind
        assert "does not match its hash" in gone.reason
        assert {p.name for p in back.iterdir()} == {part.written for part in found.parts}
        there = np.zeros(len(whole), int)
        for part in found.parts:
            assert part.written == f"{path.stem}.rows-{part.first}-{part.last}{path.suffix}"
            expected = whole[part.first : part.last + 1]
            assert same(rows_of((back / part.written).read_bytes(), kind), expected)
            there[part.first : part.last + 1] += 1
        for first, last in gone.rows:
            there[first : last + 1] += 1
        assert (there == 1).all()
        assert sum(last - first + 1 for first, last in gone.rows) < 0.9 * len(whole)


def test_an_undamaged_file_comes_back_as_it_is(images, tmp_path):
    found = rescue(images[0], tmp_path / "back", n_threads=1)
    assert (found.files, found.parts, found.lost) == (["x.npy"], [], [])
    assert (tmp_path / "back" / "x.npy").read_bytes() == images[1]


def test_images_and_files_of_a_folder(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    pixels = folder_of_images(source)
    monkeypatch.setattr(streams, "CHUNK", 9 * 64 * 64)
    file = tmp_path / "x.dbo"
    compress(source, file, steps=100, n_threads=1)
    with container.opened(file) as reader:
        document = reader.document
    chunk = document["streams"][0]["chunks"][0][0]
    model = document["streams"][1]["model"]
    others = document["kept"][document["files"][0]["kept"]]
    for sections, gone in (
        ([chunk], {"a/one.png"}),
        ([model, others], {"three.png", "b/c/four.png", "palette.png", "photo.jpg", "note.txt"}),
    ):
        back = tmp_path / f"back {sections}"
        found = rescue(damaged(file, sections), back, n_threads=1)
        assert {one.name for one in found.lost} == gone
        assert {p.relative_to(back).as_posix() for p in back.rglob("*.*")} == set(found.files)
        assert set(found.files) | gone == set(pixels) | {"palette.png", "photo.jpg", "note.txt"}
        for name in set(found.files) & set(pixels):
            with Image.open(back / name) as image:
                assert np.array_equal(np.asarray(image), pixels[name])


def test_every_flip_gives_back_what_is_right_or_nothing(tmp_path, monkeypatch):
    """All bytes of a small file: whatever is written holds the right rows."""
    array = smooth(300, (12, 12))
    monkeypatch.setattr(streams, "CHUNK", 100 * 144)
    file, bad = tmp_path / "x.dbo", tmp_path / "bad.dbo"
    assert not compress(saved(tmp_path, array), file, steps=60, n_threads=1).fallback
    content, rescued = file.read_bytes(), 0
    for number, place in enumerate(range(0, len(content), max(1, len(content) // 40))):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        bad.write_bytes(flipped)
        back = tmp_path / f"back{number}"
        try:
            found = rescue(bad, back, n_threads=1)
        except DamagedFileError:
            assert not back.exists()
            continue
        rescued += 1
        for part in found.parts:
            assert np.array_equal(np.load(back / part.written), array[part.first : part.last + 1])
    assert rescued > 20


def test_what_cannot_be_rescued(images, tmp_path):
    content = images[0].read_bytes()
    bad = tmp_path / "bad.dbo"
    for broken in (content[:-1], content[:-30] + bytes(30), b"", content[: len(content) // 2]):
        bad.write_bytes(broken)
        with pytest.raises(DamagedFileError, match="Nothing can be rescued without it"):
            rescue(bad, tmp_path / "back")
    with container.opened(images[0]) as reader:
        model = reader.document["streams"][0]["model"]
    bad = tmp_path / "copy.dbo"
    bad.write_bytes(content)
    with pytest.raises(DamagedFileError, match="nothing of it can be rescued"):
        rescue(damaged(bad, [model]), tmp_path / "back")
    assert not (tmp_path / "back").exists()

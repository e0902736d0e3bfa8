"""Rows and files by themselves: the right ones, and no chunk more than is needed."""

import numpy as np
import pytest
from PIL import Image

from chunked import KINDS, ROWS, packed, rows_of, same, table, uncoded
from compressible import folder_of_images
from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import streams
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress
from diabolo.uses.compress.listing import Listed, listing
from diabolo.uses.compress.sources.bounds import Bounds
from diabolo.uses.compress.sources.files import take_apart


@pytest.mark.parametrize("kind", KINDS)
def test_rows_alone(kind, tmp_path, monkeypatch):
    path = table(tmp_path, kind)
    whole = rows_of(path.read_bytes(), kind)
    read, section = [], container.Reader.section

    def counted(self, number):
        read.append(number)
        return section(self, number)

    file = packed(path, monkeypatch)
    with container.opened(file) as reader:
        chunks = {one[0] for one in reader.document["streams"][0]["chunks"]}
    count = len(whole)
    monkeypatch.setattr(container.Reader, "section", counted)
    for first, last in ((0, 5), (count // 2, count // 2 + 3), (3, count)):
        read.clear()
        (found,) = decompress(file, tmp_path / "part", rows=(first, last), force=True, n_threads=1)
        assert found.name == f"{path.stem}.rows-{first}-{last - 1}{path.suffix}"
        assert same(rows_of(found.read_bytes(), kind), whole[first:last])
        if last - first < 6:
            assert len(chunks.intersection(read)) <= 2 < len(chunks)
        for old in (tmp_path / "part").iterdir():
            old.unlink()
    (found,) = decompress(file, tmp_path / "part", rows=(count - 2, None), n_threads=1)
    assert same(rows_of(found.read_bytes(), kind), whole[count - 2 :])
    with pytest.raises(DamagedFileError, match=f"has {count:,} rows, .* none of them is in 9999:"):
        decompress(file, tmp_path / "none", rows=(9999, None))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_rounded_rows_alone(kind, tmp_path):
    material = take_apart(table(tmp_path, kind), Bounds.of("3%"))
    (whole,), (part,) = uncoded(material), uncoded(material, (90, 117))
    assert same(rows_of(whole, kind)[90:117], rows_of(part, kind))


def test_files_alone(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    pixels = folder_of_images(source)
    monkeypatch.setattr(streams, "CHUNK", 9 * 64 * 64)
    compress(source, tmp_path / "x.dbo", steps=100, n_threads=1)
    for pattern, expected in (
        ("*one.png", {"a/one.png"}),
        ("b/*", {"b/c/four.png"}),
        ("note*", {"note.txt"}),
    ):
        back = tmp_path / f"back {len(expected)} {pattern[:2].strip('*')}"
        found = decompress(tmp_path / "x.dbo", back, files=[pattern], n_threads=1)
        assert {one.relative_to(back).as_posix() for one in found} == expected
        assert {p.relative_to(back).as_posix() for p in back.rglob("*.*")} == expected
        for name in expected & set(pixels):
            with Image.open(back / name) as image:
                assert np.array_equal(np.asarray(image), pixels[name])
    with pytest.raises(DamagedFileError, match="no file of such a name, but "):
        decompress(tmp_path / "x.dbo", tmp_path / "no", files=["*.gif"])
    with pytest.raises(DamagedFileError, match="is kept as a whole"):
        decompress(tmp_path / "x.dbo", tmp_path / "no", rows=(0, 1))


def test_list(tmp_path, monkeypatch):
    path = table(tmp_path, "x.npy")
    (one,) = listing(packed(path, monkeypatch))
    assert one == Listed("x.npy", path.stat().st_size, ROWS, 3, "array of float64")
    source = tmp_path / "source"
    source.mkdir()
    folder_of_images(source)
    compress(source, tmp_path / "y.dbo", steps=100, n_threads=1)
    found = {one.name: one.what for one in listing(tmp_path / "y.dbo")}
    assert found["a/one.png"] == "image"
    assert found["note.txt"] == "kept as it is"
    assert len(found) == 7

"""Bytes and arrays that are read in pieces are those that are there."""

import gzip
import hashlib

import numpy as np
import pytest

from diabolo.uses.compress import container, content
from diabolo.uses.compress.content import Content, Source, Stored, blocks, fingerprint


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(content, "PIECE", 100)


@pytest.fixture
def some() -> bytes:
    return np.random.default_rng(0).integers(0, 9, 1234).astype(np.uint8).tobytes()


def test_files_one_behind_the_other(some, tmp_path):
    (tmp_path / "a").write_bytes(some)
    whole = Content.together([Content.of_file(tmp_path / "a"), Content.of(b"end")])
    assert (whole.size, whole.whole()) == (1237, some + b"end")
    assert whole.hash == fingerprint(some + b"end")
    assert max(map(len, whole.pieces())) == 100
    assert whole.whole() == some + b"end", "as often as they are wanted"


@pytest.mark.parametrize("name", ["x.bin", "x.gz"])
def test_a_source_is_read_where_it_lies(name, some, tmp_path):
    (tmp_path / name).write_bytes(gzip.compress(some) if name == "x.gz" else some)
    source = Source.of_file(tmp_path / name, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert source.size == len(some)
    assert source.read(7, 99) == some[7:99]
    assert source.read(1200, 9999) == some[1200:]
    assert source.content().whole() == some


def test_arrays_by_their_rows(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (70, 3, 4)).astype(">u2")
    source = Source.temporary(tmp_path)
    first, second = source.put(array), source.put(array[:5])
    assert np.array_equal(first[3:9], array[3:9])
    assert np.array_equal(second[:], array[:5])
    assert np.array_equal(np.concatenate([*blocks(first)]), array)
    assert len([*blocks(first)]) == 18, "of 4 rows, of 24 bytes each"
    assert first.content().whole() == array.tobytes()


def test_values_that_are_replaced(tmp_path):
    array, table = np.arange(12, dtype=np.uint8).reshape(6, 2), np.arange(256)[::-1]
    stored = Source.temporary(tmp_path).put(array)
    other = Stored(stored.source, stored.start, stored.dtype, stored.shape, table)
    assert np.array_equal(other[2:4], 255 - array[2:4])


def test_packed_in_pieces_and_back(some):
    whole = 50 * some
    packed = b"".join(container.packed(Content.of(whole)))
    assert len(packed) <= len(container.pack(whole)) + 100
    assert b"".join(container.unpacked(iter([packed[:50], packed[50:]]), len(whole))) == whole
    assert container.unpack(packed, len(whole)) == whole


@pytest.mark.parametrize(
    ("change", "limit", "sentence"),
    [
        (lambda packed: packed + b"x", 2000, "not as long"),
        (lambda packed: packed[:-1], 2000, "not as long"),
        (lambda packed: packed + bytes(4000), 2000, "longer than it says"),
        (lambda packed: packed, 1000, "claims 1234 bytes where 1000 are allowed"),
        (lambda packed: b"nothing of the kind", 2000, "cannot be unpacked"),
        (lambda packed: b"", 2000, "not as long"),
    ],
)
def test_what_was_not_packed_is_refused(change, limit, sentence, some):
    packed = change(container.pack(some))
    with pytest.raises(ValueError, match=sentence):
        list(container.unpacked(iter([packed]), limit))


def test_a_section_too_large_to_be_read_is_not_written(monkeypatch):
    monkeypatch.setattr(container, "MAX_SECTION", 10)
    with pytest.raises(ValueError, match="a part of a file may have 10"):
        list(container.Writer().packed(iter([b"123456", b"123456"])))


def test_sections_in_pieces(some, tmp_path, monkeypatch):
    monkeypatch.setattr(container, "PIECE", 100)
    writer = container.Writer()
    body = b"".join([writer.section(some), *writer.keep([b"list", Content.of(some)])])
    path = tmp_path / "x.dbo"
    path.write_bytes(container.HEAD + body + writer.directory({"kept": writer.kept}))
    with container.opened(path) as reader:
        assert [len(piece) for piece in reader.pieces(0)] == 12 * [100] + [34]
        assert reader.section(0) == some
        assert reader.document["kept"] == [1, 2]
        unpacked = [container.unpack(reader.section(number), 2000) for number in (1, 2)]
    assert unpacked == [b"list", some]
    assert writer.sections[0][1] == hashlib.sha256(some).hexdigest()[:16]

"""The file's own bytes, as docs/format.md has them: every wrong one has its sentence."""

import hashlib
import json
import os

import pytest
import zstandard

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from forging import DBO, put_together, unpacked

SECTIONS = [b"first section", b"", b"third"]
DOCUMENT = {"files": [{"name": "höhe", "size": 3}], "kept": [0, 2]}


def written(document=DOCUMENT, sections=SECTIONS) -> bytes:
    writer = container.Writer()
    body = b"".join([writer.section(one) for one in sections])
    return container.HEAD + body + writer.directory(document)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.dbo"


def all_sections(path) -> list[bytes]:
    with container.opened(path) as reader:
        return [reader.section(number) for number in range(len(reader.sections))]


def refusal(path, content) -> str:
    """The sentence with which these bytes are refused when all of them are looked at."""
    path.write_bytes(content)
    with pytest.raises(DamagedFileError) as caught:
        all_sections(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"Cannot use {path}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_what_was_written_is_read(path):
    container.write(path, [written()])
    with container.opened(str(path)) as reader:
        assert reader.document == DOCUMENT
        assert [reader.section(number) for number in range(3)] == SECTIONS
        assert reader.path == path
    assert reader.file.closed


def test_every_byte_has_its_place():
    content = written()
    assert content[:9] == bytes.fromhex("89 64 62 6f 0d 0a 1a 0a 01") == DBO
    body = b"".join(SECTIONS)
    assert content[9 : 9 + len(body)] == body
    directory = content[9 + len(body) : -20]
    assert content[-20:-16] == len(directory).to_bytes(4, "little")
    assert content[-16:] == hashlib.sha256(content[:9] + content[9 + len(body) : -16]).digest()[:16]
    text = unpacked(directory)
    assert b" " not in text
    assert "höhe".encode() in text
    hashes = [[len(one), hashlib.sha256(one).hexdigest()[:16]] for one in SECTIONS]
    assert json.loads(text) == {**DOCUMENT, "sections": hashes}


def test_a_file_by_other_code_is_read(path):
    path.write_bytes(put_together(DOCUMENT, SECTIONS))
    with container.opened(path) as reader:
        assert reader.document == DOCUMENT
        assert reader.section(2) == b"third"


def test_every_flip_and_every_cut_is_refused(path):
    content = written()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        refusal(path, bytes(flipped))
    for length in range(len(content)):
        refusal(path, content[:length])
    refusal(path, content + b"\0")


def test_a_damaged_section_is_named_and_the_others_are_whole(path):
    content = bytearray(written())
    content[9 + 2] ^= 1
    path.write_bytes(content)
    with container.opened(path) as reader:
        assert reader.section(2) == b"third"
        with pytest.raises(ValueError, match="section 0 does not match its hash: the file was dam"):
            reader.section(0)


@pytest.mark.parametrize("number", [-1, 3, True, 0.0, None, "0", 2**70])
def test_sections_that_are_not_there(path, number):
    path.write_bytes(written())
    words = "^its directory names a section that is not there$"
    with container.opened(path) as reader, pytest.raises(ValueError, match=words):
        reader.section(number)


def directory(text: bytes | str, sections=()) -> bytes:
    """A file with this text for a directory, its hash right."""
    return put_together(text.encode() if isinstance(text, str) else text, list(sections))


def with_sections(value) -> bytes:
    return directory(json.dumps({"sections": value}))


NO_FILE = "it is no file written by diabolo compress, or was cut short"
CUT = "its end is not that of a whole file: it was cut short or damaged"
EMPTY = hashlib.sha256(b"").hexdigest()[:16]
IMPOSSIBLE = "its directory has a section of an impossible length"
SHORT = "its sections do not fill it exactly"
THEIRS = ("Expecting property name", "can't decode byte")  # sentences of Python's own
WRONG = {
    "nothing": (b"", NO_FILE),
    "28 bytes": (written()[:28], NO_FILE),
    "text": (b"hello " * 20, NO_FILE),
    "a line end that was changed": (written().replace(b"\r\n", b"\n"), NO_FILE),
    "version 2": (
        container.MAGIC + b"\2" + written()[9:],
        "it has version 2 and this diabolo reads version 1; install a newer diabolo, or get the "
        "file again",
    ),
    "a directory longer than the file": (DBO + b"\xff\xff\0\0" + bytes(16), CUT),
    "a directory over the head": (DBO + b"\1\0\0\0" + bytes(16), CUT),
    "another hash": (
        written()[:-1] + bytes([written()[-1] ^ 1]),
        "its directory does not match its hash: it was cut short or damaged",
    ),
    "no JSON": (directory("{'a'}"), "Expecting property name"),
    "half a letter": (directory(b'{"a":"\xff"}'), "can't decode byte"),
    "a list": (directory("[]"), "its directory is not a JSON object"),
    "a name twice": (directory('{"a":1,"a":1}'), "its directory names something twice"),
    "NaN": (directory('{"a":NaN}'), "its directory holds NaN, which is not JSON"),
    "deep": (directory('{"a":' + "[" * 10**5), "its directory makes no sense"),
    "no sections": (directory("{}"), "its directory lists no sections"),
    "sections of another kind": (with_sections({}), "its directory lists no sections"),
    "a section of three": (
        with_sections([[0, EMPTY, 1]]), "its directory is not written as diabolo writes it"
    ),
    "a section of none": (with_sections([0]), "its directory is not written as diabolo writes it"),
    "a section of text": (with_sections([["0", EMPTY]]), IMPOSSIBLE),
    "a section of truth": (with_sections([[True, EMPTY]]), IMPOSSIBLE),
    "a negative section": (with_sections([[-1, EMPTY]]), IMPOSSIBLE),
    "a huge section": (with_sections([[2**28 + 1, EMPTY]]), IMPOSSIBLE),
    "too large a section": (with_sections([[2**28, EMPTY]]), SHORT),
    "bytes too many": (
        directory('{"sections":[]}', [b"x"]), SHORT
    ),
    "bytes too few": (with_sections([[1, EMPTY]]), SHORT),
    "a hash that is a number": (
        directory('{"sections":[[1,5]]}', [b"x"]),
        "section 0 does not match its hash: the file was damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, path):
    content, words = WRONG[name]
    sentence = refusal(path, content)
    assert sentence == f"Cannot use {path}: {words}." or (words in THEIRS and words in sentence)


def test_what_is_no_file(tmp_path):
    with pytest.raises(DamagedFileError, match="it is not an ordinary file"):
        container.opened(tmp_path).__enter__()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DamagedFileError, match="it is not an ordinary file"):
        container.opened(tmp_path / "pipe").__enter__()
    with pytest.raises(FileNotFoundError):
        container.opened(tmp_path / "no").__enter__()


def test_sentences_of_others_go_through(path):
    """What was said with a path already gets no second one; other errors are not swallowed."""
    path.write_bytes(written())
    with pytest.raises(DamagedFileError, match="^said before$"), container.opened(path):
        raise DamagedFileError("said before")
    with pytest.raises(DamagedFileError, match="makes no sense.$"), container.opened(path):
        raise KeyError("x")
    with pytest.raises(KeyboardInterrupt), container.opened(path):
        raise KeyboardInterrupt


# packing


def test_packed_bytes_are_those_of_zstandard():
    content = b"diabolo" * 300
    packed = container.pack(content)
    assert packed == zstandard.ZstdCompressor(level=19).compress(content)
    assert container.unpack(packed, len(content)) == content
    assert container.unpack(container.pack(b""), 0) == b""


def test_packed_bytes_that_are_refused():
    packed = container.pack(bytes(1000))
    with pytest.raises(ValueError, match="^a packed part claims 1000 bytes where 999 are allowed$"):
        container.unpack(packed, 999)
    for wrong in (packed + b"x", packed[:-1], b"", b"x" * 20):
        with pytest.raises(ValueError, match=r"^a packed part cannot be unpacked \(.+\)$"):
            container.unpack(wrong, 1000)
    silent = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))
    with pytest.raises(ValueError, match="^a packed part claims -1 bytes"):
        container.unpack(silent, 1000)


def test_a_packed_part_that_is_shorter_than_it_says():
    """The size in its head is one thing, the frame another: here 300 bytes are announced."""
    packed = bytearray(zstandard.ZstdCompressor().compress(bytes(259)))
    assert packed[4:7] == b"\x60\x03\x00"  # two bytes of size, 256 less
    packed[5] = 44
    with pytest.raises(ValueError, match="a packed part"):
        container.unpack(bytes(packed), 300)


def test_digests():
    assert container.digest(b"abc", 4) == "ba7816bf"
    assert container.digest(memoryview(b"abc"), 8) == "ba7816bf8f01cfea"

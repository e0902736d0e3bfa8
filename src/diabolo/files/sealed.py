"""Sealed files: named arrays and a header of plain data, which say so when they are not whole.

A sealed file is a safetensors file (any reader of that format opens it) under a hash:

    8 bytes   length of the header, little-endian
    header    {"__metadata__":{"sha256":…,"format":"diabolo","version":"1","diabolo":…},
               name:{"dtype":…,"shape":…,"data_offsets":…}, …}   padded with spaces to 8 bytes
    data      the tensors, little-endian, widest type first, then by name, without gaps

The SHA-256 covers every byte of the file, its own 64 digits taken as zeros; they stand at a fixed
place, so nothing has to be understood before it is verified. A safetensors file alone notices only
about one flipped bit in three. The hash finds accidents; it is no signature: whoever changes a file
on purpose can write a new hash, so what lies behind it is checked as if it came from an enemy.
There is exactly one file for given contents: a header that is not the one we would write ourselves
is refused, which settles gaps, overlaps, duplicate names and stray bytes at once.
"""

import hashlib
import io
import json
import math
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diabolo.files.atomic import DamagedFileError, write_atomically
from diabolo.files.strict import strict_json

VERSION = "1"
MAX_HEADER = 16 * 2**20  # bytes; as Python objects the worst of them take 26 times as much
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 32  # what every numpy can hold
MAX_DEPTH = 20  # of nested lists and objects in the header

_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_METADATA = "__metadata__"
_BEFORE_HASH = b'{"__metadata__":{"sha256":"'
_HASH = slice(8 + len(_BEFORE_HASH), 8 + len(_BEFORE_HASH) + 64)
_NO_HASH = "0" * 64
_NOT_OURS = "its header is not written the one way that diabolo writes it"
_PIECE = 2**20  # bytes hashed at a time: still in the processor's cache from being read


class _Entry(NamedTuple):
    """One tensor as the header describes it."""

    name: str
    dtype: str  # key of _DTYPES
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * _DTYPES[self.dtype].itemsize

    @property
    def place(self) -> tuple[int, str]:
        """Order in the file: widest type first, so that every tensor is aligned."""
        return -_DTYPES[self.dtype].itemsize, self.name


def write_sealed(
    path: str | os.PathLike[str], tensors: dict[str, np.ndarray], header: dict[str, Any]
) -> None:
    """Save named arrays and a header of plain data as one sealed file, atomically.

    tensors : float64, float32, int64, int32, uint8 or bool, any shape.
    header  : dicts with text keys, lists, text, finite numbers, booleans and None.
    """
    write_atomically(path, seal(tensors, header), verify=_check_seal)


def seal(tensors: dict[str, np.ndarray], header: dict[str, Any]) -> list[bytes | memoryview]:
    """The bytes of a sealed file, in pieces. Contiguous little-endian arrays are not copied."""
    if len(tensors) > MAX_TENSORS:
        raise ValueError(f"{len(tensors)} tensors are too many: a file holds {MAX_TENSORS}.")
    text = _to_json(header)
    entries = sorted((_describe(*item) for item in tensors.items()), key=lambda e: e.place)
    data = [_little_endian(tensors[entry.name]) for entry in entries]
    try:
        head = _head(entries, text, _NO_HASH)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The header or the name of a tensor holds {error.object[error.start]!r}, half a "
            "character: use text that UTF-8 can hold."
        ) from error
    if len(head) > MAX_HEADER:
        raise ValueError(f"The header takes {len(head)} bytes: a file holds {MAX_HEADER}.")
    digest = hashlib.sha256(head)
    for piece in data:
        digest.update(piece)
    return [_head(entries, text, digest.hexdigest()), *data]


def read_sealed(
    path: str | os.PathLike[str], verify: bool = True
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and header of a sealed file.

    The arrays are writable views of one buffer of the size of the file, so keeping one keeps all.
    verify=False skips the hash (1 to 2 s per GB), not the checks of the structure.
    Raises DamagedFileError for anything that `write_sealed` did not write; nothing in the file is
    ever run or imported.
    """
    with _opened(path) as file:
        head, size = _read_head(file)
        data = np.empty(size, np.uint8)
        digest = _start_hash(head)
        for start in range(0, size, _PIECE):
            piece = data.data[start : start + _PIECE]
            _fill(file, piece)
            if verify:
                digest.update(piece)
        if verify:
            _compare(digest.hexdigest(), head)
        entries, header = _parse(head, size)
        return _arrays(entries, data), header


def read_header(path: str | os.PathLike[str], verify: bool = True) -> dict[str, Any]:
    """The header alone; the whole file is hashed all the same, in constant memory."""
    with _opened(path) as file:
        head, size = _read_head(file)
        if verify:
            _compare(_hash_rest(file, head, size), head)
        return _parse(head, size)[1]


def _check_seal(path: Path) -> None:
    with _opened(path) as file:
        head, size = _read_head(file)
        _compare(_hash_rest(file, head, size), head)


# Writing


def _describe(name: str, array: np.ndarray) -> _Entry:
    if not isinstance(name, str) or name == _METADATA:
        raise ValueError(f"{name!r} cannot be the name of a tensor: use another text.")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"Tensor {name!r} is a {type(array).__name__}: pass a numpy array.")
    dtype = _NAMES.get(array.dtype.newbyteorder("<"))
    if dtype is None:
        known = ", ".join(known.name for known in _DTYPES.values())
        raise TypeError(f"Tensor {name!r} has dtype {array.dtype}: a file holds {known}.")
    if array.ndim > MAX_DIMENSIONS:
        raise ValueError(f"Tensor {name!r} has {array.ndim} dimensions: at most {MAX_DIMENSIONS}.")
    return _Entry(name, dtype, array.shape)


def _little_endian(array: np.ndarray) -> memoryview:
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return array.reshape(-1).view(np.uint8).data


def _head(entries: list[_Entry], text: str, digest: str) -> bytes:
    """Everything before the data: the one and only way to write it."""
    metadata = {"sha256": digest, "format": "diabolo", "version": VERSION, "diabolo": text}
    document: dict[str, Any] = {_METADATA: metadata}
    start = 0
    for entry in entries:
        stop = start + entry.nbytes
        document[entry.name] = {
            "dtype": entry.dtype,
            "shape": entry.shape,
            "data_offsets": (start, stop),
        }
        start = stop
    header = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def _to_json(header: dict[str, Any]) -> str:
    if not isinstance(header, dict):
        raise TypeError(f"The header is a {type(header).__name__}: pass a dict.")
    _check_plain(header, "header", 1)
    return json.dumps(header, ensure_ascii=False, separators=(",", ":"))


def _check_plain(value: Any, where: str, depth: int) -> None:
    """Refuse what strict JSON does not hold or would hand back as something else."""
    if value is None or isinstance(value, str | int):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where:.80} is {value}: strict JSON has no such number, use None.")
        return
    if not isinstance(value, dict | list | tuple):
        raise TypeError(f"{where:.80} is a {type(value).__name__}: use plain Python data.")
    if depth > MAX_DEPTH:
        raise ValueError(f"{where:.80} is nested deeper than {MAX_DEPTH} levels.")
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(value, dict) and not isinstance(key, str):
            raise TypeError(f"{where:.80} has the key {key!r}: keys must be text.")
        _check_plain(item, f"{where}[{key!r}]", depth + 1)


# Reading


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[io.RawIOBase]:
    """The file, unbuffered; every ValueError inside becomes the sentence with its path."""
    path = Path(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
            raise ValueError("it is not an ordinary file")
        with open(path, "rb", buffering=0) as file:
            yield file
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise DamagedFileError(f"Cannot use {path}: {reason}.") from error


def _read_head(file: io.RawIOBase) -> tuple[bytes, int]:
    """Length and header as bytes, and the number of bytes of data after them."""
    size = os.fstat(file.fileno()).st_size
    start = bytearray(min(size, _HASH.stop))
    _fill(file, memoryview(start))
    if len(start) < _HASH.stop or start[8 : _HASH.start] != _BEFORE_HASH:
        raise ValueError("it does not begin like a file saved by diabolo, or is cut short")
    length = int.from_bytes(start[:8], "little")
    if not len(start) - 8 <= length <= min(MAX_HEADER, size - 8):
        raise ValueError(f"its header cannot be {length} bytes long, so it is damaged or cut short")
    head = start + bytes(8 + length - len(start))
    _fill(file, memoryview(head)[len(start) :])
    return bytes(head), size - len(head)


def _fill(file: io.RawIOBase, buffer: memoryview) -> None:
    while buffer:
        count = file.readinto(buffer)
        if not count:
            raise ValueError("it became shorter while it was read")
        buffer = buffer[count:]


def _start_hash(head: bytes) -> "hashlib._Hash":
    digest = hashlib.sha256(head[: _HASH.start])
    digest.update(_NO_HASH.encode())
    digest.update(memoryview(head)[_HASH.stop :])
    return digest


def _hash_rest(file: io.RawIOBase, head: bytes, size: int) -> str:
    digest = _start_hash(head)
    buffer = memoryview(bytearray(min(size, _PIECE)))
    for start in range(0, size, _PIECE):
        piece = buffer[: size - start]
        _fill(file, piece)
        digest.update(piece)
    return digest.hexdigest()


def _compare(found: str, head: bytes) -> None:
    if found.encode() != head[_HASH]:
        raise ValueError(
            "its contents do not match its SHA-256, so it was damaged or changed after it was "
            "saved; fetch it or save it again"
        )


def _parse(head: bytes, size: int) -> tuple[list[_Entry], dict[str, Any]]:
    """Entries and header of a file with `size` bytes of data, believing none of it."""
    document = strict_json(head[8:].decode(), "header")
    text = _check_metadata(document.pop(_METADATA, None))
    if len(document) > MAX_TENSORS:
        raise ValueError(f"it claims {len(document)} tensors; at most {MAX_TENSORS} are allowed")
    entries = [_entry(*item) for item in document.items()]
    if sum(entry.nbytes for entry in entries) != size:
        raise ValueError("its tensors do not fill it exactly")
    if _head(sorted(entries, key=lambda e: e.place), text, head[_HASH].decode()) != head:
        raise ValueError(_NOT_OURS)
    header = strict_json(text, "header")
    if _to_json(header) != text:
        raise ValueError(_NOT_OURS)
    return entries, header


def _check_metadata(metadata: Any) -> str:
    """The header as text, if the metadata are those of a file we can read."""
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata are not an object of texts")
    if metadata.get("format") != "diabolo":
        raise ValueError(f"its format is {metadata.get('format')!r:.40}, not 'diabolo'")
    if metadata.get("version") != VERSION:
        raise ValueError(
            f"it has version {metadata.get('version')!r:.40} and this diabolo reads version "
            f"{VERSION!r}; install a newer diabolo"
        )
    if "diabolo" not in metadata:
        raise ValueError("its metadata lack the entry 'diabolo'")
    return metadata["diabolo"]


def _entry(name: str, fields: Any) -> _Entry:
    if not isinstance(fields, dict):
        raise ValueError(f"its tensor {name!r:.40} is not described by an object")
    dtype, shape = fields.get("dtype"), fields.get("shape")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"its tensor {name!r:.40} has the unknown type {dtype!r:.40}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"its tensor {name!r:.40} has no shape of ≤ {MAX_DIMENSIONS} dimensions")
    if not all(type(length) is int and 0 <= length < 2**48 for length in shape):
        raise ValueError(f"its tensor {name!r:.40} has a shape of impossible lengths")
    # lengths of 0 left out, because numpy multiplies the others and overflows
    if math.prod(length or 1 for length in shape) >= 2**48:
        raise ValueError(f"its tensor {name!r:.40} is impossibly large")
    return _Entry(name, dtype, tuple(shape))


def _arrays(entries: list[_Entry], data: np.ndarray) -> dict[str, np.ndarray]:
    arrays, start = {}, 0
    for entry in entries:
        stop = start + entry.nbytes
        array = data[start:stop]
        if entry.dtype == "BOOL" and array.size and array.max() > 1:
            raise ValueError(f"its tensor {entry.name!r:.40} holds a boolean beyond 0 and 1")
        array = array.view(_DTYPES[entry.dtype]).reshape(entry.shape)
        if sys.byteorder == "big":
            array = array.astype(array.dtype.newbyteorder("="))
        arrays[entry.name] = array
        start = stop
    return arrays

"""Files changed on purpose, their hashes and lengths repaired: what an enemy of a reader writes.

A change of one byte is stopped by a hash at the door, and says nothing of the parser behind it. So
files are taken apart here, one piece of them is changed, and they are put together again with
hashes, lengths and offsets that are right. `.dbo` files and sealed files are done; both are written
anew from their descriptions, not by the code under test.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import zstandard

Mutate = Callable[[bytes], bytes]

ODD = [
    0, 1, -1, 2, 255, 256, 2**16, 2**31, 2**32, 2**63, 2**64, 10**30, -(2**63), None, True, False,
    "", "x", "../x", [], {}, [[]], 0.5, 1e308, "0" * 32,
]  # fmt: skip
WRONG = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
MOST = 2**22  # bytes that a piece is unpacked to here


def changed_bytes(content: bytes, dice: random.Random) -> bytes:
    """A few bytes flipped, cut out, doubled, or random ones put in."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 3)):
        place, length = dice.randint(0, len(data)), dice.randint(1, 8)
        kind = dice.randrange(5)
        if kind == 0 and data:
            data[place % len(data)] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length]
        elif kind == 3:
            data[place : place + length] = dice.randbytes(length)
        else:
            del data[place:]
    return bytes(data)


def changed_tree(value: Any, dice: random.Random) -> Any:
    """One leaf or branch replaced, left out, or doubled, in place."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return value
    key = dice.choice(keys)
    inner = value[key]
    if isinstance(inner, dict | list) and inner and dice.random() < 0.8:
        changed_tree(inner, dice)
    elif dice.random() < 0.1:
        del value[key]
    elif dice.random() < 0.1 and isinstance(value, list):
        value.insert(key, copy.deepcopy(inner))
    elif type(inner) is int and dice.random() < 0.5:
        value[key] = inner + dice.randint(-2, 2)
    else:
        value[key] = copy.deepcopy(dice.choice(ODD))
    return value


def as_text(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


# .dbo: sections, then a directory (docs/format.md)

DBO = b"\x89dbo\r\n\x1a\n\x01"
_packer = zstandard.ZstdCompressor(level=3)


def unpacked(content: bytes) -> bytes:
    try:
        if zstandard.frame_content_size(content) > MOST:
            raise ValueError("too large")
        return zstandard.ZstdDecompressor().decompress(content, max_output_size=MOST)
    except zstandard.ZstdError as error:
        raise ValueError(error) from None


def parts_of(content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Directory and sections, believing everything; raises some of WRONG."""
    length = int.from_bytes(content[-20:-16], "little")
    end = len(content) - 20 - length
    if end < len(DBO):
        raise ValueError("cut short")
    document = json.loads(unpacked(content[end:-20]))
    sections, place = [], len(DBO)
    for size, _ in document.pop("sections"):
        sections.append(content[place : place + size])
        place += size
    return document, sections


def put_together(document: bytes | dict[str, Any], sections: list[bytes]) -> bytes:
    """A whole file; the directory as text, or without its list of sections."""
    if isinstance(document, dict):
        hashes = [[len(one), hashlib.sha256(one).hexdigest()[:16]] for one in sections]
        document = as_text({**document, "sections": hashes})
    packed = _packer.compress(document)
    tail = packed + len(packed).to_bytes(4, "little")
    return DBO + b"".join(sections) + tail + hashlib.sha256(DBO + tail).digest()[:16]


def changed_dbo(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    """A file like this one, changed in one place, all hashes right (but now and then)."""
    try:
        document, sections = parts_of(content)
    except WRONG:
        return mutate(content)
    kind = dice.random()
    if kind < 0.03:
        return mutate(content)
    if kind < 0.35:
        return put_together(changed_tree(document, dice), sections)
    if kind < 0.45:
        whole = as_text({**document, "sections": _hashed(sections)})
        return put_together(mutate(whole), sections)
    if not sections:
        return put_together(document, [mutate(b"x")])
    number = dice.randrange(len(sections))
    with suppress(*WRONG):
        if kind < 0.7:
            _change_model(document, sections, dice, mutate)
        elif kind < 0.9:
            sections[number] = _packer.compress(mutate(unpacked(sections[number])))
        else:
            sections[number] = mutate(sections[number])
    return put_together(document, sections)


def _hashed(sections: list[bytes]) -> list[list[Any]]:
    return [[len(one), hashlib.sha256(one).hexdigest()[:16]] for one in sections]


def _change_model(
    document: dict[str, Any], sections: list[bytes], dice: random.Random, mutate: Mutate
) -> None:
    """One model, and the hash by which its stream knows it."""
    stream = dice.choice(document["streams"])
    content = sections[stream["model"]]
    stop = 4 + int.from_bytes(content[:4], "little")
    text, rest = json.loads(unpacked(content[4:stop])), content[stop:]
    if dice.random() < 0.6:
        changed_tree(text, dice)
    else:
        rest = mutate(rest)
    packed = _packer.compress(as_text(text))
    changed = len(packed).to_bytes(4, "little") + packed + rest
    sections[stream["model"]] = changed
    with suppress(*WRONG):
        stream["hash"] = model_hash(changed)


def model_hash(content: bytes) -> str:
    from diabolo.uses.compress.coding import models

    return models.model_hash(models.model_from_bytes(content))


# sealed files: a header of a fixed form with its hash in it, then tensors (diabolo/files/sealed.py)

SIZES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U8": 1, "BOOL": 1}
_META = "__metadata__"


def opened(content: bytes) -> tuple[dict[str, Any], Any, bytes]:
    """The header's entries, what is within its metadata, and the data; raises some of WRONG."""
    stop = 8 + int.from_bytes(content[:8], "little")
    document = json.loads(content[8:stop])
    return document, json.loads(document[_META]["diabolo"]), content[stop:]


def sealed(document: dict[str, Any] | bytes, inner: Any, data: bytes) -> bytes:
    """A file of these pieces with the right hash."""
    if isinstance(document, dict):
        text = inner.decode("utf-8", "replace") if isinstance(inner, bytes) else None
        text = as_text(inner).decode("utf-8", "surrogatepass") if text is None else text
        meta = document.get(_META)
        if isinstance(meta, dict):
            meta = {"sha256": "0" * 64, **meta} | {"sha256": "0" * 64, "diabolo": text}
            document = {_META: meta, **{k: v for k, v in document.items() if k != _META}}
        document = as_text(document)
    document += b" " * (-len(document) % 8)
    return repaired(len(document).to_bytes(8, "little") + document + data)


def repaired(content: bytes) -> bytes:
    """The same file with the hash that it should have."""
    if len(content) < 99:
        return content
    blank = content[:35] + b"0" * 64 + content[99:]
    return content[:35] + hashlib.sha256(blank).hexdigest().encode() + content[99:]


def fitted(document: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Tensors in their order, without gaps, and as many bytes of data as they say; or as it was."""
    meta, tensors = document.get(_META), {k: v for k, v in document.items() if k != _META}
    fit, start = {_META: meta}, 0
    with suppress(*WRONG):
        for name in sorted(tensors, key=lambda name: (-SIZES[tensors[name]["dtype"]], name)):
            entry = tensors[name]
            size = SIZES[entry["dtype"]]
            for length in entry["shape"]:
                if not isinstance(length, int):  # a text so many times over fills the memory
                    return document, data
                size *= length
            if not 0 <= start + size <= MOST:
                return document, data
            fit[name] = entry | {"data_offsets": [start, start + size]}
            start += size
        return fit, data[:start].ljust(start, b"\0")
    return document, data


def changed_sealed(content: bytes, dice: random.Random, mutate: Mutate) -> bytes:
    """A file like this one, changed in one place, hash and offsets right (but now and then)."""
    try:
        document, inner, data = opened(content)
    except WRONG:
        return repaired(mutate(content))
    kind = dice.random()
    if kind < 0.03:
        return mutate(content)
    if kind < 0.06:
        return repaired(mutate(content))
    with suppress(*WRONG):
        if kind < 0.5:
            inner = changed_tree(inner, dice)
        elif kind < 0.6:
            inner = mutate(as_text(inner))
        elif kind < 0.9:
            document = changed_tree(document, dice)
            if dice.random() < 0.7:
                document, data = fitted(document, data)
        else:
            data = mutate(data)[: len(data)].ljust(len(data), b"\0")
    return sealed(document, inner, data)

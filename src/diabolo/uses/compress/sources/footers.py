"""What the footer of a Parquet file says of its columns: enough to tell whether two are alike.

The footer is a structure in Thrift's compact protocol. Types are compared there, because readers
map several of Parquet's types to one of their own (fixed-length bytes to bytes, times of any unit
to nanoseconds), and would write another one back without a word.

Parquet format, `parquet.thrift` (FileMetaData, SchemaElement); Thrift, "compact protocol".
"""

from __future__ import annotations

from typing import Any, NamedTuple

_MAGIC = b"PAR1"
_DEEPEST = 16  # structures within each other
_SCHEMA = 2  # field of FileMetaData
_TYPE, _LENGTH, _NAME, _CHILDREN, _CONVERTED, _LOGICAL = 1, 2, 4, 5, 6, 10  # of SchemaElement


class Element(NamedTuple):
    """A column, or a group of them."""

    name: bytes
    children: int
    physical: tuple[Any, Any]  # type and, of fixed-length bytes, length
    converted: Any
    logical: Any

    def like(self, other: Element) -> bool:
        """Whether both hold the same values: by their logical types, where both have one."""
        if (self.name, self.children) != (other.name, other.children):
            return False
        if self.logical is not None and other.logical is not None:
            return bool(self.logical == other.logical)
        if self.converted is not None and other.converted is not None:
            return bool(self.converted == other.converted)
        return self.physical == other.physical


def schema_of(content: bytes) -> list[Element]:
    """All columns and groups of a Parquet file, the one that holds all others left out.

    raises ValueError for a footer that cannot be read.
    """
    length = int.from_bytes(content[-8:-4], "little")
    if content[-4:] != _MAGIC or length > len(content) - 12:
        raise ValueError("it is no Parquet file")
    try:
        footer = _Compact(content[-8 - length : -8]).struct(0)
        return [_element(one) for one in footer[_SCHEMA][1:]]
    except (LookupError, TypeError) as error:
        raise ValueError("its footer cannot be read") from error


def _element(fields: dict[int, Any]) -> Element:
    return Element(
        fields[_NAME],
        fields.get(_CHILDREN, 0),
        (fields.get(_TYPE), fields.get(_LENGTH)),
        fields.get(_CONVERTED),
        fields.get(_LOGICAL),
    )


class _Compact:
    """Reads values of Thrift's compact protocol; structures become {field: value}."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("its footer cannot be read")

    def integer(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def binary(self) -> bytes:
        length = self.varint()
        self.at += length
        if self.at > len(self.content):
            raise ValueError("its footer cannot be read")
        return self.content[self.at - length : self.at]

    def struct(self, depth: int) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else self.value(kind, depth + 1)
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("its footer cannot be read")
        if kind in (1, 2, 3):  # within lists, truths take a byte
            return self.byte()
        if kind in (4, 5, 6):
            return self.integer()
        if kind == 7:
            self.at += 8
            return self.content[self.at - 8 : self.at]
        if kind == 8:
            return self.binary()
        if kind in (9, 10):
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.value(head & 15, depth + 1) for _ in range(count)]
        if kind == 12:
            return self.struct(depth)
        raise ValueError("its footer cannot be read")  # maps: Parquet has none

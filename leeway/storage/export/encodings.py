"""The two spellings of OTLP: protobuf, and the JSON that the file exporter of the OpenTelemetry Collector writes.

A message is a list of fields, each of them named once with its number and its JSON name; an encoding makes pieces of
fields and a message of pieces. As proto3 has it, a field with its default value is left out.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final

from leeway.storage.export.values import any_value_bytes, any_value_json, double_json, json_string, varint

Pieces = Iterable[bytes]
_U64: Final = 2**64 - 1


class Encoding(ABC):
    """How fields and messages are written. Methods take a field's number, its JSON name and its value."""

    @abstractmethod
    def message(self, fields: Pieces) -> bytes:
        """A message of its fields."""

    @abstractmethod
    def framed(self, message: bytes) -> bytes:
        """A message as it stands in a file among others."""

    @abstractmethod
    def text(self, number: int, name: str, value: str) -> bytes: ...

    @abstractmethod
    def hex(self, number: int, name: str, value: str) -> bytes:
        """Bytes, such as an id, that are given as hexadecimal digits."""

    @abstractmethod
    def number(self, number: int, name: str, value: int) -> bytes:
        """An enum or an uint32."""

    @abstractmethod
    def fixed32(self, number: int, name: str, value: int) -> bytes: ...

    @abstractmethod
    def fixed64(self, number: int, name: str, value: int) -> bytes: ...

    @abstractmethod
    def sint32(self, number: int, name: str, value: int) -> bytes: ...

    @abstractmethod
    def boolean(self, number: int, name: str, value: int) -> bytes:
        """`value` is 0 for false."""

    @abstractmethod
    def double(self, number: int, name: str, value: float) -> bytes:
        """Written even when it is 0, as a field that may be absent has it."""

    @abstractmethod
    def sfixed64(self, number: int, name: str, value: int) -> bytes:
        """As `double`."""

    @abstractmethod
    def doubles(self, number: int, name: str, values: Sequence[float]) -> bytes: ...

    @abstractmethod
    def fixed64s(self, number: int, name: str, values: Sequence[int]) -> bytes: ...

    @abstractmethod
    def uint64s(self, number: int, name: str, values: Sequence[int]) -> bytes: ...

    @abstractmethod
    def one(self, number: int, name: str, message: bytes) -> bytes:
        """A message in a message."""

    @abstractmethod
    def several(self, number: int, name: str, messages: Sequence[bytes]) -> bytes:
        """Messages in a message."""

    @abstractmethod
    def value(self, kind: int, text: str) -> bytes:
        """An AnyValue as a message."""


class Protobuf(Encoding):
    def message(self, fields: Pieces) -> bytes:
        return b"".join(fields)

    def framed(self, message: bytes) -> bytes:
        """After its length in four bytes, as the Collector's file exporter has it."""
        return struct.pack(">I", len(message)) + message

    def text(self, number: int, name: str, value: str) -> bytes:
        return self.one(number, name, value.encode()) if value else b""

    def hex(self, number: int, name: str, value: str) -> bytes:
        return self.one(number, name, bytes.fromhex(value)) if value else b""

    def number(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - the name is JSON's
        return varint(number << 3) + varint(value & _U64) if value else b""

    def fixed32(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return varint(number << 3 | 5) + value.to_bytes(4, "little") if value else b""

    def fixed64(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return varint(number << 3 | 1) + value.to_bytes(8, "little") if value else b""

    def sint32(self, number: int, name: str, value: int) -> bytes:
        return self.number(number, name, value << 1 if value >= 0 else ~(value << 1))

    def boolean(self, number: int, name: str, value: int) -> bytes:
        return self.number(number, name, int(value))

    def double(self, number: int, name: str, value: float) -> bytes:  # noqa: ARG002 - as above
        return varint(number << 3 | 1) + struct.pack("<d", value)

    def sfixed64(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return varint(number << 3 | 1) + struct.pack("<q", value)

    def doubles(self, number: int, name: str, values: Sequence[float]) -> bytes:
        return self.one(number, name, struct.pack(f"<{len(values)}d", *values)) if values else b""

    def fixed64s(self, number: int, name: str, values: Sequence[int]) -> bytes:
        return self.one(number, name, struct.pack(f"<{len(values)}Q", *values)) if values else b""

    def uint64s(self, number: int, name: str, values: Sequence[int]) -> bytes:
        return self.one(number, name, b"".join(map(varint, values))) if values else b""

    def one(self, number: int, name: str, message: bytes) -> bytes:  # noqa: ARG002 - as above
        return varint(number << 3 | 2) + varint(len(message)) + message

    def several(self, number: int, name: str, messages: Sequence[bytes]) -> bytes:
        return b"".join(self.one(number, name, message) for message in messages)

    def value(self, kind: int, text: str) -> bytes:
        return any_value_bytes(kind, text)


class Json(Encoding):
    def message(self, fields: Pieces) -> bytes:
        return b"{" + b",".join(filter(None, fields)) + b"}"

    def framed(self, message: bytes) -> bytes:
        """On a line of its own."""
        return message + b"\n"

    def text(self, number: int, name: str, value: str) -> bytes:  # noqa: ARG002 - the number is protobuf's
        return f'"{name}":{json_string(value)}'.encode() if value else b""

    def hex(self, number: int, name: str, value: str) -> bytes:
        return self.text(number, name, value)

    def number(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":{value}'.encode() if value else b""

    def fixed32(self, number: int, name: str, value: int) -> bytes:
        return self.number(number, name, value)

    def fixed64(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":"{value}"'.encode() if value else b""

    def sint32(self, number: int, name: str, value: int) -> bytes:
        return self.number(number, name, value)

    def boolean(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":true'.encode() if value else b""

    def double(self, number: int, name: str, value: float) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":{double_json(value)}'.encode()

    def sfixed64(self, number: int, name: str, value: int) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":"{value}"'.encode()

    def doubles(self, number: int, name: str, values: Sequence[float]) -> bytes:
        return self.several(number, name, [double_json(value).encode() for value in values])

    def fixed64s(self, number: int, name: str, values: Sequence[int]) -> bytes:
        return self.several(number, name, [b'"%d"' % value for value in values])

    def uint64s(self, number: int, name: str, values: Sequence[int]) -> bytes:
        return self.fixed64s(number, name, values)

    def one(self, number: int, name: str, message: bytes) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":'.encode() + message

    def several(self, number: int, name: str, messages: Sequence[bytes]) -> bytes:  # noqa: ARG002 - as above
        return f'"{name}":['.encode() + b",".join(messages) + b"]" if messages else b""

    def value(self, kind: int, text: str) -> bytes:
        return any_value_json(kind, text).encode()

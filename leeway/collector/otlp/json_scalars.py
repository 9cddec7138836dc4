"""Scalars of OTLP/JSON: a JSON value in, its protobuf bytes without a tag out. What does not fit raises `Wrong`."""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode, urlsafe_b64decode
from typing import Any, Final

from leeway.collector.otlp.framing import varint

Json = Any
"""What `json.loads` makes."""

_SPECIAL_DOUBLES: Final = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
_UINT64: Final = 0xFFFF_FFFF_FFFF_FFFF


class Wrong(ValueError):
    """A value is not what its place asks for; the path to it is put before the message on the way out."""


_LENGTHS: Final = [bytes((n,)) for n in range(0x80)]


def sized(tag: bytes, content: bytes) -> bytes:
    """A field with its tag and length."""
    size = len(content)
    return tag + (_LENGTHS[size] if size < 0x80 else varint(size)) + content


def text(value: Json) -> bytes:
    if not isinstance(value, str):
        raise Wrong(f"a string is wanted, not {short(value)}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can write and UTF-8 cannot: U+FFFD, as other decoders have it.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def hexadecimal(value: Json) -> bytes:
    if not isinstance(value, str):
        raise Wrong(f"a hex string is wanted, not {short(value)}")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise Wrong(f"a hex string is wanted, not {short(value)}") from None


def integer(value: Json, least: int, most: int) -> int:
    number = value
    if isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            raise Wrong(f"an integer is wanted, not {short(value)}") from None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise Wrong(f"an integer is wanted, not {short(value)}")
    if not least <= number <= most:
        raise Wrong(f"{short(value)} is not between {least} and {most}")
    return number


def listed(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise Wrong(f"a list is wanted, not {short(value)}")
    return value


def short(value: Json) -> str:
    text = type(value).__name__ if isinstance(value, dict | list) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def signed_varint(value: Json, bits: int) -> bytes:
    return varint(integer(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) & _UINT64)


def unsigned_varint(value: Json, bits: int) -> bytes:
    return varint(integer(value, 0, 2**bits - 1))


def zigzag(value: Json, bits: int) -> bytes:
    number = integer(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return varint((number << 1 ^ number >> 63) & _UINT64)


def unsigned_fixed(value: Json, bits: int) -> bytes:
    return integer(value, 0, 2**bits - 1).to_bytes(bits // 8, "little")


def signed_fixed(value: Json, bits: int) -> bytes:
    return integer(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).to_bytes(bits // 8, "little", signed=True)


def boolean(value: Json) -> bytes:
    if not isinstance(value, bool):
        raise Wrong(f"true or false is wanted, not {short(value)}")
    return b"\x01" if value else b"\x00"


def double(value: Json) -> bytes:
    if isinstance(value, str):
        value = _SPECIAL_DOUBLES.get(value, value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"a number is wanted, not {short(value)}")
    try:
        return struct.pack("<d", float(value))
    except (ValueError, OverflowError):
        raise Wrong(f"a number is wanted, not {short(value)}") from None


def base64(value: Json) -> bytes:
    """Standard or URL-safe, padded or not, as proto3's JSON allows."""
    if not isinstance(value, str):
        raise Wrong(f"base64 is wanted, not {short(value)}")
    padded = value + "=" * (-len(value) % 4)
    try:
        return urlsafe_b64decode(padded) if "-" in value or "_" in value else b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(f"base64 is wanted, not {short(value)}") from None

"""OTLP/JSON to OTLP/protobuf, byte for byte what a protobuf exporter would have sent.

OTLP's JSON is proto3's with differences (opentelemetry.io/docs/specs/otlp#json-protobuf-encoding): ids are hex, enums
are numbers, unknown fields are ignored. Senders differ more than that, so this takes lowerCamelCase and snake_case
names, enums by number or by name, 64-bit integers as strings or numbers, and `null` as absent.
"""

from __future__ import annotations

import binascii
import json
import struct
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from leeway.collector.framing import varint
from leeway.collector.refusal import Reason, Refused

Json = Any
"""What `json.loads` makes."""
Encode = Callable[[Json, int], bytes]
"""A JSON value and how deep values may still nest, to a field with its tag."""

_SPECIAL_DOUBLES: Final = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
SPAN_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUS_CODES: Final = ("UNSET", "OK", "ERROR")


class _Wrong(ValueError):
    """A value is not what its place asks for; the path to it is put before the message on the way out."""


def decoder(depth_max: int) -> Callable[[bytes], bytes]:
    """`to_protobuf` with its limit filled in."""
    return partial(to_protobuf, depth_max=depth_max)


def to_protobuf(body: bytes, depth_max: int) -> bytes:
    """An ExportTraceServiceRequest in JSON, in protobuf.

    Args:
        body: UTF-8, with or without a byte order mark.
        depth_max: How deep arrays and kvlists may nest in attribute values.

    Raises:
        Refused: It is not that, or nests deeper.
    """
    try:
        request = json.loads(body.decode("utf-8-sig"))
        return _message(_REQUEST, request, depth_max)
    except RecursionError:
        raise Refused(
            Reason.UNDECODABLE, f"the request is not OTLP/JSON: it nests deeper than {depth_max} values"
        ) from None
    except ValueError as e:
        raise Refused(Reason.UNDECODABLE, f"the request is not OTLP/JSON: {e}") from e


def _message(fields: Mapping[str, Encode], value: Json, depth: int) -> bytes:
    if not isinstance(value, dict):
        raise _Wrong(f"an object is wanted, not {_short(value)}")
    parts = []
    for name, content in value.items():
        encode = fields.get(name)
        if encode is None or content is None:
            continue
        try:
            parts.append(encode(content, depth))
        except _Wrong as e:
            raise _Wrong(f"{name}: {e}") from None
    return b"".join(parts)


# -- fields --------------------------------------------------------------------------------------------------------


def _tagged(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (bytes((size,)) if size < 0x80 else varint(size)) + content


def _message_field(number: int, fields: Mapping[str, Encode]) -> Encode:
    tag = varint(number << 3 | 2)
    return lambda value, depth: _tagged(tag, _message(fields, value, depth))


def _repeated_field(number: int, fields: Mapping[str, Encode]) -> Encode:
    tag = varint(number << 3 | 2)
    return lambda value, depth: b"".join([_tagged(tag, _message(fields, item, depth)) for item in _list(value)])


def _string_field(number: int) -> Encode:
    tag = varint(number << 3 | 2)
    return lambda value, _: _tagged(tag, _utf8(value))


def _id_field(number: int) -> Encode:
    tag = varint(number << 3 | 2)
    return lambda value, _: _tagged(tag, _hex(value))


def _fixed_field(number: int, bits: int) -> Encode:
    tag = varint(number << 3 | (1 if bits == 64 else 5))
    return lambda value, _: tag + _integer(value, 0, 2**bits - 1).to_bytes(bits // 8, "little")


def _uint32_field(number: int) -> Encode:
    tag = varint(number << 3)
    return lambda value, _: tag + varint(_integer(value, 0, 2**32 - 1))


def _enum_field(number: int, prefix: str, names: Iterable[str]) -> Encode:
    tag = varint(number << 3)
    numbers = {prefix + name: i for i, name in enumerate(names)}

    def encode(value: Json, _: int) -> bytes:
        known = numbers.get(value) if isinstance(value, str) else None
        return tag + varint(
            known if known is not None else _integer(value, -(2**31), 2**31 - 1) & 0xFFFF_FFFF_FFFF_FFFF
        )

    return encode


def _value_field(number: int) -> Encode:
    tag = varint(number << 3 | 2)
    return lambda value, depth: _tagged(tag, _any_value(value, depth))


# -- attribute values ----------------------------------------------------------------------------------------------


def _any_value(value: Json, depth: int) -> bytes:
    """An AnyValue. A member that is there is written even when it is 0, false or empty."""
    if not isinstance(value, dict):
        raise _Wrong(f"an object is wanted, not {_short(value)}")
    for name, content in value.items():
        member = _MEMBERS.get(name)
        if member is not None and content is not None:
            try:
                return member(content, depth)
            except _Wrong as e:
                raise _Wrong(f"{name}: {e}") from None
    return b""


def _deeper(depth: int) -> int:
    if depth <= 0:
        raise _Wrong("values nest too deeply")
    return depth - 1


def _array(value: Json, depth: int) -> bytes:
    left = _deeper(depth)
    return _tagged(b"\x2a", b"".join([_tagged(b"\x0a", _any_value(item, left)) for item in _listed(value)]))


def _kvlist(value: Json, depth: int) -> bytes:
    left = _deeper(depth)
    return _tagged(b"\x32", b"".join([_tagged(b"\x0a", _message(_KEY_VALUE, item, left)) for item in _listed(value)]))


def _listed(value: Json) -> list[Json]:
    if not isinstance(value, dict):
        raise _Wrong(f"an object with values is wanted, not {_short(value)}")
    return _list(value.get("values") or [])


def _bool(value: Json, _: int) -> bytes:
    if not isinstance(value, bool):
        raise _Wrong(f"true or false is wanted, not {_short(value)}")
    return b"\x10\x01" if value else b"\x10\x00"


def _int(value: Json, _: int) -> bytes:
    return b"\x18" + varint(_integer(value, -(2**63), 2**63 - 1) & 0xFFFF_FFFF_FFFF_FFFF)


def _double(value: Json, _: int) -> bytes:
    if isinstance(value, str):
        value = _SPECIAL_DOUBLES.get(value, value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong(f"a number is wanted, not {_short(value)}")
    try:
        return b"\x21" + struct.pack("<d", float(value))
    except (ValueError, OverflowError):
        raise _Wrong(f"a number is wanted, not {_short(value)}") from None


def _bytes(value: Json, _: int) -> bytes:
    if not isinstance(value, str):
        raise _Wrong(f"base64 is wanted, not {_short(value)}")
    padded = value + "=" * (-len(value) % 4)
    try:
        decoded = urlsafe_b64decode(padded) if "-" in value or "_" in value else b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise _Wrong(f"base64 is wanted, not {_short(value)}") from None
    return _tagged(b"\x3a", decoded)


# -- scalars -------------------------------------------------------------------------------------------------------


def _utf8(value: Json) -> bytes:
    if not isinstance(value, str):
        raise _Wrong(f"a string is wanted, not {_short(value)}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can write and UTF-8 cannot: U+FFFD, as other decoders have it.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _hex(value: Json) -> bytes:
    if not isinstance(value, str):
        raise _Wrong(f"a hex string is wanted, not {_short(value)}")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise _Wrong(f"a hex string is wanted, not {_short(value)}") from None


def _integer(value: Json, least: int, most: int) -> int:
    number = value
    if isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            raise _Wrong(f"an integer is wanted, not {_short(value)}") from None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise _Wrong(f"an integer is wanted, not {_short(value)}")
    if not least <= number <= most:
        raise _Wrong(f"{_short(value)} is not between {least} and {most}")
    return number


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise _Wrong(f"a list is wanted, not {_short(value)}")
    return value


def _short(value: Json) -> str:
    text = type(value).__name__ if isinstance(value, dict | list) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


# -- the messages --------------------------------------------------------------------------------------------------


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _both_cases(fields: Mapping[str, Encode]) -> dict[str, Encode]:
    return {spelled: encode for name, encode in fields.items() for spelled in (name, _snake(name))}


_MEMBERS: Final = _both_cases({
    "stringValue": _string_field(1), "boolValue": _bool, "intValue": _int, "doubleValue": _double,
    "arrayValue": _array, "kvlistValue": _kvlist, "bytesValue": _bytes,
})  # fmt: skip
_KEY_VALUE: Final = {"key": _string_field(1), "value": _value_field(2)}
_RESOURCE: Final = _both_cases(
    {"attributes": _repeated_field(1, _KEY_VALUE), "droppedAttributesCount": _uint32_field(2)}
)
_SCOPE: Final = _both_cases({
    "name": _string_field(1), "version": _string_field(2), "attributes": _repeated_field(3, _KEY_VALUE),
    "droppedAttributesCount": _uint32_field(4),
})  # fmt: skip
_EVENT: Final = _both_cases({
    "timeUnixNano": _fixed_field(1, 64), "name": _string_field(2), "attributes": _repeated_field(3, _KEY_VALUE),
    "droppedAttributesCount": _uint32_field(4),
})  # fmt: skip
_LINK: Final = _both_cases({
    "traceId": _id_field(1), "spanId": _id_field(2), "traceState": _string_field(3),
    "attributes": _repeated_field(4, _KEY_VALUE), "droppedAttributesCount": _uint32_field(5),
    "flags": _fixed_field(6, 32),
})  # fmt: skip
_STATUS: Final = {"message": _string_field(2), "code": _enum_field(3, "STATUS_CODE_", STATUS_CODES)}
_SPAN: Final = _both_cases({
    "traceId": _id_field(1), "spanId": _id_field(2), "traceState": _string_field(3), "parentSpanId": _id_field(4),
    "name": _string_field(5), "kind": _enum_field(6, "SPAN_KIND_", SPAN_KINDS),
    "startTimeUnixNano": _fixed_field(7, 64), "endTimeUnixNano": _fixed_field(8, 64),
    "attributes": _repeated_field(9, _KEY_VALUE), "droppedAttributesCount": _uint32_field(10),
    "events": _repeated_field(11, _EVENT), "droppedEventsCount": _uint32_field(12),
    "links": _repeated_field(13, _LINK), "droppedLinksCount": _uint32_field(14),
    "status": _message_field(15, _STATUS), "flags": _fixed_field(16, 32),
})  # fmt: skip
_SCOPE_SPANS: Final = _both_cases({
    "scope": _message_field(1, _SCOPE), "spans": _repeated_field(2, _SPAN), "schemaUrl": _string_field(3),
})  # fmt: skip
_RESOURCE_SPANS: Final = _both_cases({
    "resource": _message_field(1, _RESOURCE), "scopeSpans": _repeated_field(2, _SCOPE_SPANS),
    "schemaUrl": _string_field(3),
})  # fmt: skip
_REQUEST: Final = _both_cases({"resourceSpans": _repeated_field(1, _RESOURCE_SPANS)})

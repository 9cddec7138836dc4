"""Attribute values that ClickHouse's schema has no room for, as JSON text in fields of our own.

A kvlist anywhere, and an array that holds a kvlist, an array or bytes. Their content is unknown to the parser
(wire.py), so this module reads the wire format itself, without recursion: no depth of nesting is too deep, and time
and memory grow with the bytes. The JSON is plain, and what JSON has no word for is an object of one key: `{"$bytes":
"base64"}` and `{"$double": "nan"}`. A kvlist that looks like one of them gets a second `$` before its key, so the two
stay different.
"""

from __future__ import annotations

import math
import re
import struct
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from json import encoder
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from leeway.collector.otlp.framing import read_varint
from leeway.collector.otlp.wire import Parsed
from leeway.collector.refusal import Reason, Refused

STRING, BOOL, INT, DOUBLE, ARRAY, KVLIST, BYTES = 1, 2, 3, 4, 5, 6, 7
"""Members of AnyValue's oneof."""
_VARINT, _I64, _LEN, _GROUP, _GROUP_END, _I32 = 0, 1, 2, 3, 4, 5
_WIRE_TYPES: Final = {STRING: _LEN, BOOL: _VARINT, INT: _VARINT, DOUBLE: _I64, ARRAY: _LEN, KVLIST: _LEN, BYTES: _LEN}
_quoted: Final[Callable[[str], str]] = encoder.encode_basestring
"""A string as JSON, other than ASCII as it is."""
_LOOKS_LIKE_OURS: Final = re.compile(r"\$+(bytes|double)")


class Budget:
    """What of a request may be rewritten; each value in Python costs fifty times what the parser takes for it.

    Args:
        values: Values that are looked at.
        size: Bytes of JSON text that are written: a control character becomes six.
    """

    def __init__(self, values: int, size: int) -> None:
        self._values, self._values_max = 0, values
        self._bytes, self._bytes_max = 0, size

    def take(self, values: int) -> None:
        """Look at so many more.

        Raises:
            Refused: They are too many.
        """
        self._values += values
        if self._values > self._values_max:
            raise Refused(
                Reason.TOO_LARGE,
                f"a request may have {self._values_max} attributes and elements beside values that nest, and this one "
                "has more",
            )

    def write(self, text: str) -> str:
        """The same text.

        Raises:
            Refused: With it, it is too much.
        """
        self._bytes += len(text)
        if self._bytes > self._bytes_max:
            raise Refused(
                Reason.TOO_LARGE, f"a request's values that nest take more than {self._bytes_max} bytes as JSON text"
            )
        return text


def rewrite(message: Parsed, budget: Budget) -> None:
    """Rewrite every deep value in a message of the `EXACT` schema in place, whichever message it is.

    Raises:
        Refused: Its bytes are not what OTLP says, or too much.
        UnicodeDecodeError: A string or a key in it is not UTF-8.
    """
    for field, repeated, is_value in _leads(message.DESCRIPTOR):
        if not repeated and not message.HasField(field):
            continue
        content = getattr(message, field)
        mend = _rewrite_value if is_value else rewrite
        if repeated:
            budget.take(len(content))
        for part in content if repeated else (content,):
            mend(part, budget)


_LEADS: Final[dict[str, tuple[tuple[str, bool, bool], ...]]] = {}


def _leads(descriptor: Any) -> tuple[tuple[str, bool, bool], ...]:  # noqa: ANN401 - google.protobuf's Descriptor
    """The fields of a message below which there are values: name, whether repeated, whether it is a value itself.

    Its recursion is as deep as the schema, not as the data.
    """
    known = _LEADS.get(descriptor.full_name)
    if known is None:
        known = _LEADS[descriptor.full_name] = tuple(
            (f.name, f.is_repeated, f.message_type.name == "AnyValue")
            for f in descriptor.fields
            if f.message_type is not None and (f.message_type.name == "AnyValue" or _leads(f.message_type))
        )
    return known


def _rewrite_value(value: Parsed, budget: Budget) -> None:
    which = value.WhichOneof("value")
    if which == "kvlist_value":
        value.kvlist_json = json_text(value.SerializeToString(), budget)
    elif which == "array_value":
        budget.take(len(value.array_value.values))
        if _is_deep(value.array_value):
            value.array_json = json_text(value.SerializeToString(), budget)


def _is_deep(array: Parsed) -> bool:
    return any(e.WhichOneof("value") in ("array_value", "kvlist_value", "bytes_value") for e in array.values)


def json_text(data: bytes, budget: Budget | None = None) -> str:
    """An AnyValue in protobuf as JSON text.

    Raises:
        Refused: The bytes are no AnyValue, or too much.
        UnicodeDecodeError: A string or a key in it is not UTF-8.
    """
    budget = budget or Budget(sys.maxsize, sys.maxsize)
    with suppress(DecodeError):
        out: list[str] = []
        _write(AnyValue.FromString(data), out, budget)
        return "".join(out)
    return _json_text_of_any_depth(data, budget)


def _write(value: AnyValue, out: list[str], budget: Budget) -> None:
    """As `_json_text_of_any_depth`, ten times as fast. It recurses, but the parser has refused what is too deep."""
    which = value.WhichOneof("value")
    if which == "string_value":
        out.append(budget.write(_quoted(value.string_value)))
    elif which == "kvlist_value":
        pairs = value.kvlist_value.values
        budget.take(len(pairs))
        looks_like_ours = len(pairs) == 1 and _LOOKS_LIKE_OURS.fullmatch(pairs[0].key)
        before = '{"$' if looks_like_ours else "{"
        for pair in pairs:
            out.append(budget.write(f'{before}{pair.key}":' if looks_like_ours else f"{before}{_quoted(pair.key)}:"))
            _write(pair.value, out, budget)
            before = ","
        out.append("}" if pairs else "{}")
    elif which == "array_value":
        elements = value.array_value.values
        budget.take(len(elements))
        before = "["
        for element in elements:
            out.append(before)
            _write(element, out, budget)
            before = ","
        out.append("]" if elements else "[]")
    else:
        out.append(_scalar(which, value))


def _scalar(which: str | None, value: AnyValue) -> str:
    if which == "int_value":
        return str(value.int_value)
    if which == "bool_value":
        return "true" if value.bool_value else "false"
    if which == "double_value":
        return _double(value.double_value)
    if which == "bytes_value":
        return _bytes(value.bytes_value)
    return "null"


def _json_text_of_any_depth(data: bytes, budget: Budget) -> str:
    out: list[str] = []
    # What is still to be written, last first: text as it is, or a value from start to end.
    todo: list[str | tuple[int, int]] = [(0, len(data))]
    try:
        while todo:
            item = todo.pop()
            if isinstance(item, str):
                out.append(item)
            else:
                _write_value(data, *item, out, todo, budget)
    except UnicodeDecodeError:
        raise
    except (ValueError, struct.error) as e:
        raise Refused(Reason.UNDECODABLE, f"an attribute value is not what OTLP says: {e}") from e
    return "".join(out)


def _write_value(
    data: bytes, at: int, end: int, out: list[str], todo: list[str | tuple[int, int]], budget: Budget
) -> None:
    member, content = _any_value(data, at, end)
    if member is None:
        out.append("null")
    elif isinstance(content, int):
        out.append(
            str(content if content < 1 << 63 else content - (1 << 64))
            if member == INT
            else ("true" if content else "false")
        )
    elif member == DOUBLE:
        out.append(_double(struct.unpack_from("<d", data, content[0])[0]))
    elif member == STRING:
        out.append(budget.write(_quoted(data[content[0] : content[1]].decode())))
    elif member == BYTES:
        out.append(_bytes(data[content[0] : content[1]]))
    elif member == ARRAY:
        todo.append("]")
        _in_order(todo, [[value] for value in _values(data, content[0], content[1], budget)])
        out.append("[")
    else:
        todo.append("}")
        _in_order(todo, _pairs(data, content[0], content[1], budget))
        out.append("{")


def _in_order(todo: list[str | tuple[int, int]], items: list[list[str | tuple[int, int]]]) -> None:
    """Put items on the stack so that the first comes off first, commas between them."""
    for i in range(len(items) - 1, -1, -1):
        todo.extend(reversed(items[i]))
        if i:
            todo.append(",")


def _any_value(data: bytes, at: int, end: int) -> tuple[int | None, Any]:
    """The last member set, as protobuf has it: its number, and an int for varints or where its content lies."""
    found: tuple[int | None, Any] = None, None
    while at < end:
        field, wire_type, content, at = _field(data, at, end)
        if _WIRE_TYPES.get(field) == wire_type:
            found = field, content
    return found


def _values(data: bytes, at: int, end: int, budget: Budget) -> list[str | tuple[int, int]]:
    """The elements of an ArrayValue, or the KeyValues of a KeyValueList."""
    values: list[str | tuple[int, int]] = []
    while at < end:
        field, wire_type, content, at = _field(data, at, end)
        if field == 1 and wire_type == _LEN:
            budget.take(1)
            values.append(content)
    return values


def _pairs(data: bytes, at: int, end: int, budget: Budget) -> list[list[str | tuple[int, int]]]:
    pairs: list[list[str | tuple[int, int]]] = []
    key = ""
    for place in _values(data, at, end, budget):
        key, value = _pair(data, *place)
        pairs.append([budget.write(f"{_quoted(key)}:"), value])
    if len(pairs) == 1 and _LOOKS_LIKE_OURS.fullmatch(key):
        pairs[0][0] = f'"${key}":'
    return pairs


def _pair(data: bytes, at: int, end: int) -> tuple[str, tuple[int, int]]:
    key, value = "", (0, 0)
    while at < end:
        field, wire_type, content, at = _field(data, at, end)
        if field == 1 and wire_type == _LEN:
            key = data[content[0] : content[1]].decode()
        elif field == 2 and wire_type == _LEN:
            value = content
    return key, value


def _field(data: bytes, at: int, end: int) -> tuple[int, int, Any, int]:
    """One field: number, wire type, content (an int, or start and end), and where the next begins."""
    tag, at = read_varint(data, at, end)
    field, wire_type = tag >> 3, tag & 7
    if not field:
        raise ValueError("a field has number 0")
    if wire_type == _VARINT:
        number, at = read_varint(data, at, end)
        return field, wire_type, number, at
    if wire_type == _LEN:
        length, at = read_varint(data, at, end)
    elif wire_type in (_I64, _I32):
        length = 8 if wire_type == _I64 else 4
    else:
        raise ValueError("groups are not OTLP")
    if at + length > end:
        raise ValueError("a field is cut off")
    return field, wire_type, (at, at + length), at + length


def _bytes(content: bytes) -> str:
    return f'{{"$bytes":"{b64encode(content).decode()}"}}'


def _double(number: float) -> str:
    """With a '.' or an 'e' in it, so that it is read back as a double."""
    if math.isfinite(number):
        return repr(number)
    return f'{{"$double":"{number}"}}'

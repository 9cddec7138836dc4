"""Attribute values as the tables keep them (a type and a text) back as OTLP's AnyValue, in protobuf and in JSON.

Arrays and kvlists are kept as JSON text. It is plain JSON but for three things: a double has a `.` or an `e` in it, an
integer has not; what JSON has no word for is an object of one key, `{"$bytes": "base64"}` or `{"$double": "nan"}`; and
a kvlist that looks like one of them has one `$` more before its key. Names that come twice in an object are two pairs.
Nothing here recurses, so no nesting is too deep, and time grows with the text.
"""

from __future__ import annotations

import json
import math
import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

Scalar = str | bool | int | float | bytes | None


class ValueType(IntEnum):
    """What `attribute_types` holds: the number of AnyValue's member, 0 where there is none."""

    NONE = 0
    STRING = 1
    BOOL = 2
    INT = 3
    DOUBLE = 4
    ARRAY = 5
    KVLIST = 6
    BYTES = 7


class Opens(NamedTuple):
    """An array or a kvlist begins."""

    type: ValueType


class Closes(NamedTuple):
    """The innermost array or kvlist ends."""

    type: ValueType


class Key(NamedTuple):
    """The key of a kvlist's pair; its value follows."""

    text: str


class Leaf(NamedTuple):
    """A value without others in it."""

    value: Scalar


Event = Opens | Closes | Key | Leaf

_LEXEME: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]|[-+.\w]+', re.DOTALL)
"""Commas, colons and white space say nothing that the rest does not."""
_OPENING: Final = {"[": ValueType.ARRAY, "{": ValueType.KVLIST}
_CLOSING: Final = frozenset("]}")
_NAMES: Final[dict[str, Scalar]] = {"null": None, "true": True, "false": False}
_ESCAPED: Final = re.compile(r"\$\$+(bytes|double)")


def any_value_bytes(kind: int, text: str) -> bytes:
    """A value as a serialized AnyValue.

    Args:
        kind: Of `ValueType`.
        text: As in the tables.
    """
    if kind in (ValueType.ARRAY, ValueType.KVLIST):
        return _wire(_events(text))
    return _leaf_bytes(_scalar(kind, text))


def any_value_json(kind: int, text: str) -> str:
    """A value as OTLP/JSON writes an AnyValue."""
    if kind in (ValueType.ARRAY, ValueType.KVLIST):
        return "".join(_json(_events(text)))
    return _leaf_json(_scalar(kind, text))


def varint(n: int) -> bytes:
    """A number below 2^64 as protobuf writes it."""
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def json_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _scalar(kind: int, text: str) -> Scalar:
    match kind:
        case ValueType.STRING:
            return text
        case ValueType.BOOL:
            return text == "true"
        case ValueType.INT:
            return int(text)
        case ValueType.DOUBLE:
            return float(text)
        case ValueType.BYTES:
            return b64decode(text)
    return None


def _events(text: str) -> list[Event]:
    """JSON text in order of reading."""
    words = _LEXEME.findall(text)
    events: list[Event] = []
    open_: list[tuple[ValueType, list[int]]] = []
    """What is open, and where its keys stand in `events`."""
    value_next = False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in _CLOSING:
            kind, keys = open_.pop()
            _unescape(events, keys)
            events.append(Closes(kind))
        elif open_ and open_[-1][0] is ValueType.KVLIST and not value_next:
            open_[-1][1].append(len(events))
            events.append(Key(json.loads(word)))
            value_next = True
            continue
        elif word == "{" and (ours := _ours(words[at : at + 3])):
            events.append(ours)
            at += 3
        elif word in _OPENING:
            open_.append((_OPENING[word], []))
            events.append(Opens(_OPENING[word]))
        else:
            events.append(Leaf(_leaf(word)))
        value_next = False
    return events


def _ours(words: list[str]) -> Leaf | None:
    """`{"$bytes": …}` or `{"$double": …}`, of which `{` has been read."""
    if len(words) < 3 or words[2] != "}" or not words[1].startswith('"'):
        return None
    if words[0] == '"$bytes"':
        return Leaf(b64decode(json.loads(words[1])))
    return Leaf(float(json.loads(words[1]))) if words[0] == '"$double"' else None


def _unescape(events: list[Event], keys: list[int]) -> None:
    if len(keys) == 1:
        key = events[keys[0]]
        if isinstance(key, Key) and _ESCAPED.fullmatch(key.text):
            events[keys[0]] = Key(key.text[1:])


def _leaf(word: str) -> Scalar:
    if word[0] == '"':
        text: str = json.loads(word)
        return text
    if word in _NAMES:
        return _NAMES[word]
    return float(word) if re.search(r"[.eE]", word) else int(word)


# -- protobuf ---------------------------------------------------------------------------------------------------------


class _Frame:
    """An array or kvlist that is being written from its end.

    Attributes:
        end: Bytes that were written when its content ended.
        pair_end: The same for the pair whose key is still to come.
    """

    __slots__ = ("end", "kind", "pair_end")

    def __init__(self, kind: ValueType, end: int) -> None:
        self.kind, self.end, self.pair_end = kind, end, end


def _wire(events: list[Event]) -> bytes:
    """From the last event to the first: each length is then the number of bytes since the content's end."""
    backwards: list[bytes] = []
    written = 0
    open_: list[_Frame] = []
    for event in reversed(events):
        if isinstance(event, Closes):
            open_.append(_Frame(event.type, written))
            continue
        if isinstance(event, Key):
            key = event.text.encode()
            pieces = [key, varint(len(key)), b"\x0a"] if key else []
            written += sum(map(len, pieces))
            pieces.append(b"\x0a" + varint(written - open_[-1].pair_end))
            written += len(pieces[-1])
            backwards += pieces
            continue
        if isinstance(event, Leaf):
            end, piece = written, _leaf_bytes(event.value)
        else:
            frame = open_.pop()
            end, piece = frame.end, bytes([event.type << 3 | 2]) + varint(written - frame.end)
        backwards.append(piece)
        written += len(piece)
        if open_:
            parent = open_[-1]
            parent.pair_end = end
            backwards.append((b"\x0a" if parent.kind is ValueType.ARRAY else b"\x12") + varint(written - end))
            written += len(backwards[-1])
    return b"".join(reversed(backwards))


def _leaf_bytes(value: Scalar) -> bytes:
    match value:
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case int():
            return b"\x18" + varint(value & 0xFFFF_FFFF_FFFF_FFFF)
        case float():
            return b"\x21" + struct.pack("<d", value)
        case str():
            data = value.encode()
            return b"\x0a" + varint(len(data)) + data
        case bytes():
            return b"\x3a" + varint(len(value)) + value
    return b""


# -- JSON -------------------------------------------------------------------------------------------------------------


def _json(events: list[Event]) -> Iterator[str]:
    pairs: list[bool] = []
    """Of what is open, whether it is a kvlist."""
    comma = ""
    for event in events:
        if isinstance(event, Closes):
            pairs.pop()
            yield "]}}"
        elif isinstance(event, Key):
            yield f'{comma}{{"key":{json_string(event.text)},"value":'
            comma = ""
            continue
        elif isinstance(event, Opens):
            name = "arrayValue" if event.type is ValueType.ARRAY else "kvlistValue"
            yield f'{comma}{{"{name}":{{"values":['
            pairs.append(event.type is ValueType.KVLIST)
            comma = ""
            continue
        else:
            yield f"{comma}{_leaf_json(event.value)}"
        if pairs and pairs[-1]:
            yield "}"
        comma = ","


def _leaf_json(value: Scalar) -> str:
    match value:
        case bool():
            return '{"boolValue":true}' if value else '{"boolValue":false}'
        case int():
            return f'{{"intValue":"{value}"}}'
        case float():
            return f'{{"doubleValue":{double_json(value)}}}'
        case str():
            return f'{{"stringValue":{json_string(value)}}}'
        case bytes():
            return f'{{"bytesValue":"{b64encode(value).decode()}"}}'
    return "{}"


def double_json(value: float) -> str:
    """As protobuf's JSON mapping has it: numbers, and three words for what is none."""
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else ('"Infinity"' if value > 0 else '"-Infinity"')

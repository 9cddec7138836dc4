"""Attribute values and bodies of OTLP/JSON, without recursion and in time that grows with their size.

Protobuf puts a message's length before it, which is known only after its content. So a nested value is written from
its end to its beginning: each length is then the number of bytes written since its content ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from leeway.collector.otlp.framing import varint
from leeway.collector.otlp.json_scalars import (
    Json,
    Wrong,
    base64,
    boolean,
    double,
    listed,
    short,
    signed_varint,
    sized,
    text,
)

_SCALARS: Final[Mapping[str, Callable[[Json], bytes]]] = {
    "stringValue": lambda value: sized(b"\x0a", text(value)),
    "boolValue": lambda value: b"\x10" + boolean(value),
    "intValue": lambda value: b"\x18" + signed_varint(value, 64),
    "doubleValue": lambda value: b"\x21" + double(value),
    "bytesValue": lambda value: sized(b"\x3a", base64(value)),
}
_ARRAY, _KVLIST = b"\x2a", b"\x32"
_CONTAINERS: Final = {"arrayValue": _ARRAY, "kvlistValue": _KVLIST}
_CAMEL: Final = {
    spelled: name for name in (*_SCALARS, *_CONTAINERS) for spelled in (name, name.removesuffix("Value") + "_value")
}
_ITEM, _KEY, _VALUE = b"\x0a", b"\x0a", b"\x12"


class _Length(NamedTuple):
    """To be written before what has been written since."""

    tag: bytes
    mark: int


class _Message(NamedTuple):
    """To be written with its tag and length: an AnyValue, or a KeyValue where `is_pair`."""

    tag: bytes
    content: Json
    is_pair: bool
    depth: int


_Todo = list[bytes | _Length | _Message]


def key_value(pair: Json, depth_max: int) -> bytes:
    """A KeyValue, as `any_value`."""
    if not isinstance(pair, dict):
        raise Wrong(f"an object is wanted, not {short(pair)}")
    key, value = pair.get("key"), pair.get("value")
    written = b"" if key is None else sized(_KEY, _named("key", text, key))
    if value is None:
        return written
    try:
        return written + sized(_VALUE, any_value(value, depth_max))
    except Wrong as e:
        raise Wrong(f"value: {e}") from None


def any_value(value: Json, depth_max: int) -> bytes:
    """An AnyValue. A member that is there is written even when it is 0, false or empty.

    Args:
        depth_max: How deep arrays and kvlists may nest.

    Raises:
        Wrong: It is none, or nests deeper.
    """
    name, content = _member(value)
    scalar = _SCALARS.get(name)
    if scalar:
        return _named(name, scalar, content)
    return _nested(value, depth_max) if name else b""


def _named(name: str, encode: Callable[[Json], bytes], content: Json) -> bytes:
    try:
        return encode(content)
    except Wrong as e:
        raise Wrong(f"{name}: {e}") from None


def _member(value: Json) -> tuple[str, Json]:
    """The member that is set, by its camelCase name; empty when none is."""
    if not isinstance(value, dict):
        raise Wrong(f"an object is wanted, not {short(value)}")
    for name, content in value.items():
        known = _CAMEL.get(name)
        if known is not None and content is not None:
            return known, content
    return "", None


def _nested(value: Json, depth_max: int) -> bytes:
    out: list[bytes] = []
    written_bytes = 0
    todo: _Todo = []
    _open_value(value, depth_max, written_bytes, todo)
    while todo:
        item = todo.pop()
        if isinstance(item, _Message):
            todo.append(_Length(item.tag, written_bytes))
            if item.is_pair:
                _open_pair(item.content, item.depth, todo)
            else:
                _open_value(item.content, item.depth, written_bytes, todo)
            continue
        piece = item if isinstance(item, bytes) else item.tag + varint(written_bytes - item.mark)
        out.append(piece)
        written_bytes += len(piece)
    out.reverse()
    return b"".join(out)


def _open_value(value: Json, depth: int, written_bytes: int, todo: _Todo) -> None:
    """Put an AnyValue on the stack: what comes first in it lies lowest."""
    name, content = _member(value)
    scalar = _SCALARS.get(name)
    if scalar:
        todo.append(_named(name, scalar, content))
    elif name:
        if depth <= 0:
            raise Wrong("values nest too deeply")
        if not isinstance(content, dict):
            raise Wrong(f"{name}: an object with values is wanted, not {short(content)}")
        tag = _CONTAINERS[name]
        todo.append(_Length(tag, written_bytes))
        todo.extend(_Message(_ITEM, item, tag is _KVLIST, depth - 1) for item in listed(content.get("values") or []))


def _open_pair(pair: Json, depth: int, todo: _Todo) -> None:
    if not isinstance(pair, dict):
        raise Wrong(f"an object is wanted, not {short(pair)}")
    key, value = pair.get("key"), pair.get("value")
    if key is not None:
        todo.append(sized(_KEY, text(key)))
    if value is not None:
        todo.append(_Message(_VALUE, value, is_pair=False, depth=depth))

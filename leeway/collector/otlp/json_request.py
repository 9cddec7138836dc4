"""OTLP/JSON to OTLP/protobuf, byte for byte what a protobuf exporter would have sent.

OTLP's JSON is proto3's with differences (opentelemetry.io/docs/specs/otlp#json-protobuf-encoding): ids are hex, enums
are numbers, unknown fields are ignored. Senders differ more than that, so this takes lowerCamelCase and snake_case
names, enums by number or by name, 64-bit integers as strings or numbers, and `null` as absent.

Which fields there are is read from OTLP's own descriptors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from google.protobuf import descriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from leeway.collector.otlp import json_nesting, json_scalars
from leeway.collector.otlp.framing import varint
from leeway.collector.otlp.json_scalars import Json, Wrong, listed, short, sized
from leeway.collector.otlp.json_values import any_value, key_value
from leeway.collector.refusal import Reason, Refused
from leeway.model import Signal

Encode = Callable[[Json, int], bytes]
"""A JSON value and how deep values may nest, to a field with its tag."""
Fields = Mapping[str, Encode]
"""By every spelling of their names."""
VALUES_MAX: Final = 2_000_000
"""Two bytes can be a value, which takes up to 250 while it is read."""


def decoder(depth_max: int, signal: Signal = Signal.TRACES, values_max: int = VALUES_MAX) -> Callable[[bytes], bytes]:
    """`to_protobuf` with its limits and signal filled in."""
    return partial(to_protobuf, depth_max=depth_max, signal=signal, values_max=values_max)


def to_protobuf(body: bytes, depth_max: int, signal: Signal = Signal.TRACES, values_max: int = VALUES_MAX) -> bytes:
    """An export request in JSON, in protobuf.

    Args:
        body: UTF-8, with or without a byte order mark.
        depth_max: How deep arrays and kvlists may nest in attribute values.
        values_max: How many values there may be, of any kind.

    Raises:
        Refused: It is not that, nests deeper or has more.
    """
    if _values_at_most(body) > values_max and _values_at_most(_STRING.sub(b"", body)) > values_max:
        raise Refused(Reason.TOO_LARGE, f"a request in JSON may hold {values_max} values, and this one holds more")
    try:
        return _message(_REQUESTS[signal], _loads(body.decode("utf-8-sig"), depth_max), depth_max)
    except RecursionError:
        raise Refused(
            Reason.UNDECODABLE, f"the request is not OTLP/JSON: it nests deeper than {depth_max} values"
        ) from None
    except ValueError as e:
        raise Refused(Reason.UNDECODABLE, f"the request is not OTLP/JSON: {e}") from e


def _values_at_most(body: bytes) -> int:
    """Each object, list or further element has a character of its own; and texts may have them too."""
    return body.count(b"{") + body.count(b"[") + body.count(b",")


_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LEVELS_OUTSIDE: Final = 32
"""Objects and lists of a request around its deepest value; and each value is up to four of them."""


def _loads(text: str, depth_max: int) -> Json:
    try:
        return json.loads(text)
    except RecursionError:
        return json_nesting.loads(text, 4 * depth_max + _LEVELS_OUTSIDE)


def _message(fields: Fields, value: Json, depth_max: int) -> bytes:
    if not isinstance(value, dict):
        raise Wrong(f"an object is wanted, not {short(value)}")
    parts = []
    for name, content in value.items():
        encode = fields.get(name)
        if encode is None or content is None:
            continue
        try:
            parts.append(encode(content, depth_max))
        except Wrong as e:
            raise Wrong(f"{name}: {e}") from None
    return b"".join(parts)


# -- from descriptors to fields ------------------------------------------------------------------------------------

_D = descriptor.FieldDescriptor
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
Scalar = Callable[[Json], bytes]
_SCALARS: Final[Mapping[int, tuple[int, Scalar]]] = {
    _D.TYPE_STRING: (_LEN, json_scalars.text),
    _D.TYPE_BYTES: (_LEN, json_scalars.base64),
    _D.TYPE_BOOL: (_VARINT, json_scalars.boolean),
    _D.TYPE_INT32: (_VARINT, partial(json_scalars.signed_varint, bits=32)),
    _D.TYPE_INT64: (_VARINT, partial(json_scalars.signed_varint, bits=64)),
    _D.TYPE_UINT32: (_VARINT, partial(json_scalars.unsigned_varint, bits=32)),
    _D.TYPE_UINT64: (_VARINT, partial(json_scalars.unsigned_varint, bits=64)),
    _D.TYPE_SINT32: (_VARINT, partial(json_scalars.zigzag, bits=32)),
    _D.TYPE_FIXED32: (_I32, partial(json_scalars.unsigned_fixed, bits=32)),
    _D.TYPE_FIXED64: (_I64, partial(json_scalars.unsigned_fixed, bits=64)),
    _D.TYPE_SFIXED64: (_I64, partial(json_scalars.signed_fixed, bits=64)),
    _D.TYPE_DOUBLE: (_I64, json_scalars.double),
}
"""By the field's type: its wire type and how its content is written, without its length."""
_IDS: Final = ("trace_id", "span_id", "parent_span_id")
"""Bytes that OTLP's JSON writes in hex."""


def _fields(message: Any) -> Fields:  # noqa: ANN401 - a Descriptor, in either of protobuf's implementations
    found: dict[str, Encode] = {}
    for field in message.fields:
        found[field.json_name] = found[field.name] = _encode(field)
    return found


def _encode(field: Any) -> Encode:  # noqa: ANN401 - a FieldDescriptor, as above
    if field.type == _D.TYPE_MESSAGE:
        return _encode_message(field)
    wire_type, scalar = _scalar(field)
    tag = varint(field.number << 3 | wire_type)
    packed = varint(field.number << 3 | _LEN)
    if field.is_repeated and wire_type != _LEN:
        return lambda value, _: sized(packed, b"".join([scalar(item) for item in listed(value)]))
    if field.is_repeated:
        return lambda value, _: b"".join([sized(tag, scalar(item)) for item in listed(value)])
    if wire_type == _LEN:
        return lambda value, _: sized(tag, scalar(value))
    return lambda value, _: tag + scalar(value)


def _encode_message(field: Any) -> Encode:  # noqa: ANN401 - as above
    tag = varint(field.number << 3 | _LEN)
    encode: Encode
    if field.message_type.name == "AnyValue":
        encode = any_value
    elif field.message_type.name == "KeyValue":
        encode = key_value
    else:
        encode = partial(_message, _fields(field.message_type))
    if field.is_repeated:
        return lambda value, depth_max: b"".join([sized(tag, encode(item, depth_max)) for item in listed(value)])
    return lambda value, depth_max: sized(tag, encode(value, depth_max))


def _scalar(field: Any) -> tuple[int, Scalar]:  # noqa: ANN401 - as above
    if field.name in _IDS:
        return _LEN, json_scalars.hexadecimal
    if field.type == _D.TYPE_ENUM:
        numbers = {value.name: value.number for value in field.enum_type.values}
        return _VARINT, lambda value: json_scalars.signed_varint(
            numbers.get(value, value) if isinstance(value, str) else value, 32
        )
    return _SCALARS[field.type]


_REQUESTS: Final[Mapping[Signal, Fields]] = {
    Signal.TRACES: _fields(ExportTraceServiceRequest.DESCRIPTOR),
    Signal.LOGS: _fields(ExportLogsServiceRequest.DESCRIPTOR),
    Signal.METRICS: _fields(ExportMetricsServiceRequest.DESCRIPTOR),
}

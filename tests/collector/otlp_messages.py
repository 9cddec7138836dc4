"""Random messages of any protobuf type, made from its descriptor; and what proto3's own JSON makes of them."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from leeway.model import Signal

REQUESTS: Mapping[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
_IDS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_VALUES_DEEP_MAX = 5


def _integer(low: int, high: int) -> Callable[[Random], int]:
    return lambda r: r.choice((0, 1, low, high, r.randint(low, high)))


_SCALARS: Mapping[int, Callable[[Random], Any]] = {
    FieldDescriptor.TYPE_STRING: lambda r: r.choice(("", "a", "é", "$bytes", "\x00", "𝄞" * 3, "service.name", '"\\')),
    FieldDescriptor.TYPE_BYTES: lambda r: r.randbytes(r.randrange(6)),
    FieldDescriptor.TYPE_BOOL: lambda r: r.random() < 0.5,
    FieldDescriptor.TYPE_INT32: _integer(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: _integer(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: _integer(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: _integer(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: _integer(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: _integer(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: _integer(0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: _integer(0, 2**64 - 1),
    FieldDescriptor.TYPE_DOUBLE: lambda r: r.choice((0.0, -0.0, 1.5, 1e300, math.nan, math.inf, -math.inf, r.random())),
    FieldDescriptor.TYPE_ENUM: lambda r: r.randrange(3),
}


def messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    """A message with any of its fields set to anything that its type allows."""
    return st.integers(0, 2**32 - 1).map(lambda seed: random_message(kind, Random(seed)))


def random_message(kind: type[Message], random: Random) -> Message:
    made = kind()
    _fill(made, random, 0)
    return made


def _fill(made: Any, random: Random, values_deep: int) -> None:
    for field in made.DESCRIPTOR.fields:
        wanted = field.name in _IDS or field.message_type is not None or random.random() < 0.4
        if field.containing_oneof is not None:
            wanted = random.random() < 0.3
        if not wanted or field.name.endswith("_strindex"):  # those are of profiles
            continue
        if field.message_type is not None:
            deep = values_deep + (field.message_type.name == "AnyValue")
            if deep > _VALUES_DEEP_MAX:
                continue
            if field.is_repeated:
                for _ in range(random.randrange(3)):
                    _fill(getattr(made, field.name).add(), random, deep)
            else:
                getattr(made, field.name).SetInParent()
                _fill(getattr(made, field.name), random, deep)
        elif field.is_repeated:
            getattr(made, field.name).extend(_SCALARS[field.type](random) for _ in range(random.randrange(3)))
        elif size := _IDS.get(field.name):
            setattr(made, field.name, b"\x01" + random.randbytes(size - 1))
        else:
            setattr(made, field.name, _SCALARS[field.type](random))


def json_request(message: Message) -> Any:
    """As protobuf's own library writes JSON, with OTLP's one difference that matters: ids in hex."""
    return _hex_ids(json_format.MessageToDict(message))


def _hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex_ids(v) for v in value]
    if isinstance(value, dict):
        return {
            k: b64decode(v).hex() if k in ("traceId", "spanId", "parentSpanId") else _hex_ids(v)
            for k, v in value.items()
        }
    return value

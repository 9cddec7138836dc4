"""OTLP as a collector would hand it to `Database.insert_otlp`: framed messages with Leeway's own fields."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
RECEIVED_NS = 1_770_000_000_123_456_789
START_NS = 1_760_000_000_000_000_001


@dataclass(frozen=True)
class Json:
    """A value too deep for a column, as the collector rewrites it: field 100 for an array, 101 for a kvlist."""

    field: int
    text: str


Value = str | bool | int | float | bytes | None | Json | Sequence[Any]


def any_value(value: Value) -> AnyValue:
    """A Python value as AnyValue; None is one with no member set."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Json():
            return AnyValue.FromString(_length_delimited(value.field, value.text.encode()))
        case _:
            return AnyValue(array_value=ArrayValue(values=[any_value(v) for v in value]))


def attributes(pairs: Mapping[str, Value] | Iterable[tuple[str, Value]]) -> list[KeyValue]:
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return [KeyValue(key=key, value=any_value(value)) for key, value in items]


def span(pairs: Mapping[str, Value] | Iterable[tuple[str, Value]] = (), **fields: Any) -> Span:
    """A span of 5 ms with these attributes; `fields` are the message's own."""
    given = {
        "trace_id": b"\x01" * 16,
        "span_id": b"\x02" * 8,
        "name": "step",
        "kind": Span.SPAN_KIND_INTERNAL,
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": START_NS + 5_000_000,
    }
    return Span(attributes=attributes(pairs), **{**given, **fields})


def resource_spans(spans: Iterable[Span], resource: Mapping[str, Value] | None = None) -> ResourceSpans:
    return ResourceSpans(
        resource=Resource(attributes=attributes(resource or {"service.name": "desk"})),
        scope_spans=[ScopeSpans(spans=list(spans))],
    )


def log_record(pairs: Mapping[str, Value] | Iterable[tuple[str, Value]] = (), **fields: Any) -> LogRecord:
    """A log record with these attributes; `fields` are the message's own."""
    return LogRecord(attributes=attributes(pairs), **{"time_unix_nano": START_NS, **fields})


def resource_logs(records: Iterable[LogRecord], resource: Mapping[str, Value] | None = None) -> ResourceLogs:
    return ResourceLogs(
        resource=Resource(attributes=attributes(resource or {"service.name": "desk"})),
        scope_logs=[ScopeLogs(log_records=list(records))],
    )


def resource_metrics(metrics: Iterable[Metric], resource: Mapping[str, Value] | None = None) -> ResourceMetrics:
    return ResourceMetrics(
        resource=Resource(attributes=attributes(resource or {"service.name": "desk"})),
        scope_metrics=[ScopeMetrics(metrics=list(metrics))],
    )


def framed(
    messages: Iterable[ResourceSpans | ResourceLogs | ResourceMetrics],
    project: str = "default",
    writer: str = "w1",
    batch: int = 1,
    received_ns: int = RECEIVED_NS,
    digest: bytes = b"request-digest-1",
) -> bytes:
    """What `Database.insert_otlp` takes; the messages of logs and metrics are those of one request with this digest."""
    ours = b"".join([
        _length_delimited(1000, project.encode()),
        _length_delimited(1001, writer.encode()),
        _varint(1002 << 3) + _varint(batch),
        _varint(1003 << 3 | 1) + received_ns.to_bytes(8, "little"),
    ])  # fmt: skip
    out = bytearray()
    for ordinal, message in enumerate(messages):
        data = message.SerializeToString() + ours
        if not isinstance(message, ResourceSpans):
            data += _length_delimited(1004, digest) + _varint(1005 << 3) + _varint(ordinal)
        out += _varint(len(data)) + data
    return bytes(out)


def corpus(name: str) -> Iterator[ResourceSpans]:
    """The ResourceSpans of a corpus, deep values rewritten as the collector does."""
    with gzip.open(CORPORA / f"{name}.otlp.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            request = json.loads(line, object_hook=_as_protobuf_json)
            yield from ParseDict(request, ExportTraceServiceRequest(), ignore_unknown_fields=True).resource_spans


def _as_protobuf_json(node: dict[str, Any]) -> dict[str, Any]:
    """OTLP's JSON writes ids in hex, protobuf's in base64."""
    for key in ("traceId", "spanId", "parentSpanId"):
        if isinstance(node.get(key), str):
            node[key] = base64.b64encode(bytes.fromhex(node[key])).decode()
    return node


def _length_delimited(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)

"""A batch in which everything occurs once, so that every kernel is compiled, or loaded, before the first request."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

_VALUES: Final = (
    AnyValue(string_value="chat"),
    AnyValue(bool_value=True),
    AnyValue(int_value=-1),
    AnyValue(double_value=0.5),
    AnyValue(double_value=0.1 + 0.2),
    AnyValue(array_value=ArrayValue(values=[AnyValue(string_value='"'), AnyValue(double_value=1e300), AnyValue()])),
    AnyValue(bytes_value=b"bytes"),
    AnyValue(),
)
_KNOWN: Final = {
    "gen_ai.operation.name": "chat",
    "gen_ai.conversation.id": "conversation",
    "gen_ai.usage.input_tokens": "1",
    "gen_ai.output.messages": "text",
    "langfuse.observation.usage_details": '{"output": 1}',
    "service.name": "service",
}


def sample_spans() -> bytes:
    """Framed ResourceSpans."""
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="sample", attributes=_attributes())
    span.events.add(name="event", attributes=_attributes())
    span.links.add(trace_id=b"t" * 16, span_id=b"s" * 8, attributes=_attributes())
    return _framed(ResourceSpans(resource=_resource(), scope_spans=[ScopeSpans(scope=_scope(), spans=[span, Span()])]))


def sample_logs() -> bytes:
    """Framed ResourceLogs."""
    records = [LogRecord(trace_id=b"t" * 16, attributes=_attributes(), body=value) for value in _VALUES]
    return _framed(ResourceLogs(resource=_resource(), scope_logs=[ScopeLogs(scope=_scope(), log_records=records)]))


def sample_metrics() -> bytes:
    """Framed ResourceMetrics."""
    metrics = [Metric(name="sample", metadata=_attributes()) for _ in range(5)]
    points: list[Any] = [
        metrics[0].gauge.data_points.add(as_int=-1),
        metrics[1].sum.data_points.add(as_double=0.5),
        metrics[2].histogram.data_points.add(sum=0.5, bucket_counts=[1, 2], explicit_bounds=[0.5]),
        metrics[3].exponential_histogram.data_points.add(scale=-1, max=0.5),
    ]
    for buckets in (points[3].positive, points[3].negative):
        buckets.offset = -1
        buckets.bucket_counts.extend([1, 300])
    summary = metrics[4].summary.data_points.add(sum=0.5, attributes=_attributes())
    summary.quantile_values.add(quantile=0.5, value=1.5)
    for point in points:
        point.attributes.extend(_attributes())
        exemplar = point.exemplars.add(as_int=-1, trace_id=b"t" * 16, span_id=b"s" * 8)
        exemplar.filtered_attributes.extend(_attributes())
    return _framed(ResourceMetrics(resource=_resource(), scope_metrics=[ScopeMetrics(scope=_scope(), metrics=metrics)]))


def _attributes() -> list[KeyValue]:
    return [KeyValue(key=f"key.{n}", value=value) for n, value in enumerate(_VALUES)] + [
        KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in _KNOWN.items()
    ]


def _resource() -> Resource:
    return Resource(attributes=_attributes())


def _scope() -> InstrumentationScope:
    return InstrumentationScope(name="scope", attributes=_attributes())


def _framed(message: Message) -> bytes:
    data = message.SerializeToString()
    return bytes((len(data) & 0x7F | 0x80, len(data) >> 7 & 0x7F | 0x80, len(data) >> 14)) + data

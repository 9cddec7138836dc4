"""A batch in which everything occurs once, so that every kernel is compiled, or loaded, before the first request."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
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


def sample() -> bytes:
    """Framed ResourceSpans."""
    attributes = [KeyValue(key=f"key.{n}", value=value) for n, value in enumerate(_VALUES)]
    attributes += [
        KeyValue(key="gen_ai.operation.name", value=AnyValue(string_value="chat")),
        KeyValue(key="gen_ai.conversation.id", value=AnyValue(string_value="conversation")),
        KeyValue(key="gen_ai.usage.input_tokens", value=AnyValue(int_value=1)),
        KeyValue(key="gen_ai.output.messages", value=AnyValue(string_value="text")),
        KeyValue(key="langfuse.observation.usage_details", value=AnyValue(string_value='{"output": 1}')),
    ]
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="sample", attributes=attributes)
    span.events.add(name="event", attributes=attributes)
    span.links.add(trace_id=b"t" * 16, span_id=b"s" * 8, attributes=attributes)
    message = ResourceSpans(
        resource=Resource(attributes=attributes),
        scope_spans=[ScopeSpans(scope=InstrumentationScope(name="scope", attributes=attributes), spans=[span, Span()])],
    ).SerializeToString()
    return bytes((len(message) & 0x7F | 0x80, len(message) >> 7)) + message

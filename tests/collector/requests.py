"""Requests for tests: small, seeded, with ids of their own."""

from __future__ import annotations

import os

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

NOW_NS = 1_795_000_000_000_000_000


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def span(name: str = "chat", trace_id: bytes | None = None, **fields: object) -> Span:
    made = Span(
        trace_id=os.urandom(16) if trace_id is None else trace_id,
        span_id=os.urandom(8),
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=NOW_NS,
        end_time_unix_nano=NOW_NS + 1_000_000,
        attributes=[text("gen_ai.operation.name", "chat")],
    )
    made.MergeFrom(Span(**fields))  # type: ignore[arg-type]  # a test names the fields it means
    return made


def request(*spans: Span, service: str = "test") -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    resource = made.resource_spans.add()
    resource.resource.attributes.append(text("service.name", service))
    resource.scope_spans.add().spans.extend(spans or [span()])
    return made

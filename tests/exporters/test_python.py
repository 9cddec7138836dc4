"""The official Python exporters, through a real SDK and real sockets."""

from __future__ import annotations

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue

from leeway.storage import Database
from tests.collector.process import CollectorProcess


def exporter(kind: str, collector: CollectorProcess) -> SpanExporter:
    match kind:
        case "grpc":
            return GrpcExporter(endpoint=collector.grpc, insecure=True)
        case "grpc-gzip":
            return GrpcExporter(endpoint=collector.grpc, insecure=True, compression=grpc.Compression.Gzip)
        case "http":
            return HttpExporter(endpoint=f"{collector.http}/v1/traces")
        case "http-gzip":
            return HttpExporter(endpoint=f"{collector.http}/v1/traces", compression=Compression.Gzip)
    return HttpExporter(endpoint=f"{collector.http}/v1/traces", compression=Compression.Deflate)


@pytest.mark.parametrize("kind", ["grpc", "grpc-gzip", "http", "http-gzip", "http-deflate"])
def test_the_python_exporters_deliver(kind: str, collector: CollectorProcess, db: Database) -> None:
    provider = TracerProvider(resource=Resource({"service.name": kind, "service.version": "7"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(kind, collector), max_export_batch_size=100))
    tracer = provider.get_tracer("leeway-test", "1.0")
    traces = []
    for n in range(100):
        with tracer.start_as_current_span(
            "invoke_agent planner", attributes={"gen_ai.operation.name": "invoke_agent"}
        ) as root:
            traces.append(format(root.get_span_context().trace_id, "032x"))
            said: dict[str, AnyValue] = {
                "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": n, "gen_ai.response.finish_reasons":
                ["stop"], "gen_ai.request.temperature": 0.5, "cached": False,
            }  # fmt: skip
            with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=said) as chat:
                chat.add_event("first token", {"after_ms": 3})
            links = [Link(chat.get_span_context(), {"why": "answer"})]
            with tracer.start_as_current_span("execute_tool book", links=links) as tool:
                tool.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "book"})
                tool.set_status(Status(StatusCode.ERROR, "full"))
    assert provider.force_flush(30_000)
    provider.shutdown()
    assert db.rows("SELECT count() AS n, uniqExact(trace_id) AS runs FROM leeway.spans") == [{"n": 300, "runs": 100}]
    assert {r["trace_id"] for r in db.rows("SELECT DISTINCT trace_id FROM leeway.spans")} == set(traces)
    (row,) = db.rows(
        """SELECT uniqExact(service_name, service_version, scope_name) AS who, countIf(operation = 'llm') AS llm,
                  sum(input_tokens) AS tokens, countIf(finish_reason = 'stop') AS stops, sum(length(events)) AS events,
                  countIf(tool_name = 'book' AND status_code = 'error' AND status_message = 'full') AS tools,
                  sum(length(links)) AS links, countIf(span_kind = 'client') AS clients, min(duration_ns) >= 0 AS timed
           FROM leeway.spans"""
    )
    assert row == {
        "who": 1, "llm": 100, "tokens": 4950, "stops": 100, "events": 100, "tools": 100, "links": 100, "clients": 100,
        "timed": 1,
    }  # fmt: skip

"""From a planned run to spans, through the OpenTelemetry SDK as any agent would use it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import Self

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Status, StatusCode

from examples.fleet.plan import Step
from examples.fleet.travel_desk import SERVICE

SCOPE = "examples.fleet"


@dataclass(frozen=True, slots=True)
class Sent:
    """A run that was handed to the SDK."""

    trace_id: str
    version: str
    spans: int
    ended_ns: int
    """When the run ended, Unix time; its spans left for the exporter at the same moment."""


class SeededIds(IdGenerator):
    """Ids that follow from the run's seed, so that a run can be made again to the bit."""

    def __init__(self) -> None:
        self._rng = Random()

    def begin_run(self, seed: str) -> None:
        self._rng.seed(seed)

    def generate_span_id(self) -> int:
        return self._rng.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._rng.getrandbits(128) or 1


class Telemetry:
    """The tracer of one version, as one deployment of the service has it."""

    def __init__(self, version: str, processor: SpanProcessor, environment: str = "production") -> None:
        self.version = version
        self._ids = SeededIds()
        resource = Resource.create(
            {"service.name": SERVICE, "service.version": version, "deployment.environment.name": environment}
        )
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(SCOPE, "1.0")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._provider.shutdown()

    def emit(self, run: Step, seed: str, ended_ns: int | None = None) -> Sent:
        """Emit a run that ends now (or at `ended_ns`): what took seconds in the plan takes no time here."""
        self._ids.begin_run(seed)
        ended_ns = time.time_ns() if ended_ns is None else ended_ns
        trace_id, spans = self._emit(run, ended_ns - run.duration_ns, parent=None)
        return Sent(f"{trace_id:032x}", self.version, spans, ended_ns)

    def flush(self, timeout_s: float = 10.0) -> bool:
        return self._provider.force_flush(round(timeout_s * 1000))

    def _emit(self, step: Step, start_ns: int, parent: trace.Span | None) -> tuple[int, int]:
        span = self._tracer.start_span(
            step.name,
            context=trace.set_span_in_context(parent) if parent else trace.set_span_in_context(trace.INVALID_SPAN),
            kind=step.kind,
            attributes=step.attributes,
            start_time=start_ns,
        )
        spans = 1
        for child, child_start_ns in step.starts(start_ns):
            spans += self._emit(child, child_start_ns, span)[1]
        if step.error_type:
            span.set_status(Status(StatusCode.ERROR, step.error_type))
        span.end(start_ns + step.duration_ns)
        return span.get_span_context().trace_id, spans


def otlp(endpoint: str, protocol: str = "grpc") -> SpanProcessor:
    """The SDK's batch processor with an OTLP exporter; it exports five times a second, so that a story need not wait.

    Args:
        endpoint: `http://host:port` of a collector; for 'http' without the `/v1/traces`.
    """
    exporter: SpanExporter
    if protocol == "grpc":
        exporter = GrpcExporter(endpoint=endpoint, insecure=True)
    else:
        exporter = HttpExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    return BatchSpanProcessor(exporter, max_queue_size=65_536, schedule_delay_millis=200, max_export_batch_size=512)

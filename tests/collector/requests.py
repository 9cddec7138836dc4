"""Requests for tests: small, seeded, with ids of their own."""

from __future__ import annotations

import os

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
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


def log_record(body: str = "hello", **fields: object) -> LogRecord:
    made = LogRecord(
        time_unix_nano=NOW_NS,
        observed_time_unix_nano=NOW_NS + 1,
        severity_number=9,  # type: ignore[arg-type]  # INFO, as a number
        severity_text="INFO",
        body=AnyValue(string_value=body),
        attributes=[text("k", "v")],
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
    )
    made.MergeFrom(LogRecord(**fields))  # type: ignore[arg-type]  # a test names the fields it means
    return made


def log_request(*records: LogRecord, service: str = "test") -> ExportLogsServiceRequest:
    made = ExportLogsServiceRequest()
    resource = made.resource_logs.add()
    resource.resource.attributes.append(text("service.name", service))
    resource.scope_logs.add().log_records.extend(records or [log_record()])
    return made


def number(value: int = 1, **fields: object) -> NumberDataPoint:
    return NumberDataPoint(time_unix_nano=NOW_NS, as_int=value, attributes=[text("k", "v")], **fields)  # type: ignore[arg-type]  # a test names the fields it means


def every_metric() -> list[Metric]:
    """One of each kind, with seven data points in all."""
    attributes = [text("k", "v")]
    gauge = Metric(name="gauge", unit="s", description="d", metadata=attributes)
    gauge.gauge.data_points.extend([number(1), number(2)])
    total = Metric(name="sum")
    total.sum.data_points.extend([number(3), NumberDataPoint(as_double=1.5)])
    total.sum.aggregation_temporality, total.sum.is_monotonic = 2, True  # type: ignore[assignment]
    total.sum.data_points[0].exemplars.add(
        filtered_attributes=attributes, as_double=0.5, trace_id=os.urandom(16), span_id=os.urandom(8)
    )
    histogram = Metric(name="histogram")
    histogram.histogram.data_points.append(
        HistogramDataPoint(
            attributes=attributes, count=3, sum=4.5, bucket_counts=[1, 2, 0], explicit_bounds=[1.0, 2.0], min=0.0
        )
    )
    exponential = Metric(name="exponential")
    exponential.exponential_histogram.data_points.append(
        ExponentialHistogramDataPoint(
            attributes=attributes,
            count=3,
            scale=-2,
            zero_count=1,
            positive=ExponentialHistogramDataPoint.Buckets(offset=-1, bucket_counts=[1, 300]),
        )
    )
    summary = Metric(name="summary")
    summary.summary.data_points.append(
        SummaryDataPoint(
            attributes=attributes,
            count=2,
            sum=1.0,
            quantile_values=[SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=0.25)],
        )
    )
    return [gauge, total, histogram, exponential, summary]


def metric_request(*metrics: Metric, service: str = "test") -> ExportMetricsServiceRequest:
    made = ExportMetricsServiceRequest()
    resource = made.resource_metrics.add()
    resource.resource.attributes.append(text("service.name", service))
    resource.scope_metrics.add().metrics.extend(metrics or every_metric())
    return made

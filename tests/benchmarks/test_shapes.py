from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.shapes import RUN, Template, agent_spans, log_records, metric_points


def spans_of(template: Template, seed: int) -> list:
    request = ExportTraceServiceRequest.FromString(bytes(template.copy(np.random.default_rng(seed))))
    return list(request.resource_spans[0].scope_spans[0].spans)


@pytest.mark.parametrize("spans", [1, 50, 512])
def test_copies_share_no_id(spans: int) -> None:
    template = agent_spans(spans)(3)
    ids = [{(s.trace_id, s.span_id) for s in spans_of(template, seed)} for seed in range(4)]
    assert len(set.union(*ids)) == 4 * spans
    assert len({span_id for each in ids for _, span_id in each}) == 4 * spans


def test_runs_stay_whole() -> None:
    spans = spans_of(agent_spans(50)(1), 9)
    for n, span in enumerate(spans):
        root = spans[n - n % RUN]
        assert span.trace_id == root.trace_id
        assert span.parent_span_id == (b"" if span is root else root.span_id)
        assert root.start_time_unix_nano <= span.start_time_unix_nano < span.end_time_unix_nano
    assert len({s.trace_id for s in spans}) == 4


def test_prompts_are_of_the_size_asked_for_and_each_another() -> None:
    spans = spans_of(agent_spans(8, content_bytes=20_000)(1), 2)
    texts = [a.value.string_value for s in spans for a in s.attributes if a.key == "gen_ai.input.messages"]
    assert len(set(texts)) == 8
    assert all(20_000 < len(text) < 20_100 for text in texts)


@pytest.mark.parametrize(("make", "kind"), [
    (log_records(20), ExportLogsServiceRequest), (metric_points(20), ExportMetricsServiceRequest),
])  # fmt: skip
def test_copies_of_logs_and_metrics_differ_and_are_valid(make: Callable[[int], Template], kind: type[Message]) -> None:
    template = make(1)
    copies = [bytes(template.copy(np.random.default_rng(seed))) for seed in range(4)]
    assert template.items == 20
    assert len(set(copies)) == 4
    assert all(kind.FromString(copy).ByteSize() == len(copy) for copy in copies)

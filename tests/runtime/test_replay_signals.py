"""Replayed logs and metrics: told apart by what they hold, stored as what they are, and the same when they come out."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)  # fmt: skip
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from leeway.model import Signal
from leeway.runtime.otlp_file import Broken, Request, protobuf_request
from leeway.runtime.otlp_signal import items, signals_of
from leeway.storage import Database
from tests.collector.otlp_messages import REQUESTS, random_message
from tests.runtime.processes import Collector, leeway
from tests.storage.otlp import START_NS, any_value, attributes, framed, resource_logs, resource_metrics, resource_spans

TRACE, SPAN = b"\1" * 16, b"\2" * 8
EXEMPLAR = Exemplar(as_double=0.5, time_unix_nano=START_NS, trace_id=TRACE, span_id=SPAN)
POINT = NumberDataPoint(as_int=7, time_unix_nano=START_NS, attributes=attributes({"k": "v"}), exemplars=[EXEMPLAR])
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
METRICS = [
    Metric(name="gauge", gauge=Gauge(data_points=[POINT])),
    Metric(name="sum", unit="1", sum=Sum(data_points=[POINT], aggregation_temporality=CUMULATIVE, is_monotonic=True)),
    Metric(name="histogram", histogram=Histogram(aggregation_temporality=DELTA, data_points=[
        HistogramDataPoint(count=3, sum=4.5, bucket_counts=[1, 2], explicit_bounds=[1.0], time_unix_nano=START_NS)])),
    Metric(name="exponential", exponential_histogram=ExponentialHistogram(aggregation_temporality=DELTA, data_points=[
        ExponentialHistogramDataPoint(count=3, scale=-1, time_unix_nano=START_NS)])),
    Metric(name="summary", summary=Summary(data_points=[SummaryDataPoint(count=1, sum=2, time_unix_nano=START_NS)])),
]  # fmt: skip
LOGS = [
    LogRecord(
        time_unix_nano=START_NS,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        body=any_value("said"),
        attributes=attributes({"k": 1}),
        trace_id=TRACE,
        span_id=SPAN,
    ),
    LogRecord(observed_time_unix_nano=START_NS + 1, body=any_value([1, ["deep"]]), event_name="e"),
]
BARE = {
    "a log record that was observed": ("logs", LogRecord(body=any_value("x"), observed_time_unix_nano=1)),
    "a log record of no time": (
        "logs",
        LogRecord(body=any_value("x"), attributes=attributes({"k": "v"}), trace_id=TRACE, span_id=SPAN),
    ),
    **{f"a metric: {m.name}": ("metrics", m) for m in METRICS},
    "a span without times": (
        "traces",
        Span(name="ask", attributes=attributes({"k": "v"}), trace_id=TRACE, span_id=SPAN),
    ),
    "a span whose ids are wrong": ("traces", Span(name="ask", start_time_unix_nano=1, trace_id=b"1")),
}


def request(item: Any) -> bytes:
    """An export request of one item."""
    made: Any
    match item:
        case LogRecord():
            made = ExportLogsServiceRequest(resource_logs=[resource_logs([item])])
        case Metric():
            made = ExportMetricsServiceRequest(resource_metrics=[resource_metrics([item])])
        case _:
            made = ExportTraceServiceRequest(resource_spans=[resource_spans([item])])
    return bytes(made.SerializeToString())


# -- told apart -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", BARE)
def test_a_request_of_one_item_is_told_by_its_content(what: str) -> None:
    signal, item = BARE[what]
    assert list(signals_of(request(item))) == [signal]


@given(st.sampled_from(list(REQUESTS)), st.integers(0, 2**32 - 1))
def test_no_request_is_taken_for_one_of_another_signal(signal: Signal, seed: int) -> None:
    """Whatever is in it: it is told rightly, or not told."""
    message = random_message(REQUESTS[signal], Random(seed))
    found = protobuf_request("", message.SerializeToString())
    if isinstance(found, Request) and any(True for _ in items(signal.value, message)):
        assert found.signal == signal
    said = protobuf_request("", message.SerializeToString(), signal.value)
    assert isinstance(said, Request)
    assert said.signal == signal


AMBIGUOUS: dict[str, tuple[Literal["logs", "metrics"], Any]] = {
    "traces or metrics": ("metrics", Metric(name="letters", gauge=Gauge(data_points=[NumberDataPoint()]))),
    "traces or logs": ("logs", LogRecord(body=any_value("a body and no more"))),
}
"""Read as a span, what is field 5 of each, a gauge or a body, is a name."""


@pytest.mark.parametrize("like", AMBIGUOUS)
def test_what_fits_two_signals_is_refused_until_somebody_says_what_it_is(like: str) -> None:
    signal, item = AMBIGUOUS[like]
    body = request(item)
    found = protobuf_request("f:1", body)
    assert isinstance(found, Broken)
    assert found.reason == (
        f"it may hold {like}; if you know what it holds, say so with --signal traces, logs or metrics"
    )
    assert protobuf_request("f:1", body, signal) == Request("f:1", body, "protobuf", signal)


def test_what_is_surely_of_another_signal_than_was_said_is_refused() -> None:
    assert protobuf_request("f:1", request(LOGS[0]), "metrics") == Broken(
        "f:1", "it holds logs, and --signal says metrics"
    )


def test_bytes_that_are_no_otlp_are_refused() -> None:
    for said in (None, "logs"):
        assert isinstance(protobuf_request("f:1", b"\xff\xff no", said), Broken)


def test_an_option_says_what_a_file_holds(collector: Collector, db: Database, tmp_path: Path) -> None:
    body = request(AMBIGUOUS["traces or logs"][1])
    (tmp_path / "x.pb").write_bytes(len(body).to_bytes(4, "big") + body)
    done = leeway("replay", "x.pb", "--endpoint", collector.http, folder=tmp_path)
    assert done.returncode == 1
    assert "x.pb:1: it may hold traces or logs; " in done.stderr
    assert "1 broken lines or messages" in done.stdout
    done = leeway("replay", "x.pb", "--signal", "logs", "--endpoint", collector.http, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    stored = "SELECT (SELECT count() FROM leeway.log_rows) AS logs, (SELECT count() FROM leeway.span_rows) AS spans"
    assert db.rows(stored) == [{"logs": 1, "spans": 0}]


# -- there and back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "name", "transport"),
    [
        ("logs", "x.jsonl.gz", "http"),
        ("metrics", "x.pb", "grpc"),
    ],
)
def test_what_was_exported_and_replayed_comes_out_again_the_same(
    collector: Collector, db: Database, tmp_path: Path, signal: str, name: str, transport: str
) -> None:
    tables = ["log_rows"] if signal == "logs" else [
        f"otel_metrics_{kind}_rows" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    ]  # fmt: skip
    messages = [resource_logs(LOGS)] if signal == "logs" else [resource_metrics(METRICS)]
    db.insert_otlp(framed(messages), f"{signal} {name}", Signal(signal))
    exported(db, signal, tmp_path, name)
    first = (tmp_path / name).read_bytes()
    content = exported(db, signal, tmp_path, "first.jsonl")
    for table in tables:
        db.command(f"TRUNCATE TABLE leeway.{table}")
    done = leeway("replay", name, "--endpoint", getattr(collector, transport), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert exported(db, signal, tmp_path, "again.jsonl") == content
    assert content.count(b"\n") >= 1
    assert db.rows("SELECT count() AS n FROM leeway.span_rows") == [{"n": 0}]
    exported(db, signal, tmp_path, name)
    if not name.endswith(".gz"):
        assert (tmp_path / name).read_bytes() == first


def exported(db: Database, signal: str, folder: Path, name: str) -> bytes:
    done = leeway("export", name, "--signal", signal, "--clickhouse-url", db.settings.clickhouse_url, folder=folder)
    assert done.returncode == 0, done.stderr
    return (folder / name).read_bytes()

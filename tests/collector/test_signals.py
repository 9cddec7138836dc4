"""Logs and metrics as spans: what is bad is dropped alone, what nests too deeply is rewritten, all is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

from leeway.collector.otlp import framing
from leeway.collector.otlp.validate import check, distinct
from leeway.collector.otlp.wire import EXACT, SHAPES
from leeway.model import Signal
from tests.collector.any_values import any_value
from tests.collector.requests import (
    every_metric,
    log_record,
    log_request,
    metric_request,
    request,
    span,
    text,
)

BAD = "bad-é"


def stored(body: bytes, signal: Signal) -> Any:
    return EXACT[SHAPES[signal].request].FromString(check(body, signal).body)


def spoiled(message: Message) -> bytes:
    """With the text `BAD` not UTF-8 any more."""
    return message.SerializeToString().replace("é".encode(), b"\xff\xfe")


@pytest.mark.parametrize(
    ("made", "signal", "items"),
    [
        (request(span(), span()), Signal.TRACES, 2),
        (log_request(log_record(), log_record()), Signal.LOGS, 2),
        (metric_request(), Signal.METRICS, 7),
        (request(), Signal.TRACES, 1),
    ],
)
def test_a_plain_request_of_any_signal_is_passed_on_byte_for_byte(made: Message, signal: Signal, items: int) -> None:
    body = made.SerializeToString()
    checked = check(body, signal)
    assert checked.body is body
    assert (checked.items, checked.rejected, checked.reason) == (items, 0, "")
    data = b"".join(framing.framed(body, checked.slices, framing.private_fields("p", "w", 1, 2)))
    assert distinct(signal, data) == items


@pytest.mark.parametrize("signal", Signal)
def test_an_empty_request_of_any_signal_holds_nothing(signal: Signal) -> None:
    assert check(b"", signal).items == 0


# -- ids of log records --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [{}, {"trace_id": b"t" * 16}, {"trace_id": bytes(16), "span_id": bytes(8)}])
def test_a_log_record_needs_no_ids(ids: dict[str, bytes]) -> None:
    """Zeros are the same as none (logs.proto: an id of all zeros is invalid, and the record belongs to no trace)."""
    record = log_record()
    record.ClearField("trace_id")
    record.ClearField("span_id")
    for name, value in ids.items():
        setattr(record, name, value)
    body = log_request(log_record(), record).SerializeToString()
    assert check(body, Signal.LOGS).items == 2
    kept = stored(body, Signal.LOGS).resource_logs[0].scope_logs[0].log_records[1]
    assert kept.trace_id == ids.get("trace_id", b"").strip(b"\0")
    assert kept.span_id == b""
    assert kept.body.string_value == "hello"


@pytest.mark.parametrize(
    ("ids", "reason"),
    [({"trace_id": b"x" * 15}, "trace_id is not 16 bytes"), ({"span_id": b"x" * 16}, "span_id is not 8 bytes")],
)
def test_a_log_record_with_an_id_of_the_wrong_length_is_dropped(ids: dict[str, bytes], reason: str) -> None:
    bad = log_record("bad")
    for name, value in ids.items():
        setattr(bad, name, value)
    checked = check(log_request(log_record(), bad).SerializeToString(), Signal.LOGS)
    assert (checked.items, checked.rejected) == (1, 1)
    assert checked.reason == f"1 of 2 log records were dropped: 1 whose {reason}"


# -- metrics -------------------------------------------------------------------------------------------------------


def test_metrics_and_points_without_data_are_taken() -> None:
    empty = Metric(name="no data")
    blank = Metric(name="no value")
    blank.gauge.data_points.append(NumberDataPoint())
    no_points = Metric(name="no points")
    no_points.sum.SetInParent()
    assert check(metric_request(empty, blank, no_points).SerializeToString(), Signal.METRICS).items == 1


# -- text that is not UTF-8 ----------------------------------------------------------------------------------------

SPAN_FAULTS: list[Callable[[Any], object]] = [
    lambda s: setattr(s, "name", BAD),
    lambda s: setattr(s, "trace_state", BAD),
    lambda s: setattr(s.status, "message", BAD),
    lambda s: s.events.add(name=BAD),
    lambda s: s.events.add(attributes=[text("k", BAD)]),
    lambda s: s.links.add(attributes=[text(BAD, "v")]),
    lambda s: s.attributes.append(text("k", BAD)),
    lambda s: s.attributes.append(KeyValue(key="k", value=any_value(["fine", BAD]))),
    lambda s: s.attributes.append(KeyValue(key="k", value=any_value([[BAD]]))),
    lambda s: s.attributes.append(KeyValue(key="k", value=any_value({BAD: 1}))),
    lambda s: s.attributes.append(KeyValue(key="k", value=any_value([{"a": [BAD]}]))),
]


@pytest.mark.parametrize("spoil", SPAN_FAULTS)
def test_only_the_span_whose_text_is_not_utf8_is_dropped(spoil: Callable[[Any], object]) -> None:
    bad = span("bad")
    spoil(bad)
    checked = check(spoiled(request(span("first"), bad, span("last"))), Signal.TRACES)
    assert (checked.items, checked.rejected) == (2, 1)
    assert checked.reason == "1 of 3 spans were dropped: 1 whose text is not UTF-8"
    left = EXACT["ExportTraceServiceRequest"].FromString(checked.body)
    assert [s.name for s in left.resource_spans[0].scope_spans[0].spans] == ["first", "last"]


@pytest.mark.parametrize(
    "bad",
    [
        log_record(BAD),
        log_record(event_name=BAD),
        log_record(severity_text=BAD),
        log_record(attributes=[text("k", BAD)]),
    ],
)
def test_only_the_log_record_whose_text_is_not_utf8_is_dropped(bad: Any) -> None:
    checked = check(spoiled(log_request(log_record(), bad)), Signal.LOGS)
    assert (checked.items, checked.rejected) == (1, 1)
    assert checked.reason == "1 of 2 log records were dropped: 1 whose text is not UTF-8"


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram", "summary"])
def test_only_the_data_point_whose_text_is_not_utf8_is_dropped(kind: str) -> None:
    metrics = every_metric()
    for metric in metrics:
        if metric.WhichOneof("data") == kind:
            getattr(metric, kind).data_points[0].attributes.append(text("k", BAD))
    checked = check(spoiled(metric_request(*metrics)), Signal.METRICS)
    assert (checked.items, checked.rejected) == (6, 1)
    assert checked.reason == "1 of 7 data points were dropped: 1 whose text is not UTF-8"


def test_a_fault_of_a_resource_a_scope_or_a_metric_is_one_of_all_below() -> None:
    in_resource = request(span(), span(), service=BAD)
    in_resource.MergeFrom(request(span("kept")))
    assert check(spoiled(in_resource), Signal.TRACES).reason == (
        "2 of 3 spans were dropped: 2 whose resource's text is not UTF-8"
    )
    in_scope = log_request(log_record(), log_record())
    in_scope.resource_logs[0].scope_logs[0].scope.name = BAD
    in_scope.resource_logs[0].scope_logs.add().log_records.append(log_record())
    assert check(spoiled(in_scope), Signal.LOGS).reason == (
        "2 of 3 log records were dropped: 2 whose scope's text is not UTF-8"
    )
    in_url = log_request()
    in_url.resource_logs[0].schema_url = BAD
    assert check(spoiled(in_url), Signal.LOGS).rejected == 1
    for field in ("name", "description", "unit"):
        metrics = every_metric()
        setattr(metrics[0], field, BAD)
        checked = check(spoiled(metric_request(*metrics)), Signal.METRICS)
        assert checked.reason == "2 of 7 data points were dropped: 2 whose metric's text is not UTF-8"
    described = every_metric()
    described[0].metadata.append(text("k", BAD))
    assert check(spoiled(metric_request(*described)), Signal.METRICS).rejected == 2


def test_nothing_is_left_of_what_lies_below_a_fault() -> None:
    """Or text that is not UTF-8 would be left there."""
    made = metric_request(Metric(name=BAD), service=BAD)
    made.resource_metrics[0].scope_metrics[0].scope.name = BAD
    made.resource_metrics[0].scope_metrics[0].schema_url = BAD
    made.MergeFrom(metric_request())
    checked = check(spoiled(made), Signal.METRICS)
    left = EXACT["ExportMetricsServiceRequest"].FromString(checked.body).resource_metrics
    assert [len(r.scope_metrics) for r in left] == [0, 1]
    assert (checked.items, checked.rejected) == (7, 0)


def test_what_is_left_after_a_drop_is_whole() -> None:
    """A second check finds nothing more to say."""
    bad = metric_request(*every_metric(), service=BAD)
    bad.MergeFrom(metric_request())
    once = check(spoiled(bad), Signal.METRICS)
    again = check(once.body, Signal.METRICS)
    assert (once.items, once.rejected) == (7, 7)
    assert (again.items, again.rejected, again.body) == (7, 0, once.body)


# -- redaction -----------------------------------------------------------------------------------------------------


class Redaction:
    """Takes the body of log records, and notes what it saw."""

    def __init__(self, *, concerned: bool = True) -> None:
        self.seen: list[tuple[Signal, str]] = []
        self._concerned = concerned

    def concerns(self, body: bytes) -> bool:
        return self._concerned and bool(body)

    def __call__(self, request: Any, signal: Signal) -> bool:
        if signal is not Signal.LOGS:
            return False
        record = request.resource_logs[0].scope_logs[0].log_records[0]
        self.seen.append((signal, record.body.kvlist_json))
        record.ClearField("body")
        return True


def test_redaction_sees_deep_values_as_text() -> None:
    redact = Redaction()
    made = log_request()
    made.resource_logs[0].scope_logs[0].log_records[0].body.CopyFrom(any_value({"a": [1]}))
    checked = check(made.SerializeToString(), Signal.LOGS, redact)
    assert redact.seen == [(Signal.LOGS, '{"a":[1]}')]
    assert b'{"a"' not in checked.body
    assert checked.items == 1


def test_redaction_that_changes_nothing_leaves_the_bytes_alone() -> None:
    body = metric_request().SerializeToString()
    assert check(body, Signal.METRICS, Redaction()).body is body
    logs = log_request().SerializeToString()
    assert check(logs, Signal.LOGS, Redaction(concerned=False)).body is logs

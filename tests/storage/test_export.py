"""What came in as OTLP goes out as the same OTLP, through ClickHouse and the collector's own way of rewriting."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from leeway.collector.otlp import framing
from leeway.collector.otlp.deep import json_text
from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.otlp.validate import check
from leeway.model import Signal
from leeway.storage import Database
from leeway.storage.export import Encoding, Export, Json, Protobuf, Selection
from leeway.storage.export.values import any_value_bytes, any_value_json
from tests.collector.any_values import any_value, text, values
from tests.storage.otlp import START_NS, log_record, resource_logs, resource_spans, span

HOUR_NS = 3_600_000_000_000
WHOLE = Selection()
pairs = st.lists(st.tuples(text, values), max_size=5)


SIGNALS: Final = {
    ExportTraceServiceRequest: Signal.TRACES,
    ExportLogsServiceRequest: Signal.LOGS,
    ExportMetricsServiceRequest: Signal.METRICS,
}


def stored(
    db: Database,
    request: ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest,
    batch: int = 1,
) -> None:
    """Bring a request in as the collector does: checked, deep values rewritten, framed."""
    signal = SIGNALS[type(request)]
    checked = check(request.SerializeToString(), signal)
    digest = b"" if signal is Signal.TRACES else batch.to_bytes(16, "big")
    suffix = framing.private_fields("acme" if batch % 2 else "zeta", "w1", batch, START_NS, digest)
    db.insert_otlp(b"".join(framing.framed(checked.body, checked.slices, suffix)), f"batch-{batch}", signal)


def exported(db: Database, encoding: Encoding, signal: Signal = Signal.TRACES, which: Selection = WHOLE) -> list[bytes]:
    """The requests as protobuf; JSON is read as the collector reads it."""
    pieces = [piece.data for piece in Export(db, signal, which, encoding)]
    if isinstance(encoding, Json):
        assert all(piece.endswith(b"\n") and piece.count(b"\n") == 1 for piece in pieces)
        return [to_protobuf(piece, 100, signal) for piece in pieces]
    for piece in pieces:
        assert int.from_bytes(piece[:4], "big") == len(piece) - 4
    return [piece[4:] for piece in pieces]


def by_span(requests: list[ExportTraceServiceRequest]) -> dict[bytes, tuple[bytes, ...]]:
    """Each span with its resource and scope, as bytes: so NaN equals NaN, and 0.0 is not -0.0."""
    return {
        s.span_id: (
            resource.resource.SerializeToString(),
            resource.schema_url.encode(),
            scope.scope.SerializeToString(),
            scope.schema_url.encode(),
            s.SerializeToString(),
        )
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for s in scope.spans
    }


def key_values(of: list[tuple[str, object]]) -> list[KeyValue]:
    made = [KeyValue(key=key) for key, _ in of]
    for key_value, (_, value) in zip(made, of, strict=True):
        key_value.value.CopyFrom(any_value(value))
    return made


def full_request() -> ExportTraceServiceRequest:
    """One of everything that a span can hold, and a plain one."""
    full = span(
        trace_id=bytes(range(1, 17)), span_id=bytes(range(1, 9)), parent_span_id=bytes(range(8, 16)),
        trace_state="k=v", flags=257, name="chat", kind=3,
        dropped_attributes_count=1, dropped_events_count=2, dropped_links_count=3,
    )  # fmt: skip
    full.status.message, full.status.code = "it broke", Status.STATUS_CODE_ERROR
    full.events.add(name="exception", time_unix_nano=START_NS + 7, dropped_attributes_count=4)
    full.links.add(trace_id=b"\x05" * 16, span_id=b"\x06" * 8, trace_state="l", flags=1, dropped_attributes_count=5)
    message = resource_spans([full, span()])
    message.schema_url = "https://schema/r"
    message.scope_spans[0].schema_url = "https://schema/s"
    message.scope_spans[0].scope.name, message.scope_spans[0].scope.version = "lib", "1.2"
    return ExportTraceServiceRequest(resource_spans=[message])


@pytest.fixture(params=[Json(), Protobuf()], ids=["json", "protobuf"])
def encoding(request: pytest.FixtureRequest) -> Encoding:
    made: Encoding = request.param
    return made


def test_a_span_comes_out_as_it_came_in(db: Database, encoding: Encoding) -> None:
    sent = full_request()
    stored(db, sent)
    found = [ExportTraceServiceRequest.FromString(body) for body in exported(db, encoding)]
    assert by_span(found) == by_span([sent])
    assert len(found[0].resource_spans) == 1, "spans of one resource come out below one resource"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of_span=pairs, of_resource=pairs, of_scope=pairs, of_event=pairs, of_link=pairs)
def test_deep_and_odd_attributes_come_out_as_they_came_in(
    db: Database,
    of_span: list[tuple[str, object]],
    of_resource: list[tuple[str, object]],
    of_scope: list[tuple[str, object]],
    of_event: list[tuple[str, object]],
    of_link: list[tuple[str, object]],
) -> None:
    db.command("TRUNCATE TABLE leeway.span_rows")
    sent = full_request()
    resource = sent.resource_spans[0]
    of = resource.scope_spans[0].spans[0]
    del resource.resource.attributes[:]
    resource.resource.attributes.extend(key_values(of_resource))
    resource.scope_spans[0].scope.attributes.extend(key_values(of_scope))
    of.attributes.extend(key_values(of_span))
    of.events[0].attributes.extend(key_values(of_event))
    of.links[0].attributes.extend(key_values(of_link))
    stored(db, sent, batch=hash(sent.SerializeToString()) & 0xFFFF_FFFF)
    for encoding in (Json(), Protobuf()):
        found = [ExportTraceServiceRequest.FromString(body) for body in exported(db, encoding)]
        assert by_span(found) == by_span([sent])


@settings(max_examples=200)
@given(value=values)
def test_json_text_says_everything_that_was_in_a_deep_value(value: object) -> None:
    sent = any_value(value).SerializeToString()
    if isinstance(value, list | dict):
        assert any_value_bytes(5 if isinstance(value, list) else 6, json_text(sent)) == sent


def test_keys_that_come_twice_inside_a_deep_value_come_out_twice() -> None:
    value = any_value({"a": 1})
    value.kvlist_value.values.extend(any_value({"a": 1.0}).kvlist_value.values)
    value.kvlist_value.values.extend(any_value({"$bytes": b"x", "$$bytes": None}).kvlist_value.values)
    sent = value.SerializeToString()
    assert any_value_bytes(6, json_text(sent)) == sent


def test_no_nesting_is_too_deep() -> None:
    deep = b"\x0a\x01x"
    for level in range(3000):
        content = _field(1, deep) if level % 2 else _field(1, _field(1, b"k") + _field(2, deep))
        deep = _field(5 if level % 2 else 6, content)
    written = json_text(deep)
    assert any_value_bytes(5, written) == deep
    assert any_value_json(5, written).count("arrayValue") == 1500


def _field(number: int, content: bytes) -> bytes:
    return framing.varint(number << 3 | 2) + framing.varint(len(content)) + content


def test_a_log_record_comes_out_as_it_came_in(db: Database, encoding: Encoding) -> None:
    record = log_record(
        [("a", 1)], observed_time_unix_nano=START_NS + 9, severity_number=9, severity_text="INFO", flags=1,
        trace_id=b"\x01" * 16, span_id=b"\x02" * 8, event_name="gen_ai.evaluation.result", dropped_attributes_count=2,
    )  # fmt: skip
    record.body.CopyFrom(any_value({"deep": [1, 1.0, b"\x00", {"$bytes": "no"}]}))
    sent = ExportLogsServiceRequest(resource_logs=[resource_logs([record])])
    stored(db, sent)
    (body,) = exported(db, encoding, Signal.LOGS)
    found = ExportLogsServiceRequest.FromString(body)
    assert found.resource_logs[0].scope_logs[0].log_records[0] == record
    assert found.resource_logs[0].resource == sent.resource_logs[0].resource


def test_what_is_asked_for_comes_out_in_order_of_time(db: Database) -> None:
    for n in (5, 2, 9, 4):
        at = START_NS + n * HOUR_NS
        one = span(span_id=bytes([n]) * 8, trace_id=bytes([n]) * 16, start_time_unix_nano=at, end_time_unix_nano=at)
        stored(db, ExportTraceServiceRequest(resource_spans=[resource_spans([one])]), batch=n)

    def hours(**which: Any) -> list[int]:
        bodies = exported(db, Protobuf(), which=Selection(**which))
        return [i[0] for body in bodies for i in by_span([ExportTraceServiceRequest.FromString(body)])]

    assert hours() == [2, 4, 5, 9]
    assert hours(projects=("acme",)) == [5, 9]
    assert hours(from_ns=START_NS + 4 * HOUR_NS, to_ns=START_NS + 9 * HOUR_NS) == [4, 5]
    assert hours(trace_ids=("09" * 16, "02" * 16)) == [2, 9]
    assert hours(projects=("nobody",)) == []


def test_what_lies_beyond_2106_comes_out(db: Database) -> None:
    at = 4_500_000_000 * 1_000_000_000
    sent = ExportTraceServiceRequest(
        resource_spans=[resource_spans([span(start_time_unix_nano=at, end_time_unix_nano=at)])]
    )
    stored(db, sent)
    assert by_span([ExportTraceServiceRequest.FromString(body) for body in exported(db, Protobuf())]) == by_span([sent])


def test_a_span_that_was_stored_twice_comes_out_once(db: Database) -> None:
    for batch in (1, 3):
        stored(db, full_request(), batch)
    found = [ExportTraceServiceRequest.FromString(body) for body in exported(db, Protobuf())]
    assert sum(len(s.spans) for r in found for rs in r.resource_spans for s in rs.scope_spans) == 2

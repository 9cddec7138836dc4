from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from leeway.collector.otlp import framing
from leeway.collector.otlp.deep import json_text
from leeway.collector.otlp.validate import check, distinct
from leeway.collector.otlp.wire import EXACT
from leeway.collector.refusal import Refused
from leeway.model import Signal
from tests.collector.any_values import any_value, read_back, same, text, values
from tests.collector.requests import request, span


def test_a_plain_request_is_passed_on_byte_for_byte() -> None:
    body = request(span(), span()).SerializeToString()
    checked = check(body, Signal.TRACES)
    assert checked.body is body
    assert (checked.items, checked.rejected, checked.reason) == (2, 0, "")
    assert [body[s.start : s.end] for s in checked.slices] == [
        ExportTraceServiceRequest.FromString(body).resource_spans[0].SerializeToString()
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "1 whose trace_id is not 16 bytes"),
        ({"trace_id": b"x" * 15}, "1 whose trace_id is not 16 bytes"),
        ({"trace_id": bytes(16)}, "1 whose trace_id is all zero"),
        ({"span_id": b"x" * 9}, "1 whose span_id is not 8 bytes"),
        ({"span_id": bytes(8)}, "1 whose span_id is all zero"),
    ],
)
def test_a_bad_span_is_dropped_and_its_fault_named(fields: dict[str, bytes], reason: str) -> None:
    bad = span("bad")
    for name, value in fields.items():
        setattr(bad, name, value)
    checked = check(request(span("first"), bad, span("last")).SerializeToString(), Signal.TRACES)
    assert (checked.items, checked.rejected) == (2, 1)
    assert checked.reason == f"1 of 3 spans were dropped: {reason}"
    left = ExportTraceServiceRequest.FromString(checked.body)
    assert [s.name for s in left.resource_spans[0].scope_spans[0].spans] == ["first", "last"]


def test_a_request_of_bad_spans_leaves_nothing_to_store() -> None:
    checked = check(request(span(trace_id=b""), span(trace_id=b"x")).SerializeToString(), Signal.TRACES)
    assert (checked.items, checked.rejected) == (0, 2)


@pytest.mark.parametrize("body", [b"", request().resource_spans[0].SerializeToString()[:0]])
def test_an_empty_request_holds_nothing(body: bytes) -> None:
    assert check(body, Signal.TRACES).items == 0


@given(st.binary(max_size=100))
def test_any_bytes_are_checked_or_refused(body: bytes) -> None:
    try:
        checked = check(body, Signal.TRACES)
    except Refused:
        return
    ExportTraceServiceRequest.FromString(checked.body)


@given(st.data())
def test_a_cut_or_changed_request_is_checked_or_refused(data: st.DataObject) -> None:
    made = request(span(), span())
    made.resource_spans[0].resource.attributes.append(KeyValue(key="deep", value=any_value([{"a": [b"x"]}])))
    body = bytearray(made.SerializeToString())
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        checked = check(bytes(body[: data.draw(st.integers(0, len(body)))]), Signal.TRACES)
    except Refused:
        return
    assert checked.items + checked.rejected <= 2


def test_fields_that_a_newer_otlp_adds_are_no_obstacle() -> None:
    body = request(span("kept")).SerializeToString() + b"\x12\x03new" + b"\xfa\x3f\x01x"
    checked = check(body, Signal.TRACES)
    assert checked.items == 1
    assert framing.resource_spans(checked.body) == checked.slices


def test_distinct_spans_are_counted_over_all_messages() -> None:
    one = span()
    body = request(one, one, span()).SerializeToString() + request(one).SerializeToString()
    data = b"".join(framing.framed(body, framing.resource_spans(body), framing.private_fields("p", "w", 1, 2)))
    assert distinct(Signal.TRACES, data) == 2


# -- deep values ---------------------------------------------------------------------------------------------------


@given(values)
@example([b""])
@example([b"\xff\xff"])
@example([[]])
@example({})
@example({"$bytes": "eA=="})
@example({"$$double": {"$bytes": 1}})
def test_every_value_is_read_back_from_where_it_is_stored(value: object) -> None:
    """Shallow values stay as they are; deep ones become text that stands for the same value."""
    attribute = KeyValue(key="k", value=any_value(value))
    made = request(span(attributes=[attribute]))
    made.resource_spans[0].resource.attributes.append(attribute)
    made.resource_spans[0].scope_spans[0].scope.attributes.append(attribute)
    made.resource_spans[0].scope_spans[0].spans[0].events.add().attributes.append(attribute)
    made.resource_spans[0].scope_spans[0].spans[0].links.add().attributes.append(attribute)
    resource = (
        EXACT["ExportTraceServiceRequest"]
        .FromString(check(made.SerializeToString(), Signal.TRACES).body)
        .resource_spans[0]
    )
    stored_span = resource.scope_spans[0].spans[0]
    for stored in (
        resource.resource.attributes[-1],
        resource.scope_spans[0].scope.attributes[0],
        stored_span.attributes[-1],
        stored_span.events[0].attributes[0],
        stored_span.links[0].attributes[0],
    ):
        which = stored.value.WhichOneof("value")
        if which in ("array_json", "kvlist_json"):
            assert same(read_back(json.loads(getattr(stored.value, which))), value)
            assert (which == "array_json") is isinstance(value, list)
        else:
            stored.value.ClearField("kvlist_value")  # would be lost
            assert AnyValue.FromString(stored.value.SerializeToString()).SerializeToString(
                deterministic=True
            ) == any_value(value).SerializeToString(deterministic=True)
            assert all(e.WhichOneof("value") != "bytes_value" for e in stored.value.array_value.values)


@pytest.mark.parametrize("depth", [1, 2, 30, 60, 5000])
def test_no_depth_is_too_deep(depth: int) -> None:
    """Written by hand: protobuf's own serialiser stops at a depth of 100."""
    array = deep = any_value("x").SerializeToString()
    for _ in range(depth):
        array = b"\x2a" + _sized(b"\x0a" + _sized(array))
        deep = b"\x32" + _sized(b"\x0a" + _sized(b"\x0a\x01k\x12" + _sized(deep)))
    assert json_text(array) == "[" * depth + '"x"' + "]" * depth
    assert json_text(deep) == '{"k":' * depth + '"x"' + "}" * depth
    plain = request(span(attributes=[KeyValue(key="k", value=AnyValue(string_value="x"))]))
    spans = plain.resource_spans[0].scope_spans[0]
    in_span = spans.spans[0].SerializeToString() + b"\x4a" + _sized(b"\x0a\x01k\x12" + _sized(deep))
    body = b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(in_span)))
    stored = (
        EXACT["ExportTraceServiceRequest"]
        .FromString(check(body, Signal.TRACES).body)
        .resource_spans[0]
        .scope_spans[0]
        .spans[0]
        .attributes[-1]
    )
    assert stored.value.kvlist_json == json_text(deep)


def _sized(content: bytes) -> bytes:
    return framing.varint(len(content)) + content


@given(text, st.binary(max_size=60))
def test_garbage_in_a_deep_value_is_read_or_refused(key: str, garbage: bytes) -> None:
    made = request(span(attributes=[KeyValue(key=key, value=AnyValue(string_value="x"))]))
    value = b"\x32" + _sized(garbage)
    body = made.SerializeToString()
    in_span = made.resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    in_span += b"\x4a" + _sized(b"\x0a" + _sized(key.encode()) + b"\x12" + _sized(value))
    body = b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(in_span)))
    try:
        checked = check(body, Signal.TRACES)
    except Refused:
        return
    stored = (
        EXACT["ExportTraceServiceRequest"]
        .FromString(checked.body)
        .resource_spans[0]
        .scope_spans[0]
        .spans[0]
        .attributes[-1]
    )
    json.loads(stored.value.kvlist_json)

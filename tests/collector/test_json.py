from __future__ import annotations

import contextlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.refusal import Reason, Refused
from tests.collector.any_values import any_value, json_request, text, values
from tests.collector.requests import NOW_NS, request, span


def decoded(document: object, depth_max: int = 100) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(to_protobuf(json.dumps(document).encode(), depth_max))


def one_span(**fields: object) -> Span:
    return decoded({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).resource_spans[0].scope_spans[0].spans[0]


FULL = {
    "resourceSpans": [
        {
            "resource": {
                "attributes": [{"key": "service.name", "value": {"stringValue": "s"}}],
                "droppedAttributesCount": 1,
            },
            "schemaUrl": "r",
            "scopeSpans": [
                {
                    "schemaUrl": "s",
                    "scope": {
                        "name": "n",
                        "version": "v",
                        "attributes": [{"key": "a", "value": {"intValue": "1"}}],
                        "droppedAttributesCount": 2,
                    },
                    "spans": [
                        {
                            "traceId": "5B8EFFF798038103D269B633813FC60C",
                            "spanId": "eee19b7ec3c1b174",
                            "parentSpanId": "eee19b7ec3c1b173",
                            "traceState": "x=y",
                            "name": "héllo",
                            "kind": 3,
                            "flags": 257,
                            "startTimeUnixNano": str(NOW_NS),
                            "endTimeUnixNano": NOW_NS + 1,
                            "attributes": [{"key": "k", "value": {"doubleValue": 1.5}}],
                            "droppedAttributesCount": 3,
                            "events": [
                                {
                                    "timeUnixNano": "5",
                                    "name": "e",
                                    "attributes": [{"key": "k", "value": {"boolValue": False}}],
                                    "droppedAttributesCount": 4,
                                }
                            ],
                            "droppedEventsCount": 5,
                            "links": [
                                {
                                    "traceId": "5b8efff798038103d269b633813fc60d",
                                    "spanId": "eee19b7ec3c1b175",
                                    "traceState": "z",
                                    "flags": 1,
                                    "attributes": [{"key": "k", "value": {"bytesValue": "AQI="}}],
                                    "droppedAttributesCount": 6,
                                }
                            ],
                            "droppedLinksCount": 7,
                            "status": {"message": "m", "code": 2},
                        }
                    ],
                }
            ],
        }
    ]
}


def test_every_field_arrives() -> None:
    made = ExportTraceServiceRequest()
    resource = made.resource_spans.add(schema_url="r")
    resource.resource.attributes.add(key="service.name").value.string_value = "s"
    resource.resource.dropped_attributes_count = 1
    scope = resource.scope_spans.add(schema_url="s")
    scope.scope.name, scope.scope.version, scope.scope.dropped_attributes_count = "n", "v", 2
    scope.scope.attributes.add(key="a").value.int_value = 1
    s = scope.spans.add(
        trace_id=bytes.fromhex("5b8efff798038103d269b633813fc60c"),
        span_id=bytes.fromhex("eee19b7ec3c1b174"),
        parent_span_id=bytes.fromhex("eee19b7ec3c1b173"),
        trace_state="x=y",
        name="héllo",
        kind=Span.SPAN_KIND_CLIENT,
        flags=257,
        start_time_unix_nano=NOW_NS,
        end_time_unix_nano=NOW_NS + 1,
        dropped_attributes_count=3,
        dropped_events_count=5,
        dropped_links_count=7,
    )
    s.attributes.add(key="k").value.double_value = 1.5
    event = s.events.add(time_unix_nano=5, name="e", dropped_attributes_count=4)
    event.attributes.add(key="k").value.bool_value = False
    link = s.links.add(
        trace_id=bytes.fromhex("5b8efff798038103d269b633813fc60d"),
        span_id=bytes.fromhex("eee19b7ec3c1b175"),
        trace_state="z",
        flags=1,
        dropped_attributes_count=6,
    )
    link.attributes.add(key="k").value.bytes_value = b"\x01\x02"
    s.status.message, s.status.code = "m", Status.STATUS_CODE_ERROR
    assert decoded(FULL) == made


def _snake(value: object) -> object:
    if isinstance(value, list):
        return [_snake(v) for v in value]
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in k): _snake(v) for k, v in value.items()}
    return value


def test_names_may_be_snake_case() -> None:
    assert decoded(_snake(FULL)) == decoded(FULL)


def test_unknown_fields_and_nulls_are_passed_over() -> None:
    fields = {"name": "x", "new": {"deep": [1]}, "status": None, "attributes": None, "kind": None}
    assert one_span(**fields) == Span(name="x")


@pytest.mark.parametrize(("kind", "number"), [("SPAN_KIND_SERVER", 2), (2, 2), ("2", 2), (99, 99), (0, 0)])
def test_enums_come_by_number_or_by_name(kind: object, number: int) -> None:
    assert one_span(kind=kind).kind == number


@given(values)
def test_every_attribute_value_is_as_protobuf_would_have_it(value: object) -> None:
    arrived = one_span(attributes=[{"key": "k", "value": json_request(value)}]).attributes[0]
    expected = KeyValue(key="k", value=any_value(value))
    assert arrived.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": 5}, AnyValue(int_value=5)),
        ({"intValue": 5.0}, AnyValue(int_value=5)),
        ({"int_value": "-9223372036854775808"}, AnyValue(int_value=-(2**63))),
        ({"doubleValue": 5}, AnyValue(double_value=5.0)),
        ({"doubleValue": "1e3"}, AnyValue(double_value=1000.0)),
        ({"stringValue": ""}, AnyValue(string_value="")),
        ({"arrayValue": {}}, any_value([])),
        ({"bytesValue": "-_8"}, AnyValue(bytes_value=b"\xfb\xff")),
        ({"stringValue": None, "boolValue": True}, AnyValue(bool_value=True)),
        ({"stringValue": "a\ud800b"}, AnyValue(string_value="a�b")),
    ],
)
def test_spellings_of_values(value: object, expected: AnyValue) -> None:
    assert one_span(attributes=[{"key": "k", "value": value}]).attributes[0].value == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"traceId": "xyz"}, "resourceSpans: scopeSpans: spans: traceId: a hex string is wanted, not 'xyz'"),
        ({"traceId": 5}, "traceId: a hex string"),
        ({"name": 5}, "name: a string is wanted, not 5"),
        ({"kind": "NO_SUCH"}, "kind: an integer is wanted, not 'NO_SUCH'"),
        ({"flags": -1}, "flags: -1 is not between 0 and 4294967295"),
        ({"flags": 1.5}, "flags: an integer"),
        ({"startTimeUnixNano": "18446744073709551616"}, "is not between"),
        ({"startTimeUnixNano": True}, "an integer is wanted, not True"),
        ({"attributes": {}}, "attributes: a list is wanted, not dict"),
        ({"attributes": [5]}, "attributes: an object is wanted, not 5"),
        ({"attributes": [{"value": 5}]}, "value: an object is wanted"),
        ({"attributes": [{"value": {"boolValue": 1}}]}, "boolValue: true or false"),
        ({"attributes": [{"value": {"doubleValue": "x"}}]}, "doubleValue: a number"),
        ({"attributes": [{"value": {"bytesValue": "*"}}]}, "bytesValue: base64"),
        ({"attributes": [{"value": {"intValue": "9223372036854775808"}}]}, "intValue: '9223372036854775808' is not"),
        ({"status": []}, "status: an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(fields: dict[str, object], message: str) -> None:
    with pytest.raises(Refused) as refused:
        one_span(**fields)
    assert message in str(refused.value)
    assert refused.value.reason is Reason.UNDECODABLE


OTHER = [b"", b"{", b"[]", b"null", b"5", b'{"resourceSpans":5}', b"\xff", b"[" * 100_000, b"1" * 5000]


@pytest.mark.parametrize("body", OTHER)
def test_other_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        to_protobuf(body, 100)
    assert refused.value.reason is Reason.UNDECODABLE


@given(st.recursive(st.none() | st.booleans() | st.floats() | text, lambda v: st.lists(v) | st.dictionaries(text, v)))
def test_any_json_is_decoded_or_refused(document: object) -> None:
    with contextlib.suppress(Refused):
        decoded(document)


names = st.sampled_from(
    ["resourceSpans", "scopeSpans", "spans", "scope", "kind", "attributes", "value", "key", "status"]
)
documents = st.recursive(
    st.none() | st.integers() | text, lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=4)
)


@given(documents)
def test_documents_of_the_right_names_are_decoded_or_refused(document: object) -> None:
    with contextlib.suppress(Refused):
        decoded({"resourceSpans": [document]})


@pytest.mark.parametrize("depth", [1, 60, 150])
def test_values_nest_as_deep_as_the_setting_says(depth: int) -> None:
    value: dict = {"stringValue": "x"}
    for i in range(depth):
        as_pair = {"kvlistValue": {"values": [{"key": "k", "value": value}]}}
        value = {"arrayValue": {"values": [value]}} if i % 2 else as_pair
    document = {"resourceSpans": [{"resource": {"attributes": [{"key": "k", "value": value}]}}]}
    assert to_protobuf(json.dumps(document).encode(), depth)
    with pytest.raises(Refused, match="nest"):
        to_protobuf(json.dumps(document).encode(), depth - 1)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert to_protobuf(b"\xef\xbb\xbf{}", 10) == b""


def test_what_the_sdk_would_send_is_the_same_in_both_encodings() -> None:
    made = request(span(), span(span_id=os.urandom(8)))
    first = made.resource_spans[0].scope_spans[0].spans[0]
    arrived = one_span(
        traceId=first.trace_id.hex(), spanId=first.span_id.hex(), name=first.name, kind=3,
        startTimeUnixNano=str(first.start_time_unix_nano), endTimeUnixNano=str(first.end_time_unix_nano),
        attributes=[{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    )  # fmt: skip
    assert arrived == first

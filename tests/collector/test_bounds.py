"""What a sender must not reach: our own fields, ClickHouse with a wrong type, a cost out of proportion to its bytes."""

from __future__ import annotations

import pytest

from leeway.collector.otlp import framing
from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.otlp.validate import DEFAULT_LIMITS, Limits, check
from leeway.collector.otlp.wire import EXACT
from leeway.collector.refusal import Reason, Refused
from leeway.model import Signal
from tests.collector.requests import request, span


def _sized(content: bytes) -> bytes:
    return framing.varint(len(content)) + content


def test_a_sender_cannot_write_our_own_fields() -> None:
    spoof = framing.private_fields("other project", "writer", 7, 8)
    resource = request(span("kept")).resource_spans[0].SerializeToString() + spoof
    checked = check(b"\x0a" + _sized(resource), Signal.TRACES)
    assert checked.items == 1
    assert b"other project" not in checked.body
    value = b"\xaa\x06" + _sized(b"{no json")  # field 101
    pair = b"\x0a\x01k\x12" + _sized(value)
    record = b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(b"\x32" + _sized(pair))))
    checked = check(record, Signal.LOGS)
    assert checked.items == 1
    assert b"no json" not in checked.body


def test_a_field_of_another_type_than_otlp_says_does_not_reach_clickhouse() -> None:
    made = span("kept").SerializeToString() + b"\x28\x05"  # field 5, the name, as a number
    checked = check(b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(made))), Signal.TRACES)
    left = EXACT["ExportTraceServiceRequest"].FromString(checked.body).resource_spans[0].scope_spans[0].spans
    assert [s.name for s in left] == ["kept"]
    assert b"\x28\x05" not in checked.body


@pytest.mark.parametrize("number", [2, 255, 108_234_499])
def test_a_boolean_that_is_neither_0_nor_1_reaches_clickhouse_as_true(number: int) -> None:
    """Protobuf takes any number but 0 for true, and ClickHouse refuses all but 1."""
    value = b"\x10" + framing.varint(number)
    pair = b"\x0a\x01k\x12" + _sized(value)
    made = span("kept").SerializeToString() + b"\x4a" + _sized(pair)
    checked = check(b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(made))), Signal.TRACES)
    assert checked.items == 1
    assert b"\x0a\x01k\x12\x02\x10\x01" in checked.body


def test_ids_may_stand_anywhere_and_the_last_counts() -> None:
    made = span("kept")
    ids = b"\x0a\x10" + made.trace_id + b"\x12\x08" + made.span_id
    made.ClearField("trace_id")
    made.ClearField("span_id")
    rest = made.SerializeToString()
    none = span("none")
    none.ClearField("trace_id")
    bad_last = ids + rest + b"\x0a\x01x"
    spans = [ids + rest, rest + ids, ids + ids + rest, none.SerializeToString(), bad_last]
    scope = b"".join(b"\x12" + _sized(s) for s in spans)
    checked = check(b"\x0a" + _sized(b"\x12" + _sized(scope)), Signal.TRACES)
    assert (checked.items, checked.rejected) == (3, 2)


@pytest.mark.parametrize(
    ("signal", "head"),
    [(Signal.TRACES, [0x0A, 0x12]), (Signal.LOGS, [0x0A, 0x12]), (Signal.METRICS, [0x0A, 0x12, 0x12, 0x2A])],
)
def test_a_request_of_more_items_than_there_may_be_is_refused_for_its_size(signal: Signal, head: list[int]) -> None:
    """An empty span is two bytes long, and would cost as much as any other."""
    body = (b"\x0a\x00" if signal is Signal.METRICS else b"\x12\x00") * (DEFAULT_LIMITS.items + 1)
    for tag in reversed(head):
        body = bytes((tag,)) + _sized(body)
    with pytest.raises(Refused, match="a request may have 1000000") as refused:
        check(body, signal)
    assert refused.value.reason is Reason.TOO_LARGE


def test_a_request_of_more_resources_than_there_may_be_is_refused_for_its_size() -> None:
    many = b"\x0a\x00" * DEFAULT_LIMITS.resources
    assert check(many, Signal.TRACES).items == 0
    with pytest.raises(Refused, match="a request may have 100000 resources") as refused:
        check(request().SerializeToString() + many, Signal.TRACES)
    assert refused.value.reason is Reason.TOO_LARGE


# -- what is small on the wire and large when it is looked at ----------------------------------------------------------

FEW = Limits(values=1000, size=10_000)
DEEP = b"\x32\x00"
"""An AnyValue that is an empty kvlist."""


def _with(*values: bytes) -> bytes:
    """A request of one span with an attribute for each of these values, or for none an empty one."""
    made = request(span("s")).resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    pairs = b"".join(b"\x4a" + _sized(b"\x12" + _sized(value)) if value else b"\x4a\x00" for value in values)
    return b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(made + pairs)))


@pytest.mark.parametrize(
    "body",
    [
        _with(*[b""] * 1000, DEEP),
        _with(*[DEEP] * 1001),
        _with(b"\x32" + _sized(b"\x0a\x00" * 1001)),
        _with(b"\x2a" + _sized(b"\x0a\x02\x2a\x00" * 1001)),
        _with(b"\x32" + _sized(b"\x0a" + _sized(b"\x12" + _sized(b"\x0a" + _sized(b"\x01" * 2000))))),
        _with(b"\x32" + _sized(b"\x0a" + _sized(b"\x0a" + _sized(b"\x01" * 2000)))),
    ],
    ids=["attributes beside", "kvlists", "pairs", "elements", "control characters", "a key of them"],
)
def test_values_that_nest_are_refused_where_they_would_cost_more_than_a_request_may(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check(body, Signal.TRACES, limits=FEW)
    assert refused.value.reason is Reason.TOO_LARGE
    assert check(body, Signal.TRACES).items == 1


def test_values_that_nest_deeper_than_the_parser_goes_are_counted_too() -> None:
    deep = b"\x2a" + _sized(b"".join(b"\x0a\x02\x32\x00" for _ in range(1001)))
    for _ in range(200):
        deep = b"\x2a" + _sized(b"\x0a" + _sized(deep))
    with pytest.raises(Refused, match="1000 attributes and elements"):
        check(_with(deep), Signal.TRACES, limits=FEW)


def test_as_many_values_without_one_that_nests_are_no_matter() -> None:
    assert check(_with(*[b"\x0a\x01v"] * 2000), Signal.TRACES, limits=FEW).items == 1


@pytest.mark.parametrize("many", ["{},", "[],", "1,", '{"a":[]},', '"","a",'])
def test_a_request_in_json_may_hold_so_many_values(many: str) -> None:
    body = ('{"a":[' + many * 1000 + "{}]}").encode()
    assert to_protobuf(body, 100, values_max=5000) == b""
    with pytest.raises(Refused, match="may hold 900 values") as refused:
        to_protobuf(body, 100, values_max=900)
    assert refused.value.reason is Reason.TOO_LARGE


def test_brackets_and_commas_in_texts_are_no_values() -> None:
    body = ('{"a":"' + '[{,\\",\\\\' * 5000 + '"}').encode()
    assert to_protobuf(body, 100, values_max=10) == b""


def test_spans_that_would_repeat_gigabytes_of_their_resource_are_refused() -> None:
    """2,000 rows of 30 bytes, and each has a column of 1 MB."""
    made = request(*[span(str(n)) for n in range(2000)])
    assert check(made.SerializeToString(), Signal.TRACES).items == 2000
    made.resource_spans[0].resource.attributes.add(key="k").value.string_value = "v" * 1_000_000
    with pytest.raises(Refused, match="would repeat 20") as refused:
        check(made.SerializeToString(), Signal.TRACES)
    assert refused.value.reason is Reason.TOO_LARGE

"""What a sender must not reach: our own fields, ClickHouse with a wrong type, a cost out of proportion to its bytes."""

from __future__ import annotations

import pytest

from leeway.collector.otlp import framing
from leeway.collector.otlp.validate import DEFAULT_LIMITS, check
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

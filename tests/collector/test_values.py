"""Attribute values and bodies of any type, depth and size, in every place where a log or a metric can hold one."""

from __future__ import annotations

import json
import operator
import sys
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric

from leeway.collector.otlp import deep, framing
from leeway.collector.otlp.validate import check
from leeway.collector.otlp.wire import EXACT, SHAPES
from leeway.model import Signal
from tests.collector.any_values import any_value, read_back, same, values
from tests.collector.requests import log_record, log_request, metric_request, number, request, span, text


def stored(body: bytes, signal: Signal) -> Any:
    return EXACT[SHAPES[signal].request].FromString(check(body, signal).body)


LOG_PLACES = [
    "resource_logs.0.resource.attributes",
    "resource_logs.0.scope_logs.0.scope.attributes",
    "resource_logs.0.scope_logs.0.log_records.0.attributes",
]
METRIC_PLACES = [
    "resource_metrics.0.resource.attributes",
    "resource_metrics.0.scope_metrics.0.scope.attributes",
    "resource_metrics.0.scope_metrics.0.metrics.0.metadata",
    "resource_metrics.0.scope_metrics.0.metrics.0.gauge.data_points.0.attributes",
    "resource_metrics.0.scope_metrics.0.metrics.1.sum.data_points.0.exemplars.0.filtered_attributes",
    "resource_metrics.0.scope_metrics.0.metrics.2.histogram.data_points.0.attributes",
    "resource_metrics.0.scope_metrics.0.metrics.3.exponential_histogram.data_points.0.attributes",
    "resource_metrics.0.scope_metrics.0.metrics.4.summary.data_points.0.attributes",
]


def at(message: Any, path: str) -> Any:
    return reduce(
        lambda found, step: operator.getitem(found, int(step)) if step.isdigit() else getattr(found, step),
        path.split("."),
        message,
    )


def assert_stands_for(kept: Any, value: object) -> None:
    which = kept.WhichOneof("value")
    if which in ("array_json", "kvlist_json"):
        assert same(read_back(json.loads(getattr(kept, which))), value)
    else:
        assert which != "kvlist_value"
        back = AnyValue.FromString(kept.SerializeToString())
        assert back.SerializeToString(deterministic=True) == any_value(value).SerializeToString(deterministic=True)


@given(values)
def test_every_value_of_a_log_is_read_back_from_where_it_is_stored(value: object) -> None:
    made = log_request()
    for place in LOG_PLACES:
        at(made, place).insert(0, KeyValue(key="k", value=any_value(value)))
    made.resource_logs[0].scope_logs[0].log_records[0].body.CopyFrom(any_value(value))
    kept = stored(made.SerializeToString(), Signal.LOGS)
    for place in LOG_PLACES:
        assert_stands_for(at(kept, place)[0].value, value)
    assert_stands_for(kept.resource_logs[0].scope_logs[0].log_records[0].body, value)


@pytest.mark.parametrize("place", METRIC_PLACES)
@given(values)
def test_every_value_of_a_metric_is_read_back_from_where_it_is_stored(place: str, value: object) -> None:
    made = metric_request()
    at(made, place).insert(0, KeyValue(key="k", value=any_value(value)))
    kept = stored(made.SerializeToString(), Signal.METRICS)
    assert_stands_for(at(kept, place)[0].value, value)
    assert check(made.SerializeToString(), Signal.METRICS).items == 7


@given(values)
def test_values_read_the_same_with_and_without_recursion(value: object) -> None:
    data = any_value(value).SerializeToString()
    assert deep.json_text(data) == deep._json_text_of_any_depth(data, deep.Budget(sys.maxsize, sys.maxsize))


def _sized(content: bytes) -> bytes:
    return framing.varint(len(content)) + content


def nested(depth: int) -> bytes:
    """An AnyValue of kvlists, written by hand: protobuf's own serialiser stops at a depth of 100."""
    tags: list[bytes] = []
    length = len(b"\x0a\x01x")
    for _ in range(depth):
        pair = b"\x0a\x01k\x12" + framing.varint(length)
        length += len(pair)
        head = b"\x32" + framing.varint(length + 1 + len(framing.varint(length))) + b"\x0a" + framing.varint(length)
        length += len(head)
        tags += [pair, head]
    return b"".join(reversed(tags)) + b"\x0a\x01x"


DEPTH = 10_000


@pytest.mark.parametrize(
    ("signal", "path"),
    [
        (Signal.TRACES, [0x0A, 0x12, 0x12, 0x4A, 0x12]),
        (Signal.LOGS, [0x0A, 0x12, 0x12, 0x2A]),
        (Signal.LOGS, [0x0A, 0x12, 0x12, 0x32, 0x12]),
        (Signal.LOGS, [0x0A, 0x0A, 0x0A, 0x12]),
        (Signal.METRICS, [0x0A, 0x12, 0x12, 0x2A, 0x0A, 0x3A, 0x12]),
        (Signal.METRICS, [0x0A, 0x12, 0x12, 0x62, 0x12]),
    ],
)
def test_ten_thousand_levels_are_read_back_on_every_signal(signal: Signal, path: list[int]) -> None:
    body = nested(DEPTH)
    for depth, tag in reversed(list(enumerate(path))):
        body = bytes((tag,)) + _sized(body)
        if tag == 0x4A:  # a span's attribute: its ids come first
            body = b"\x0a\x10" + b"t" * 16 + b"\x12\x08" + b"s" * 8 + body
        if tag == 0x62:  # a metric's metadata: with a gauge of one data point
            body += b"\x2a\x02\x0a\x00"
        if depth == 1 and tag == 0x0A:  # a resource: with a scope of one log record
            body += b"\x12\x02\x12\x00"
    checked = check(body, signal)
    assert (checked.items, checked.rejected) == (1, 0)
    assert b'{"k":' * DEPTH + b'"x"' + b"}" * DEPTH in checked.body


@pytest.mark.parametrize("signal", Signal)
def test_a_prompt_of_ten_megabytes_is_passed_on_byte_for_byte(signal: Signal) -> None:
    prompt = "é" * 5_000_000
    made: Any = {
        Signal.TRACES: lambda: request(span(attributes=[text("prompt", prompt)])),
        Signal.LOGS: lambda: log_request(log_record(prompt)),
        Signal.METRICS: lambda: metric_request(Metric(name=prompt, gauge=Gauge(data_points=[number()]))),
    }[signal]()
    body = made.SerializeToString()
    assert check(body, signal).body is body

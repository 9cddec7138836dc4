"""Services whose names look like nothing, or like something else, keep them in every table."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from leeway.collector.otlp.json_request import to_protobuf
from leeway.model import Signal
from leeway.storage import Database
from tests.storage.otlp import (
    START_NS,
    Value,
    attributes,
    framed,
    resource_logs,
    resource_metrics,
    resource_spans,
    span,
)

NAMES = (
    "null", "NULL", "None", "nan", "NaN", "inf", "0", "-0", "false", "\\N", "[]", "{}", "''", '""', '"', "'", " ", "\t",
    "\\", "🦜", "ﬁ\u0301", "a\x00b", "%", "${service}", "undefined", "x" * 300,
)  # fmt: skip
NAMED = "SELECT service_name FROM leeway.{} ORDER BY service_name"


def resource(name: str) -> dict[str, str]:
    return {"service.name": name, "service.version": name, "deployment.environment.name": name}


def test_spans_keep_them(db: Database) -> None:
    spans = [
        resource_spans([span(span_id=n.to_bytes(8, "big"))], resource(name)) for n, name in enumerate(NAMES, start=1)
    ]
    db.insert_otlp(framed(spans), "odd")
    expected = [(name, name, name) for name in NAMES]
    sql = "SELECT span_id, service_name, service_version, environment FROM leeway.spans ORDER BY span_id"
    rows = db.rows(sql)
    assert [(r["service_name"], r["service_version"], r["environment"]) for r in rows] == expected
    frame = db.frame(f"{sql} SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1")
    assert [row[1:] for row in frame.iter_rows()] == expected
    found = db.rows("SELECT count() AS n FROM leeway.spans WHERE service_name = {name:String}", {"name": "null"})
    assert found == [{"n": 1}]


def test_log_records_and_data_points_keep_them(db: Database) -> None:
    records, points = [], []
    for name in NAMES:
        held = Resource(attributes=attributes(resource(name)))
        record = resource_logs([LogRecord(time_unix_nano=START_NS)])
        record.resource.CopyFrom(held)
        records.append(record)
        point = NumberDataPoint(as_int=1, time_unix_nano=START_NS)
        metric = resource_metrics([Metric(name="m", gauge=Gauge(data_points=[point]))])
        metric.resource.CopyFrom(held)
        points.append(metric)
    db.insert_otlp(framed(records), "odd", Signal.LOGS)
    db.insert_otlp(framed(points), "odd", Signal.METRICS)
    assert {r["service_name"] for r in db.rows(NAMED.format("logs"))} == set(NAMES)
    assert {r["name"] for r in db.rows("SELECT ServiceName AS name FROM leeway.otel_metrics_gauge")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_json_says_them_as_protobuf_does(name: str) -> None:
    said = {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}}]}
    body = to_protobuf(json.dumps(said).encode(), 100, Signal.TRACES)
    assert attributes({"service.name": name})[0].SerializeToString() in body


def test_a_resource_that_names_nothing_has_no_name(db: Database) -> None:
    nothing: tuple[Value, ...] = ("", [], None)
    for n, value in enumerate(nothing, start=1):
        spans = [resource_spans([span(span_id=n.to_bytes(8, "big"))], {"service.name": value})]
        db.insert_otlp(framed(spans, batch=n), f"none {n}")
    assert db.rows("SELECT DISTINCT service_name FROM leeway.spans") == [{"service_name": ""}]

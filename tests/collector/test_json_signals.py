from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.otlp.validate import check
from leeway.collector.refusal import Refused
from leeway.model import Signal
from tests.collector.any_values import any_value


def test_a_log_record_arrives() -> None:
    record = {
        "timeUnixNano": "1", "observedTimeUnixNano": 2, "severityNumber": "SEVERITY_NUMBER_INFO",
        "severityText": "INFO",
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "EEE19B7EC3C1B174", "eventName": "e", "flags": 1,
        "body": {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [{"intValue": 1}]}}}]}},
        "attributes": [{"key": "a", "value": {"boolValue": True}}], "droppedAttributesCount": 3, "unknown": {},
    }  # fmt: skip
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    made = ExportLogsServiceRequest.FromString(to_protobuf(body, 10, Signal.LOGS))
    expected = LogRecord(
        time_unix_nano=1, observed_time_unix_nano=2, severity_number=9, severity_text="INFO", event_name="e", flags=1,  # type: ignore[arg-type]
        trace_id=bytes.fromhex("5b8efff798038103d269b633813fc60c"), span_id=bytes.fromhex("eee19b7ec3c1b174"),
        body=any_value({"k": [1]}), attributes=[KeyValue(key="a", value=any_value(True))], dropped_attributes_count=3,
    )  # fmt: skip
    assert made.resource_logs[0].scope_logs[0].log_records[0] == expected


def test_every_kind_of_metric_arrives() -> None:
    metrics = [
        {"name": "g", "unit": "s", "gauge": {"dataPoints": [{"asInt": "-5", "timeUnixNano": 1}, {"asDouble": "NaN"}]}},
        {"name": "s", "sum": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "isMonotonic": True,
                              "dataPoints": [{"asInt": 0, "exemplars": [{"asDouble": 1, "spanId": "eee19b7ec3c1b174",
                                              "filteredAttributes": [{"key": "k", "value": {"stringValue": "v"}}]}]}]}},
        {"name": "h", "histogram": {"dataPoints": [{"count": "3", "sum": 1.5, "bucketCounts": ["1", 2],
                                                    "explicitBounds": [1, "Infinity"]}]}},
        {"name": "e", "exponential_histogram": {"data_points": [{"scale": -3, "zero_count": 1,
                                                "positive": {"offset": -1, "bucketCounts": ["300"]}}]}},
        {"name": "q", "summary": {"dataPoints": [{"quantileValues": [{"quantile": 0.5, "value": 2}]}]}},
    ]  # fmt: skip
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
    made = ExportMetricsServiceRequest.FromString(to_protobuf(body, 10, Signal.METRICS))
    gauge, total, histogram, exponential, summary = made.resource_metrics[0].scope_metrics[0].metrics
    assert [p.WhichOneof("value") for p in gauge.gauge.data_points] == ["as_int", "as_double"]
    assert gauge.gauge.data_points[0].as_int == -5
    assert total.sum.data_points[0].WhichOneof("value") == "as_int"
    assert (total.sum.aggregation_temporality, total.sum.is_monotonic) == (1, True)
    assert total.sum.data_points[0].exemplars[0].span_id.hex() == "eee19b7ec3c1b174"
    assert list(histogram.histogram.data_points[0].bucket_counts) == [1, 2]
    assert list(histogram.histogram.data_points[0].explicit_bounds) == [1.0, math.inf]
    point = exponential.exponential_histogram.data_points[0]
    assert (point.scale, point.zero_count, point.positive.offset) == (-3, 1, -1)
    assert list(point.positive.bucket_counts) == [300]
    assert summary.summary.data_points[0].quantile_values[0].value == 2.0


def test_ten_thousand_levels_are_no_obstacle_and_a_bound_is_kept_to() -> None:
    value = '{"kvlistValue":{"values":[{"key":"k","value":' * 10_000 + '{"stringValue":"x"}' + "}]}}" * 10_000
    body = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}'.encode()
    made = check(to_protobuf(body, 10_000, Signal.LOGS), Signal.LOGS)
    assert b'{"k":' * 10_000 + b'"x"' in made.body
    with pytest.raises(Refused, match="nest"):
        to_protobuf(body, 9_999, Signal.LOGS)
    with pytest.raises(Refused, match="nests deeper than 10000 values"):
        to_protobuf(b'{"other":' + b"[" * 1_000_000, 10_000, Signal.LOGS)

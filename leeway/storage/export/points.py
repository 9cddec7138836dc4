"""From rows of metrics' data points to export requests; the points of one metric come together again.

An exemplar's number comes out as a double, for that is how the Collector's tables keep it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from leeway.storage.export.encodings import Encoding
from leeway.storage.export.messages import Row, attributes, of, request

Fields = list[bytes]


def metric_requests(rows: Iterable[Row], encoding: Encoding) -> bytes:
    """An ExportMetricsServiceRequest of rows of `queries/export_metrics.sql`, all of one kind of metric."""
    return request(rows, encoding, _metrics, ("resourceMetrics", "scopeMetrics", "metrics"))


def _metrics(rows: Sequence[Row], e: Encoding) -> list[bytes]:
    """The metrics of a scope in the order in which each was first seen."""
    grouped: dict[tuple[bytes, bytes], tuple[Row, list[bytes]]] = {}
    for row in rows:
        point = _POINTS[row["kind"]][2]
        key = e.message(_about(row, e)), e.message(_own(row, e))
        grouped.setdefault(key, (row, []))[1].append(e.message(point(row, e)))
    return [_metric(row, points, e) for row, points in grouped.values()]


def _metric(row: Row, points: Sequence[bytes], e: Encoding) -> bytes:
    number, name, _ = _POINTS[row["kind"]]
    data = e.message([e.several(1, "dataPoints", points), *_own(row, e)])
    return e.message([*_about(row, e), e.one(number, name, data)])


def _about(row: Row, e: Encoding) -> Fields:
    return [
        e.text(1, "name", row["name"]),
        e.text(2, "description", row["description"]),
        e.text(3, "unit", row["unit"]),
        attributes(12, of(row, "metadata"), e, "metadata"),
    ]


def _own(row: Row, e: Encoding) -> Fields:
    """What a sum or a histogram says of all its points."""
    return [
        e.number(2, "aggregationTemporality", row.get("AggregationTemporality", 0)),
        e.boolean(3, "isMonotonic", row.get("IsMonotonic", 0)),
    ]


# -- the points of each kind ------------------------------------------------------------------------------------------


def _number(row: Row, e: Encoding) -> Fields:
    value = {
        "int": lambda: e.sfixed64(6, "asInt", row["ValueAsInt"]),
        "double": lambda: e.double(4, "asDouble", row["Value"]),
    }.get(row["ValueType"], bytes)()
    return [*_times(row, e), value, _exemplars(5, row, e), *_ends(7, 8, row, e)]


def _histogram(row: Row, e: Encoding) -> Fields:
    return [
        *_times(row, e),
        e.fixed64(4, "count", row["Count"]),
        _optional(5, "sum", row, e),
        e.fixed64s(6, "bucketCounts", row["BucketCounts"]),
        e.doubles(7, "explicitBounds", row["ExplicitBounds"]),
        _exemplars(8, row, e),
        *_ends(9, 10, row, e),
        _optional(11, "min", row, e),
        _optional(12, "max", row, e),
    ]


def _exponential_histogram(row: Row, e: Encoding) -> Fields:
    return [
        *_ends(1, 10, row, e),
        *_times(row, e),
        e.fixed64(4, "count", row["Count"]),
        _optional(5, "sum", row, e),
        e.sint32(6, "scale", row["Scale"]),
        e.fixed64(7, "zeroCount", row["ZeroCount"]),
        _buckets(8, "positive", row, e),
        _buckets(9, "negative", row, e),
        _exemplars(11, row, e),
        _optional(12, "min", row, e),
        _optional(13, "max", row, e),
        _plain(14, "zeroThreshold", row["ZeroThreshold"], e),
    ]


def _summary(row: Row, e: Encoding) -> Fields:
    quantiles = zip(row["ValueAtQuantiles.Quantile"], row["ValueAtQuantiles.Value"], strict=True)
    return [
        *_times(row, e),
        e.fixed64(4, "count", row["Count"]),
        _plain(5, "sum", row["Sum"], e),
        e.several(6, "quantileValues", [
            e.message([_plain(1, "quantile", quantile, e), _plain(2, "value", value, e)])
            for quantile, value in quantiles
        ]),
        *_ends(7, 8, row, e),
    ]  # fmt: skip


_POINTS: Final[Mapping[str, tuple[int, str, Callable[[Row, Encoding], Fields]]]] = {
    "gauge": (5, "gauge", _number),
    "sum": (7, "sum", _number),
    "histogram": (9, "histogram", _histogram),
    "exponential_histogram": (10, "exponentialHistogram", _exponential_histogram),
    "summary": (11, "summary", _summary),
}
"""By the name in `queries/export_metrics.sql`: a Metric's field, its name in JSON, and how its points are written."""


def _times(row: Row, e: Encoding) -> Fields:
    return [e.fixed64(2, "startTimeUnixNano", row["start_ns"]), e.fixed64(3, "timeUnixNano", row["time_ns"])]


def _ends(attributes_number: int, flags_number: int, row: Row, e: Encoding) -> Fields:
    return [attributes(attributes_number, of(row, "attributes"), e), e.number(flags_number, "flags", row["flags"])]


def _optional(number: int, name: str, row: Row, e: Encoding) -> bytes:
    column = name.capitalize()
    return b"" if column in row["Absent"] else e.double(number, name, row[column])


def _plain(number: int, name: str, value: float, e: Encoding) -> bytes:
    """Left out when it is 0.0; -0.0 is not."""
    return b"" if value == 0 and math.copysign(1, value) > 0 else e.double(number, name, value)


def _buckets(number: int, name: str, row: Row, e: Encoding) -> bytes:
    side = name.capitalize()
    fields = [
        e.sint32(1, "offset", row[f"{side}Offset"]),
        e.uint64s(2, "bucketCounts", row[f"{side}BucketCounts"]),
    ]
    return e.one(number, name, e.message(fields)) if any(fields) else b""


def _exemplars(number: int, row: Row, e: Encoding) -> bytes:
    return e.several(number, "exemplars", [
        e.message([
            e.fixed64(2, "timeUnixNano", time_ns),
            e.double(3, "asDouble", value),
            e.hex(4, "spanId", span_id),
            e.hex(5, "traceId", trace_id),
            attributes(7, (keys, texts, types), e, "filteredAttributes"),
        ])
        for time_ns, value, span_id, trace_id, keys, texts, types in row["exemplars"]
    ])  # fmt: skip

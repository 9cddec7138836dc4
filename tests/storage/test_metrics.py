"""What goes in as OTLP metrics comes out of the tables that the Collector's ClickHouse exporter has made known."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from leeway.model import LeewayError, Signal
from leeway.storage import Database
from tests.conftest import ROOT
from tests.storage.otlp import RECEIVED_NS, START_NS, attributes, framed, resource_metrics
from tests.storage.values import ANY_VALUES, EXTREMES, INT64_MAX, TEXTS, Pairs, assert_same, decode, decoded, same

KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
STORED: Final = ROOT / "leeway" / "collector" / "queries" / "stored_metrics.sql"
UINT64_MAX: Final = 2**64 - 1
POINTS: Final[dict[str, Callable[..., Any]]] = {
    "gauge": NumberDataPoint,
    "sum": NumberDataPoint,
    "histogram": HistogramDataPoint,
    "exponential_histogram": ExponentialHistogramDataPoint,
    "summary": SummaryDataPoint,
}


def metric(kind: str, points: Sequence[Any], **fields: Any) -> Metric:
    """A metric of a kind with these points; `fields` are those of the kind's own message."""
    made = Metric(name=f"a.{kind}", description="d", unit="1")
    getattr(made, kind).SetInParent()
    getattr(made, kind).data_points.extend(points)
    for name, value in fields.items():
        setattr(getattr(made, kind), name, value)
    return made


def one_of_each() -> list[Metric]:
    return [metric(kind, [POINTS[kind](time_unix_nano=START_NS)]) for kind in KINDS]


def put(db: Database, metrics: Sequence[Metric], named: str = "one", **places: Any) -> None:
    db.insert_otlp(framed([resource_metrics(metrics)], **places), named, Signal.METRICS)


def points_of(db: Database, kind: str) -> list[dict[str, Any]]:
    """The points in the order they were sent, times as nanoseconds."""
    return db.rows(
        "SELECT * EXCEPT (StartTimeUnix, TimeUnix, ReceivedAt), toUnixTimestamp64Nano(StartTimeUnix) AS start_ns,"
        " toUnixTimestamp64Nano(TimeUnix) AS time_ns, toUnixTimestamp64Nano(ReceivedAt) AS received_ns"
        f" FROM leeway.otel_metrics_{kind}_rows FINAL ORDER BY Ordinal, Position"
    )


def counts(db: Database) -> list[int]:
    return [int(db.rows(f"SELECT count() AS n FROM leeway.otel_metrics_{kind}")[0]["n"]) for kind in KINDS]


# -- the five kinds ---------------------------------------------------------------------------------------------------

EXEMPLAR: Final = Exemplar(
    as_int=-7, time_unix_nano=START_NS + 3, trace_id=b"\x01" * 16, span_id=b"\x02" * 8,
    filtered_attributes=attributes([("user", "u"), ("n", 1)]),
)  # fmt: skip
COMMON: Final[dict[str, Any]] = {
    "time_unix_nano": START_NS, "start_time_unix_nano": START_NS - 9, "flags": 1, "attributes": attributes({"k": True}),
}  # fmt: skip
SENT: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]] = {
    # kind: the point's fields, the fields of the kind's own message, and what is to be read
    "gauge": ({"as_int": -(2**63), "exemplars": [EXEMPLAR]}, {},
              {"Value": -(2.0**63), "ValueAsInt": -(2**63), "ValueType": "int"}),
    "sum": ({"as_double": 0.5, "exemplars": [EXEMPLAR]}, {"aggregation_temporality": 2, "is_monotonic": True},
            {"Value": 0.5, "ValueType": "double", "AggregationTemporality": 2, "IsMonotonic": True}),
    "histogram": ({"count": UINT64_MAX, "sum": 0.0, "max": -0.5, "bucket_counts": [0, UINT64_MAX],
                   "explicit_bounds": [math.inf], "exemplars": [EXEMPLAR]}, {"aggregation_temporality": 1},
                  {"Count": UINT64_MAX, "Sum": 0.0, "Min": 0.0, "Max": -0.5, "Absent": ["Min"],
                   "BucketCounts": [0, UINT64_MAX], "ExplicitBounds": [math.inf], "AggregationTemporality": 1}),
    "exponential_histogram": (
        {"count": 5, "sum": -2.5, "min": -math.inf, "max": 1e300, "scale": -10, "zero_count": UINT64_MAX,
         "zero_threshold": 1e-9, "positive": {"offset": -(2**31), "bucket_counts": [1, UINT64_MAX]},
         "negative": {"offset": 2**31 - 1, "bucket_counts": [3]}, "exemplars": [EXEMPLAR]},
        {"aggregation_temporality": 2},
        {"Count": 5, "Sum": -2.5, "Min": -math.inf, "Max": 1e300, "Absent": [], "Scale": -10, "ZeroCount": UINT64_MAX,
         "ZeroThreshold": 1e-9, "PositiveOffset": -(2**31), "PositiveBucketCounts": [1, UINT64_MAX],
         "NegativeOffset": 2**31 - 1, "NegativeBucketCounts": [3], "AggregationTemporality": 2}),
    "summary": ({"count": UINT64_MAX, "sum": 1.5, "quantile_values": [{"quantile": 0.5, "value": -math.inf}]}, {},
                {"Count": UINT64_MAX, "Sum": 1.5, "ValueAtQuantiles.Quantile": [0.5],
                 "ValueAtQuantiles.Value": [-math.inf]}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_point_keeps_everything(db: Database, kind: str) -> None:
    fields, own, expected = SENT[kind]
    made = metric(kind, [POINTS[kind](**COMMON, **fields)], **own)
    made.metadata.extend(attributes({"m": 1}))
    message = resource_metrics([made], {"service.name": "desk", "host": "h"})
    message.schema_url = "https://schema/r"
    scope = message.scope_metrics[0]
    scope.schema_url, scope.scope.name, scope.scope.version = "https://schema/s", "lib", "1.2"
    scope.scope.dropped_attributes_count = 4
    db.insert_otlp(framed([message], project="acme", writer="w7", batch=99), "full", Signal.METRICS)
    assert counts(db) == [int(k == kind) for k in KINDS]
    (row,) = points_of(db, kind)
    said = {
        **expected, "Project": "acme", "Writer": "w7", "Batch": 99, "received_ns": RECEIVED_NS,
        "ResourceAttributes": {"service.name": "desk", "host": "h"}, "ResourceSchemaUrl": "https://schema/r",
        "ScopeName": "lib", "ScopeVersion": "1.2", "ScopeDroppedAttrCount": 4, "ScopeSchemaUrl": "https://schema/s",
        "ServiceName": "desk", "MetricName": f"a.{kind}", "MetricDescription": "d", "MetricUnit": "1",
        "Attributes": {"k": "true"}, "AttributeTypes": [2], "MetricMetadata": {"m": "1"},
        "start_ns": START_NS - 9, "time_ns": START_NS, "Flags": 1,
    }  # fmt: skip
    if kind != "summary":
        said |= {
            "Exemplars.FilteredAttributes": [{"user": "u", "n": "1"}], "Exemplars.FilteredAttributeTypes": [[1, 3]],
            "Exemplars.Value": [-7.0], "Exemplars.TraceId": ["01" * 16], "Exemplars.SpanId": ["02" * 8],
        }  # fmt: skip
    assert {key: row[key] for key in said} == said


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_point_is_a_point(db: Database, kind: str) -> None:
    put(db, [metric(kind, [POINTS[kind]()])])
    (row,) = points_of(db, kind)
    assert (row["time_ns"], row["start_ns"], row["Attributes"]) == (0, 0, {})
    assert row.get("ValueType", "") == ""
    assert row.get("Absent", ["Sum", "Min", "Max"]) == ["Sum", "Min", "Max"]
    assert row.get("BucketCounts", []) == row.get("Exemplars.Value", []) == []


NUMBERS = st.one_of(st.integers(-(2**63), INT64_MAX), st.floats())


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=10), kind=st.sampled_from(["gauge", "sum"]))
def test_any_number_comes_back_as_it_was(db: Database, numbers: list[int | float], kind: str) -> None:
    db.command(f"TRUNCATE TABLE leeway.otel_metrics_{kind}_rows")
    points = [NumberDataPoint(as_int=n) if isinstance(n, int) else NumberDataPoint(as_double=n) for n in numbers]
    put(db, [metric(kind, [point]) for point in points], repr(numbers))
    rows = points_of(db, kind)
    assert [row["ValueType"] for row in rows] == ["int" if isinstance(n, int) else "double" for n in numbers]
    for row, number in zip(rows, numbers, strict=True):
        assert same(row["ValueAsInt"] if isinstance(number, int) else row["Value"], number)
        assert same(row["Value"], float(number))


COUNTS = st.lists(st.integers(0, UINT64_MAX), max_size=6)
OPTIONAL = st.none() | st.floats()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    buckets=COUNTS,
    bounds=st.lists(st.floats(), max_size=6),
    told=st.fixed_dictionaries({"sum": OPTIONAL, "min": OPTIONAL, "max": OPTIONAL}),
)
def test_any_histogram_comes_back_as_it_was(
    db: Database, buckets: list[int], bounds: list[float], told: dict[str, float | None]
) -> None:
    plain = HistogramDataPoint(bucket_counts=buckets, explicit_bounds=bounds)
    exponential = ExponentialHistogramDataPoint()
    for name, number in told.items():
        if number is not None:
            setattr(plain, name, number)
            setattr(exponential, name, number)
    exponential.positive.bucket_counts.extend(buckets)
    exponential.negative.bucket_counts.extend(reversed(buckets))
    for kind in ("histogram", "exponential_histogram"):
        db.command(f"TRUNCATE TABLE leeway.otel_metrics_{kind}_rows")
    put(
        db,
        [metric("histogram", [plain]), metric("exponential_histogram", [exponential])],
        repr((buckets, bounds, told)),
    )
    (row,), (exponential_row,) = points_of(db, "histogram"), points_of(db, "exponential_histogram")
    assert row["BucketCounts"] == exponential_row["PositiveBucketCounts"] == buckets
    assert exponential_row["NegativeBucketCounts"] == buckets[::-1]
    assert same(row["ExplicitBounds"], bounds)
    for found in (row, exponential_row):
        for name, number in told.items():
            assert (name.capitalize() in found["Absent"]) == (number is None)
            assert same(found[name.capitalize()], 0.0 if number is None else number)


# -- attributes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["point", "resource", "scope", "metric", "exemplar"])
def test_every_kind_of_value_comes_back_from_every_place(db: Database, place: str) -> None:
    message = resource_metrics([metric("sum", [NumberDataPoint(exemplars=[Exemplar()])])])
    scope = message.scope_metrics[0]
    point = scope.metrics[0].sum.data_points[0]
    del message.resource.attributes[:]
    holders: dict[str, tuple[Any, str]] = {
        "point": (point.attributes, "Attribute"),
        "resource": (message.resource.attributes, "ResourceAttribute"),
        "scope": (scope.scope.attributes, "ScopeAttribute"),
        "metric": (scope.metrics[0].metadata, "MetricMetadata"),
        "exemplar": (point.exemplars[0].filtered_attributes, "Exemplars.FilteredAttribute"),
    }
    holder, name = holders[place]
    holder.extend(attributes(EXTREMES))
    db.insert_otlp(framed([message]), "values", Signal.METRICS)
    (row,) = points_of(db, "sum")
    values, types = name if name == "MetricMetadata" else f"{name}s", f"{name}Types"
    if place == "exemplar":
        row = {values: row[values][0], types: row[types][0]}
    assert_same(decoded(row, values, types), EXTREMES)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(TEXTS, ANY_VALUES), max_size=12),
    kind=st.sampled_from(KINDS),
)
def test_any_attributes_come_back_as_they_were(db: Database, pairs: Pairs, kind: str) -> None:
    db.command(f"TRUNCATE TABLE leeway.otel_metrics_{kind}_rows")
    put(db, [metric(kind, [POINTS[kind](attributes=attributes(pairs))])], repr((kind, pairs)))
    (row,) = db.rows(
        "SELECT mapKeys(Attributes) AS keys, mapValues(Attributes) AS texts, AttributeTypes AS types"
        f" FROM leeway.otel_metrics_{kind}"
    )
    found = [decode(kind, text) for kind, text in zip(row["types"], row["texts"], strict=True)]
    assert_same(list(zip(row["keys"], found, strict=True)), pairs)


# -- what senders do --------------------------------------------------------------------------------------------------


def test_impossible_times_are_bounded(db: Database) -> None:
    put(db, [metric("gauge", [NumberDataPoint(time_unix_nano=2**64 - 1, start_time_unix_nano=2**63)])])
    (row,) = points_of(db, "gauge")
    assert (row["time_ns"], row["start_ns"]) == (INT64_MAX, INT64_MAX)


def test_equal_points_of_one_request_all_stay_in_their_order(db: Database) -> None:
    message = resource_metrics([*one_of_each(), metric("gauge", [NumberDataPoint()] * 3), Metric(name="none")])
    message.scope_metrics.add().CopyFrom(message.scope_metrics[0])
    db.insert_otlp(framed([message, message]), "equal", Signal.METRICS)
    assert counts(db) == [16, 4, 4, 4, 4]
    positions = [(row["Ordinal"], row["Position"]) for kind in KINDS for row in points_of(db, kind)]
    assert sorted(positions) == [(ordinal, n) for ordinal in range(2) for n in range(1, 17)]
    assert [row["Position"] for row in points_of(db, "gauge")[:8]] == [1, 6, 7, 8, 9, 14, 15, 16]


def test_a_request_that_is_sent_again_changes_nothing(db: Database) -> None:
    put(db, one_of_each(), "1", batch=1)
    put(db, one_of_each(), "2", writer="w2", batch=8, received_ns=RECEIVED_NS + 86_400 * 10**9)
    assert counts(db) == [1] * 5
    put(db, one_of_each(), "3", batch=2, digest=b"request-digest-2")
    assert counts(db) == [2] * 5


def test_a_batch_inserted_three_times_is_there_once(db: Database) -> None:
    for _ in range(3):
        put(db, one_of_each(), "one-token")
    rows = [db.rows(f"SELECT count() AS n FROM leeway.otel_metrics_{kind}_rows")[0]["n"] for kind in KINDS]
    assert rows == [1] * 5


@contextlib.contextmanager
def without(db: Database, kind: str) -> Iterator[None]:
    """While the table of a kind is not there."""
    db.command(f"RENAME TABLE leeway.otel_metrics_{kind}_rows TO leeway.away")
    try:
        yield
    finally:
        db.command(f"RENAME TABLE leeway.away TO leeway.otel_metrics_{kind}_rows")


def test_a_batch_that_came_into_some_tables_is_completed_by_its_repetition(db: Database) -> None:
    with without(db, "histogram"), pytest.raises(LeewayError):
        put(db, one_of_each(), "one-token", batch=4)
    assert db.rows(STORED.read_text("utf-8"), {"writer": "w1", "batch": 4}) == [{"items": 2}]
    put(db, one_of_each(), "one-token", batch=4)
    rows = [db.rows(f"SELECT count() AS n FROM leeway.otel_metrics_{kind}_rows")[0]["n"] for kind in KINDS]
    assert rows == [1] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_even_a_batch_without_points_tells_that_a_table_is_missing(db: Database, kind: str) -> None:
    with without(db, kind), pytest.raises(LeewayError):
        put(db, [])


def test_a_large_batch_is_one_part_in_each_table(db: Database) -> None:
    put(db, [metric(kind, [POINTS[kind](time_unix_nano=n * 10**12) for n in range(14_000)]) for kind in KINDS])
    parts = (
        "SELECT sum(rows) AS n, count() AS parts FROM system.parts"
        " WHERE table LIKE 'otel_metrics_%_rows' AND active AND rows > 0"
    )
    assert db.rows(parts) == [{"n": 70_000, "parts": 5}]


def test_an_empty_batch_is_no_error(db: Database) -> None:
    db.insert_otlp(b"", "none", Signal.METRICS)
    db.insert_otlp(framed([resource_metrics([]), resource_metrics([Metric(name="none")])]), "empty", Signal.METRICS)
    assert counts(db) == [0] * 5


def test_the_collector_can_count_what_is_stored_of_a_batch(db: Database) -> None:
    put(db, one_of_each(), "1", batch=4)
    put(db, one_of_each(), "2", batch=4)  # as after a token that was renewed
    put(db, one_of_each()[:1], "3", batch=5, digest=b"request-digest-2")
    found = [db.rows(STORED.read_text("utf-8"), {"writer": "w1", "batch": batch}) for batch in (4, 5, 6)]
    assert found == [[{"items": 5}], [{"items": 1}], [{"items": 0}]]


# -- what Grafana's users ask -----------------------------------------------------------------------------------------


def test_queries_written_for_the_exporters_tables_work(db: Database) -> None:
    put(db, [metric("sum", [NumberDataPoint(**COMMON, as_int=3, exemplars=[EXEMPLAR])], is_monotonic=True)])
    (row,) = db.rows(
        "SELECT toStartOfMinute(TimeUnix) AS time, ServiceName, Attributes['k'] AS k, max(Value) AS value,"
        " any(Exemplars.TraceId[1]) AS trace FROM leeway.otel_metrics_sum"
        " WHERE MetricName = 'a.sum' AND IsMonotonic AND TimeUnix >= toDateTime(1) AND TimeUnix <= now()"
        " GROUP BY time, ServiceName, k"
    )
    assert (row["ServiceName"], row["k"], row["value"], row["trace"]) == ("desk", "true", 3.0, "01" * 16)

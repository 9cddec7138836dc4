"""OTLP metrics that came in go out as the same OTLP metrics, through the tables of the Collector's exporter."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from leeway.model import Rejected, Signal
from leeway.storage import Database
from leeway.storage.export import Export, Json, Protobuf, Selection
from tests.collector.any_values import text
from tests.storage.otlp import START_NS, resource_metrics
from tests.storage.test_export import HOUR_NS, WHOLE, exported, key_values, pairs, stored
from tests.storage.test_metrics import KINDS, metric

# -- anything that a metric can say -----------------------------------------------------------------------------------

U32: Final = st.integers(0, 2**32 - 1)
I32: Final = st.integers(-(2**31), 2**31 - 1)
U64: Final = st.integers(0, 2**64 - 1)
DOUBLES: Final = st.floats().map(lambda number: math.nan if math.isnan(number) else number)
"""One NaN only: JSON has a word for that one."""
TIMES_NS: Final = st.integers(0, 2**62)
ATTRIBUTES: Final = pairs.map(key_values)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def ids(size: int) -> st.SearchStrategy[bytes]:
    """None, or any; one of zeros only is none, says OTLP."""
    return st.just(b"") | st.binary(min_size=size, max_size=size).filter(any)


EXEMPLARS: Final = st.lists(
    st.builds(
        Exemplar,
        time_unix_nano=TIMES_NS,
        as_double=DOUBLES,
        trace_id=ids(16),
        span_id=ids(8),
        filtered_attributes=ATTRIBUTES,
    ),
    max_size=2,
)
COMMON: Final[dict[str, st.SearchStrategy[Any]]] = {
    "time_unix_nano": TIMES_NS, "start_time_unix_nano": TIMES_NS, "flags": U32, "attributes": ATTRIBUTES,
}  # fmt: skip
NUMBER_POINTS: Final = st.one_of(
    st.builds(NumberDataPoint, **COMMON, exemplars=EXEMPLARS),
    st.builds(NumberDataPoint, **COMMON, exemplars=EXEMPLARS, as_int=st.integers(-(2**63), 2**63 - 1)),
    st.builds(NumberDataPoint, **COMMON, exemplars=EXEMPLARS, as_double=DOUBLES),
)
POINTS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "gauge": NUMBER_POINTS,
    "sum": NUMBER_POINTS,
    "histogram": st.builds(
        HistogramDataPoint, **COMMON, exemplars=EXEMPLARS, count=U64, sum=maybe(DOUBLES), min=maybe(DOUBLES),
        max=maybe(DOUBLES), bucket_counts=st.lists(U64, max_size=3), explicit_bounds=st.lists(DOUBLES, max_size=3),
    ),
    "exponential_histogram": st.builds(
        ExponentialHistogramDataPoint, **COMMON, exemplars=EXEMPLARS, count=U64, sum=maybe(DOUBLES),
        min=maybe(DOUBLES), max=maybe(DOUBLES), scale=I32, zero_count=U64, zero_threshold=DOUBLES,
        positive=st.builds(
            ExponentialHistogramDataPoint.Buckets, offset=I32, bucket_counts=st.lists(U64, min_size=1, max_size=3)
        ),
    ),
    "summary": st.builds(
        SummaryDataPoint, **COMMON, count=U64, sum=DOUBLES,
        quantile_values=st.lists(
            st.builds(SummaryDataPoint.ValueAtQuantile, quantile=DOUBLES, value=DOUBLES), max_size=3
        ),
    ),
}  # fmt: skip


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    kind = draw(st.sampled_from(KINDS))
    own: dict[str, Any] = {}
    if kind in ("sum", "histogram", "exponential_histogram"):
        own["aggregation_temporality"] = draw(st.integers(0, 2))
    if kind == "sum":
        own["is_monotonic"] = draw(st.booleans())
    made = metric(kind, draw(st.lists(POINTS[kind], min_size=1, max_size=3)), **own)
    made.name, made.description, made.unit = draw(text), draw(text), draw(text)
    made.metadata.extend(draw(ATTRIBUTES))
    return made


def said(request: ExportMetricsServiceRequest) -> Counter[tuple[bytes, ...]]:
    """Each point with all that is around it, as bytes: so NaN equals NaN, and 0.0 is not -0.0."""
    found: Counter[tuple[bytes, ...]] = Counter()
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for of in scope.metrics:
                kind = of.WhichOneof("data") or ""
                points = list(getattr(of, kind).data_points)
                about = Metric()
                about.CopyFrom(of)
                del getattr(about, kind).data_points[:]
                around: tuple[Message, ...] = (resource.resource, scope.scope, about)
                urls = resource.schema_url.encode(), scope.schema_url.encode()
                for point in points:
                    found[*urls, *(part.SerializeToString() for part in (*around, point))] += 1
    return found


def out(db: Database, encoding: Json | Protobuf, which: Selection = WHOLE) -> ExportMetricsServiceRequest:
    """All that comes out, as one request."""
    whole = ExportMetricsServiceRequest()
    for body in exported(db, encoding, Signal.METRICS, which):
        whole.MergeFromString(body)
    return whole


# -- the promises -----------------------------------------------------------------------------------------------------


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(metrics(), min_size=1, max_size=4), of_resource=ATTRIBUTES, of_scope=ATTRIBUTES)
def test_any_metric_comes_out_as_it_came_in(
    db: Database, sent: list[Metric], of_resource: list[Any], of_scope: list[Any]
) -> None:
    for kind in KINDS:
        db.command(f"TRUNCATE TABLE leeway.otel_metrics_{kind}_rows")
    message = resource_metrics(sent)
    del message.resource.attributes[:]
    message.resource.attributes.extend(of_resource)
    message.schema_url, message.scope_metrics[0].schema_url = "https://schema/r", "https://schema/s"
    scope = message.scope_metrics[0].scope
    scope.name, scope.version, scope.dropped_attributes_count = "lib", "1.2", 3
    scope.attributes.extend(of_scope)
    request = ExportMetricsServiceRequest(resource_metrics=[message])
    stored(db, request, batch=hash(request.SerializeToString()) & 0xFFFF_FFFF)
    for encoding in (Json(), Protobuf()):
        assert said(out(db, encoding)) == said(request)


@pytest.mark.parametrize("kind", KINDS)
def test_points_of_one_metric_come_out_as_one_metric(db: Database, kind: str) -> None:
    point: Any = {"histogram": HistogramDataPoint, "summary": SummaryDataPoint}.get(
        kind, ExponentialHistogramDataPoint if kind.startswith("exp") else NumberDataPoint
    )
    points = [point(time_unix_nano=START_NS + n, flags=n) for n in range(3)]
    request = ExportMetricsServiceRequest(resource_metrics=[resource_metrics([metric(kind, points)])])
    stored(db, request)
    (of,) = out(db, Protobuf()).resource_metrics[0].scope_metrics[0].metrics
    assert [p.flags for p in getattr(of, kind).data_points] == [0, 1, 2]


def test_the_number_of_an_exemplar_comes_out_as_a_double(db: Database) -> None:
    point = NumberDataPoint(as_int=1, time_unix_nano=START_NS, exemplars=[Exemplar(as_int=-7)])
    stored(db, ExportMetricsServiceRequest(resource_metrics=[resource_metrics([metric("gauge", [point])])]))
    (of,) = out(db, Json()).resource_metrics[0].scope_metrics[0].metrics
    assert of.gauge.data_points[0].exemplars[0] == Exemplar(as_double=-7.0)


def test_metrics_are_selected_by_time_and_project(db: Database) -> None:
    for n in (5, 2, 9, 4):
        points = [NumberDataPoint(as_int=n, time_unix_nano=START_NS + n * HOUR_NS)]
        message = resource_metrics([metric("sum", points)])
        stored(db, ExportMetricsServiceRequest(resource_metrics=[message]), batch=n)

    def hours(**which: Any) -> list[int]:
        return [
            point.as_int
            for resource in out(db, Protobuf(), Selection(**which)).resource_metrics
            for of in resource.scope_metrics[0].metrics
            for point in of.sum.data_points
        ]

    assert hours() == [2, 4, 5, 9]
    assert hours(projects=("acme",)) == [5, 9]
    assert hours(from_ns=START_NS + 4 * HOUR_NS, to_ns=START_NS + 9 * HOUR_NS) == [4, 5]
    assert hours(projects=("nobody",)) == []


def test_metrics_cannot_be_asked_for_by_trace(db: Database) -> None:
    with pytest.raises(Rejected, match="metrics belong to no trace; select them by time and project"):
        Export(db, Signal.METRICS, Selection(trace_ids=("01" * 16,)), Json())

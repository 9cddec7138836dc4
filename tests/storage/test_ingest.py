"""What goes in as OTLP comes out of `spans`: every value, whatever senders do."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from leeway.storage import Database
from tests.storage.otlp import RECEIVED_NS, START_NS, Json, Value, any_value, attributes, framed, resource_spans, span
from tests.storage.values import ANY_VALUES, EXTREMES, INT64_MAX, TEXTS, Pairs, decode, expected, same


def spans_of(db: Database) -> list[dict[str, Any]]:
    """The spans as ClickHouse has them, times as nanoseconds."""
    return db.rows(
        "SELECT * EXCEPT (start_time, received_at), toUnixTimestamp64Nano(start_time) AS start_ns,"
        " toUnixTimestamp64Nano(received_at) AS received_ns FROM leeway.spans ORDER BY trace_id, span_id"
    )


def one(db: Database, message_span: Any, **resource: Value) -> dict[str, Any]:
    db.insert_otlp(framed([resource_spans([message_span], resource or None)]), "one")
    (row,) = spans_of(db)
    return row


# -- values -----------------------------------------------------------------------------------------------------------

KEYS, VALUES, TYPES = "mapKeys(attributes)", "mapValues(attributes)", "attribute_types"


def read_back(db: Database, span_id: bytes) -> list[tuple[str, Any]]:
    """A span's attributes in order, duplicates and all, decoded as the schema says."""
    (row,) = db.rows(
        f"SELECT {KEYS} AS keys, {VALUES} AS texts, {TYPES} AS types FROM leeway.spans WHERE span_id = {{id:String}}",
        {"id": span_id.hex()},
    )
    decoded = [decode(kind, text) for kind, text in zip(row["types"], row["texts"], strict=True)]
    return list(zip(row["keys"], decoded, strict=True))


@pytest.mark.parametrize("place", ["span", "resource", "scope", "event", "link"])
def test_every_kind_of_value_comes_back_from_every_place(db: Database, place: str) -> None:
    message = resource_spans([span()])
    scope = message.scope_spans[0]
    event = scope.spans[0].events.add(name="e")
    link = scope.spans[0].links.add(trace_id=b"\x09" * 16, span_id=b"\x08" * 8)
    holder: dict[str, Any] = {
        "span": scope.spans[0],
        "resource": message.resource,
        "scope": scope.scope,
        "event": event,
        "link": link,
    }
    del message.resource.attributes[:]
    holder[place].attributes.extend(attributes(EXTREMES))
    db.insert_otlp(framed([message]), "values")
    source = {
        "span": "attributes AS a, attribute_types AS t",
        "resource": "resource_attributes AS a, resource_attribute_types AS t",
        "scope": "scope_attributes AS a, scope_attribute_types AS t",
        "event": "events[1].attributes AS a, events[1].attribute_types AS t",
        "link": "links[1].attributes AS a, links[1].attribute_types AS t",
    }[place]
    (row,) = db.rows(f"SELECT {source} FROM leeway.spans")
    assert list(row["a"]) == [key for key, _ in EXTREMES]
    for (key, value), text, kind in zip(EXTREMES, row["a"].values(), row["t"], strict=True):
        assert same(decode(kind, text), expected(value)), (key, kind, text)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=st.lists(st.lists(st.tuples(TEXTS, ANY_VALUES), max_size=12), min_size=1, max_size=12))
def test_any_attributes_come_back_as_they_were(db: Database, spans: list[Pairs]) -> None:
    db.command("TRUNCATE TABLE leeway.span_rows")
    ids = [n.to_bytes(8, "big") for n in range(1, len(spans) + 1)]
    messages = [resource_spans([span(pairs, span_id=i)]) for i, pairs in zip(ids, spans, strict=True)]
    db.insert_otlp(framed(messages), repr(spans))
    for i, pairs in zip(ids, spans, strict=True):
        found = read_back(db, i)
        assert [key for key, _ in found] == [key for key, _ in pairs]
        for (_, got), (key, value) in zip(found, pairs, strict=True):
            assert same(got, value), (key, value, got)


def test_a_span_keeps_everything_else_too(db: Database) -> None:
    full = span(
        [("a", 1)],
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        parent_span_id=bytes(range(8, 16)),
        trace_state="k=v",
        flags=257,
        name="chat",
        kind=3,
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    full.status.message, full.status.code = "it broke", Status.STATUS_CODE_ERROR
    full.events.add(name="exception", time_unix_nano=START_NS + 7, dropped_attributes_count=4)
    full.links.add(trace_id=b"\x05" * 16, span_id=b"\x06" * 8, trace_state="l", flags=1, dropped_attributes_count=5)
    message = resource_spans([full], {"service.name": "desk", "service.version": "7", "deployment.environment": "prod"})
    message.schema_url = "https://schema/r"
    message.scope_spans[0].schema_url = "https://schema/s"
    message.scope_spans[0].scope.name, message.scope_spans[0].scope.version = "lib", "1.2"
    db.insert_otlp(framed([message], project="acme", writer="w7", batch=99), "full")
    (row,) = spans_of(db)
    said = {
        "project": "acme", "writer": "w7", "batch": 99, "received_ns": RECEIVED_NS,
        "trace_id": "000102030405060708090a0b0c0d0e0f", "span_id": "0001020304050607",
        "parent_span_id": "08090a0b0c0d0e0f", "trace_state": "k=v", "flags": 257, "name": "chat",
        "span_kind": "client", "start_ns": START_NS, "duration_ns": 5_000_000,
        "status_code": "error", "status_message": "it broke", "scope_name": "lib", "scope_version": "1.2",
        "service_name": "desk", "service_version": "7", "environment": "prod",
        "dropped_attributes": 1, "dropped_events": 2, "dropped_links": 3,
        "resource_schema_url": "https://schema/r", "scope_schema_url": "https://schema/s",
    }  # fmt: skip
    assert {key: row[key] for key in said} == said
    (event,) = db.rows(
        "SELECT e.name AS name, toUnixTimestamp64Nano(e.time) AS at, e.dropped_attributes AS d"
        " FROM leeway.spans ARRAY JOIN events AS e"
    )
    assert event == {"name": "exception", "at": START_NS + 7, "d": 4}
    assert row["links"][0]["trace_id"] == "05" * 16
    assert (row["links"][0]["trace_state"], row["links"][0]["flags"], row["links"][0]["dropped_attributes"]) == (
        "l",
        1,
        5,
    )


# -- what senders do --------------------------------------------------------------------------------------------------


def test_duplicate_keys_are_all_kept_and_the_first_counts(db: Database) -> None:
    row = one(db, span([("gen_ai.tool.name", "first"), ("gen_ai.tool.name", "second"), ("x", 1), ("x", 2)]))
    assert row["tool_name"] == "first"
    found = read_back(db, b"\x02" * 8)
    assert found == [("gen_ai.tool.name", "first"), ("gen_ai.tool.name", "second"), ("x", 1), ("x", 2)]


def test_a_batch_inserted_three_times_is_there_once(db: Database) -> None:
    batch = framed([resource_spans([span(), span(span_id=b"\x03" * 8)])])
    for _ in range(3):
        db.insert_otlp(batch, "one-token")
    assert db.rows("SELECT count() AS n FROM leeway.span_rows") == [{"n": 2}]


def test_the_same_bytes_under_another_token_are_another_batch(db: Database) -> None:
    batch = framed([resource_spans([span()])])
    db.insert_otlp(batch, "a")
    db.insert_otlp(batch, "b")
    assert db.rows("SELECT count() AS n FROM leeway.span_rows") == [{"n": 2}]


def test_a_span_delivered_in_two_batches_is_seen_once_at_once(db: Database) -> None:
    db.insert_otlp(framed([resource_spans([span(), span(span_id=b"\x03" * 8)])], batch=1), "1")
    db.insert_otlp(framed([resource_spans([span()])], writer="w2", batch=2), "2")
    assert [row["span_id"] for row in spans_of(db)] == ["02" * 8, "03" * 8]
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 2}]


def test_a_span_delivered_twice_in_one_batch_is_seen_once(db: Database) -> None:
    db.insert_otlp(framed([resource_spans([span(), span()])]), "1")
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 1}]


def test_an_empty_batch_is_no_error(db: Database) -> None:
    db.insert_otlp(b"", "none")
    db.insert_otlp(framed([resource_spans([])]), "empty")
    assert spans_of(db) == []


def test_a_span_without_a_proper_id_is_left_out_and_its_neighbours_are_not(db: Database) -> None:
    bad = [span(trace_id=b""), span(span_id=b"\x01"), span(trace_id=b"\x01" * 15)]
    db.insert_otlp(framed([resource_spans([*bad, span()])]), "ids")
    assert [row["span_id"] for row in spans_of(db)] == ["02" * 8]


@pytest.mark.parametrize(
    ("start", "end", "start_ns", "duration_ns"),
    [
        (START_NS, START_NS - 1, START_NS, 0),
        (START_NS, 0, START_NS, 0),
        (0, 0, 0, 0),
        (0, INT64_MAX, 0, INT64_MAX),
        (2**64 - 1, 2**64 - 1, INT64_MAX, 0),
        (2**63, 2**64 - 1, INT64_MAX, 0),
        (INT64_MAX - 5, 2**64 - 1, INT64_MAX - 5, 5),
    ],
)
def test_impossible_times_are_bounded(db: Database, start: int, end: int, start_ns: int, duration_ns: int) -> None:
    wild = span(start_time_unix_nano=start, end_time_unix_nano=end)
    wild.events.add(time_unix_nano=2**64 - 1)
    row = one(db, wild)
    assert (row["start_ns"], row["duration_ns"]) == (start_ns, duration_ns)


HOSTILE: list[tuple[Value, int]] = [
    (12, 12), (0, 0), (-5, 0), (12.0, 12), (12.9, 12), ("12", 12), ("", 0), ("twelve", 0), ("nan", 0), ("inf", 0),
    ("-inf", 0), ("1e400", 0), ("1e3", 1000), (math.nan, 0), (math.inf, 0), (-0.0, 0), (1e300, 10**15),
    (INT64_MAX, 10**15), (True, 0), (None, 0), (b"12", 0), ([12], 0), (Json(101, '{"a":1}'), 0),
]  # fmt: skip
MODEL_CALL: Pairs = [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4o")]


def test_hostile_numbers_in_token_attributes_are_bounded(db: Database) -> None:
    spans = [
        span([*MODEL_CALL, ("gen_ai.usage.input_tokens", value)], span_id=n.to_bytes(8, "big"))
        for n, (value, _) in enumerate(HOSTILE, 1)
    ]
    db.insert_otlp(framed([resource_spans(spans)]), "hostile")
    rows = spans_of(db)
    assert [row["input_tokens"] for row in rows] == [n for _, n in HOSTILE]
    assert all(math.isfinite(row["cost_usd"]) for row in rows)


@pytest.mark.parametrize("stated", ["nan", "inf", "1e400", -3.0, math.nan, "free", 1e9])
def test_a_hostile_stated_cost_is_not_believed(db: Database, stated: Value) -> None:
    pairs: Pairs = [*MODEL_CALL, ("gen_ai.usage.input_tokens", 1_000_000)]
    row = one(db, span([*pairs, ("gen_ai.usage.cost", stated)]))
    assert (row["cost_usd"], row["cost_source"]) == (pytest.approx(2.5), "price_table")


def test_values_are_built_as_the_collector_builds_them() -> None:
    assert any_value(Json(101, "{}")).SerializeToString() == b"\xaa\x06\x02{}"


def test_a_parent_of_zeros_is_none(db: Database) -> None:
    parents = [b"", bytes(8), bytes(7) + b"\x01", b"\x01" + bytes(7)]
    spans = [span(span_id=bytes(7) + bytes([n]), parent_span_id=parent) for n, parent in enumerate(parents, start=1)]
    db.insert_otlp(framed([resource_spans(spans)]), "parents")
    rows = db.rows("SELECT parent_span_id FROM leeway.spans ORDER BY span_id")
    assert [row["parent_span_id"] for row in rows] == ["", "", "0000000000000001", "0100000000000000"]

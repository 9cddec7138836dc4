"""What goes in as OTLP log records comes out of `logs`: every value, every record, whatever senders do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leeway.model import Signal
from leeway.storage import Database
from tests.conftest import ROOT
from tests.storage.otlp import (
    RECEIVED_NS,
    START_NS,
    Value,
    any_value,
    attributes,
    framed,
    log_record,
    resource_logs,
)
from tests.storage.values import ANY_VALUES, EXTREMES, INT64_MAX, TEXTS, assert_same, decode, decoded, expected, same

STORED = ROOT / "leeway" / "collector" / "queries" / "stored_logs.sql"


def put(db: Database, records: Any, named: str = "one", **places: Any) -> None:
    db.insert_otlp(framed([resource_logs(records)], **places), named, Signal.LOGS)


def logs_of(db: Database) -> list[dict[str, Any]]:
    """The records in the order they were sent, times as nanoseconds."""
    return db.rows(
        "SELECT * EXCEPT (timestamp, observed_timestamp, received_at), toUnixTimestamp64Nano(timestamp) AS time_ns,"
        " toUnixTimestamp64Nano(observed_timestamp) AS observed_ns, toUnixTimestamp64Nano(received_at) AS received_ns"
        " FROM leeway.log_rows FINAL ORDER BY ordinal, position"
    )


def count(db: Database) -> int:
    return int(db.rows("SELECT count() AS n FROM leeway.logs")[0]["n"])


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["record", "resource", "scope"])
def test_every_kind_of_value_comes_back_from_every_place(db: Database, place: str) -> None:
    message = resource_logs([log_record()])
    scope = message.scope_logs[0]
    holders: dict[str, Any] = {"record": scope.log_records[0], "resource": message.resource, "scope": scope.scope}
    del message.resource.attributes[:]
    holders[place].attributes.extend(attributes(EXTREMES))
    db.insert_otlp(framed([message]), "values", Signal.LOGS)
    (row,) = logs_of(db)
    prefix = {"record": "attribute", "resource": "resource_attribute", "scope": "scope_attribute"}[place]
    assert_same(decoded(row, f"{prefix}s", f"{prefix}_types"), EXTREMES)


def test_a_body_may_be_any_kind_of_value(db: Database) -> None:
    put(db, [log_record(body=any_value(value)) for _, value in EXTREMES])
    for row, (key, value) in zip(logs_of(db), EXTREMES, strict=True):
        assert same(decode(row["body_type"], row["body"]), expected(value)), key


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(
        st.tuples(ANY_VALUES, st.lists(st.tuples(TEXTS, ANY_VALUES), max_size=8, unique_by=lambda pair: pair[0])),
        min_size=1,
        max_size=12,
    )
)
def test_any_records_come_back_as_they_were(db: Database, records: list[tuple[Value, list[tuple[str, Value]]]]) -> None:
    db.command("TRUNCATE TABLE leeway.log_rows")
    put(db, [log_record(pairs, body=any_value(body)) for body, pairs in records], repr(records))
    for row, (body, pairs) in zip(logs_of(db), records, strict=True):
        assert same(decode(row["body_type"], row["body"]), body)
        assert_same(decoded(row, "attributes", "attribute_types"), pairs)


def test_a_record_keeps_everything_else_too(db: Database) -> None:
    record = log_record(
        [("gen_ai.agent.name", "planner"), ("gen_ai.conversation.id", "c1")],
        time_unix_nano=START_NS,
        observed_time_unix_nano=START_NS + 5,
        severity_number=17,
        severity_text="ERROR",
        body=any_value("it broke"),
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        flags=257,
        event_name="exception",
        dropped_attributes_count=3,
    )
    message = resource_logs(
        [record], {"service.name": "desk", "service.version": "7", "deployment.environment": "prod"}
    )
    message.schema_url = "https://schema/r"
    scope = message.scope_logs[0]
    scope.schema_url, scope.scope.name, scope.scope.version = "https://schema/s", "lib", "1.2"
    db.insert_otlp(framed([message], project="acme", writer="w7", batch=99), "full", Signal.LOGS)
    (row,) = logs_of(db)
    said = {
        "project": "acme", "writer": "w7", "batch": 99, "received_ns": RECEIVED_NS,
        "time_ns": START_NS, "observed_ns": START_NS + 5, "severity_number": 17, "severity_text": "ERROR",
        "body": "it broke", "trace_id": "000102030405060708090a0b0c0d0e0f", "span_id": "0001020304050607", "flags": 257,
        "event_name": "exception", "dropped_attributes": 3, "scope_name": "lib", "scope_version": "1.2",
        "service_name": "desk", "service_version": "7", "environment": "prod",
        "agent_name": "planner", "conversation_id": "c1",
        "resource_schema_url": "https://schema/r", "scope_schema_url": "https://schema/s",
    }  # fmt: skip
    assert {key: row[key] for key in said} == said


# -- what senders do --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_ns", "observed_ns", "expected_ns"),
    [
        (START_NS, START_NS + 1, START_NS),
        (0, START_NS + 1, START_NS + 1),
        (0, 0, RECEIVED_NS),
        (2**64 - 1, 0, INT64_MAX),
        (0, 2**64 - 1, INT64_MAX),
    ],
)
def test_a_record_without_a_time_counts_from_when_it_was_seen(
    db: Database, time_ns: int, observed_ns: int, expected_ns: int
) -> None:
    put(db, [log_record(time_unix_nano=time_ns, observed_time_unix_nano=observed_ns)])
    assert [row["time_ns"] for row in logs_of(db)] == [expected_ns]


def test_the_older_attribute_names_the_event_where_the_record_does_not(db: Database) -> None:
    put(db, [log_record([("event.name", "old")]), log_record([("event.name", "old")], event_name="new")])
    assert [row["event_name"] for row in logs_of(db)] == ["old", "new"]


def test_ids_of_zeros_are_no_ids(db: Database) -> None:
    put(db, [log_record(trace_id=b"\0" * 16, span_id=b"\0" * 8), log_record()])
    assert [(row["trace_id"], row["span_id"]) for row in logs_of(db)] == [("", "")] * 2


def test_equal_lines_of_one_request_all_stay(db: Database) -> None:
    message = resource_logs([log_record(body=any_value("again"))] * 3)
    message.scope_logs.add().CopyFrom(message.scope_logs[0])
    db.insert_otlp(framed([message, message]), "equal", Signal.LOGS)
    assert count(db) == 12
    assert [row["position"] for row in logs_of(db)] == [1, 2, 3, 4, 5, 6] * 2


def test_a_request_that_is_sent_again_changes_nothing(db: Database) -> None:
    records = [log_record([("n", n)], body=any_value("same")) for n in range(3)]
    put(db, records, "1", batch=1)
    put(db, records, "2", writer="w2", batch=8, received_ns=RECEIVED_NS + 86_400 * 10**9)
    assert count(db) == 3
    put(db, records, "3", batch=2, digest=b"request-digest-2")
    assert count(db) == 6


def test_a_batch_inserted_three_times_is_there_once(db: Database) -> None:
    for _ in range(3):
        put(db, [log_record(), log_record()], "one-token")
    assert db.rows("SELECT count() AS n FROM leeway.log_rows") == [{"n": 2}]


def test_a_large_batch_is_one_part(db: Database) -> None:
    put(db, [log_record([("n", n)], time_unix_nano=START_NS + n * 10**12) for n in range(70_000)])
    parts = "SELECT sum(rows) AS n, count() AS parts FROM system.parts WHERE table = 'log_rows' AND active AND rows > 0"
    assert db.rows(parts) == [{"n": 70_000, "parts": 1}]


def test_an_empty_batch_is_no_error(db: Database) -> None:
    db.insert_otlp(b"", "none", Signal.LOGS)
    db.insert_otlp(framed([resource_logs([])]), "empty", Signal.LOGS)
    assert count(db) == 0


def test_the_collector_can_count_what_is_stored_of_a_batch(db: Database) -> None:
    put(db, [log_record(), log_record()], "1", batch=4)
    put(db, [log_record(), log_record()], "2", batch=4)  # as after a token that was renewed
    put(db, [log_record()], "3", batch=5, digest=b"request-digest-2")
    assert stored(db, STORED, 4) == 2
    assert stored(db, STORED, 6) == 0


def stored(db: Database, query: Path, batch: int) -> int:
    return int(db.rows(query.read_text("utf-8"), {"writer": "w1", "batch": batch})[0]["items"])
